# SPDX-License-Identifier: Apache-2.0
"""Proof, when a robot is loaded, that MoveIt's model of it is Pinocchio's.

It would not say that it lost a mesh, took joints in another order, or knows no mimic joint.
"""

from collections.abc import Callable
from typing import Any

import coal
import numpy as np
import pinocchio as pin

from vla_bridge.collision.from_moveit import read_pose
from vla_bridge.collision.installed import Bindings
from vla_bridge.collision.to_moveit import collision_object
from vla_contract.errors import VlaError
from vla_safety.collision.assembly import Assembly
from vla_safety.collision.objects import Pose, SceneObject, SphereShape
from vla_safety.collision.shapes import placement
from vla_safety.motion import Array

POSTURES = 8
_PROBE = 'vla_probe'
_PROBE_M = 0.002
_SAME = 1e-6


def prove_kinematics(place: Callable[[Array], Any], assembly: Assembly) -> None:
    """Raise unless every link is in the same place for both, in a few postures.

    Args:
        place: Moves MoveIt's robot to a posture and returns its state.
        assembly: Pinocchio's.
    """
    model, data = assembly.model, assembly.model.createData()
    random = np.random.default_rng(0)
    for _ in range(POSTURES):
        posture = random.random((assembly.matrix.shape[1],))
        state = place(posture)
        pin.framesForwardKinematics(model, data, assembly.matrix @ posture + assembly.offset)
        for link in set(assembly.links):
            ours = data.oMf[model.getFrameId(link)]
            theirs = placement(read_pose(state.get_pose(link)))
            if not np.abs(ours.homogeneous - theirs.homogeneous).max() < _SAME:
                apart = float(np.linalg.norm(ours.translation - theirs.translation))
                raise VlaError(
                    f'MoveIt and Pinocchio place {link} {apart:.6f} m apart in one posture; no '
                    'verdict of MoveIt can be trusted on this robot'
                )


def prove_shapes(bindings: Bindings, scene: Any, state: Any, assembly: Assembly) -> None:  # noqa: ANN401
    """Raise unless a small ball in every collision shape touches the link that has the shape.

    Args:
        bindings: MoveIt.
        scene: A planning scene without objects; the last ball stays in it.
        state: Of the posture of zeros.
        assembly: Pinocchio's.
    """
    data, geometry = assembly.model.createData(), assembly.geometry
    placed = geometry.createData()
    pin.updateGeometryPlacements(assembly.model, data, geometry, placed, assembly.offset)
    for shape, link, place in zip(
        geometry.geometryObjects, assembly.links, placed.oMg, strict=True
    ):
        ball = SceneObject(_PROBE, SphereShape(_PROBE_M), _pose(place.act(_inside(shape.geometry))))
        message = collision_object(ball, scene.planning_frame, bindings.messages)
        scene.apply_collision_object(message)
        matrix = bindings.AllowedCollisionMatrix([_PROBE, *sorted(set(assembly.links))], True)
        matrix.set_entry(_PROBE, link, False)
        result = bindings.CollisionResult()
        scene.check_collision(bindings.CollisionRequest(), result, state, matrix)
        if not result.collision:
            raise VlaError(
                f'MoveIt lacks the shape {shape.name} of link {link}: a ball inside it touches '
                'nothing. It takes boxes, spheres, cylinders, and meshes that it can read'
            )


def _inside(geometry: coal.CollisionGeometry) -> Array:
    """A point of a shape; of a mesh, one on its surface, which is all that MoveIt has of it."""
    if isinstance(geometry, coal.ConvexBase):
        return np.asarray(geometry.points()[0])
    return np.zeros(3)


def _pose(point: Array) -> Pose:
    x, y, z = point.tolist()
    return Pose((x, y, z))
