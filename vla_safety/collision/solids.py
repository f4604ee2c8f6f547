# SPDX-License-Identifier: Apache-2.0
"""How far many points are from solid shapes, and so which of a camera's points lie on them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import assemble
from vla_safety.collision.objects import AttachedObject, Pose, SceneObject
from vla_safety.collision.shapes import convex, placement, standing
from vla_safety.motion import Array

Points = NDArray[np.float32]
"""N by 3, in the base frame [m]."""
_TURNS = np.array([t for t in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(t)])
_DIRECTIONS = (_TURNS / np.linalg.norm(_TURNS, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Solid:
    """A convex shape and where it is.

    Attributes:
        geometry: As coal has it.
        pose: In the base frame.
    """

    geometry: coal.CollisionGeometry
    pose: pin.SE3

    def near(self, points: Points, within_m: float) -> NDArray[np.bool_]:
        """Which points are no farther away than this, or inside.

        Of a hull, which is taken for the 26 planes about it, somewhat farther at its edges.
        """
        found = np.zeros(len(points), dtype=bool)
        centre = self.pose.act(np.asarray(self.geometry.aabb_center)).astype(np.float32)
        offset = points - centre
        reach = float(self.geometry.aabb_radius) + within_m
        close = np.flatnonzero(np.einsum('ij,ij->i', offset, offset) <= reach * reach)
        if close.size:
            origin = self.pose.translation.astype(np.float32)
            local = (points[close] - origin) @ self.pose.rotation.astype(np.float32)
            found[close] = self._beyond(local) <= within_m
        return found

    def _beyond(self, local: Points) -> Points:
        """Distance of points in the shape's own frame; 0 or less inside."""
        shape = self.geometry
        if isinstance(shape, coal.Box):
            sides = np.abs(local) - np.asarray(shape.halfSide, dtype=np.float32)
        elif isinstance(shape, coal.Sphere):
            return np.asarray(np.linalg.norm(local, axis=1) - np.float32(shape.radius))
        elif isinstance(shape, coal.Cylinder):
            aside = np.hypot(local[:, 0], local[:, 1]) - np.float32(shape.radius)
            along = np.abs(local[:, 2]) - np.float32(shape.halfLength)
            sides = np.stack([aside, along], axis=1)
        else:
            corners = np.asarray(shape.points(), dtype=np.float32)
            planes = (corners @ _DIRECTIONS.T).max(axis=0)
            return np.asarray((local @ _DIRECTIONS.T - planes).max(axis=1))
        return np.asarray(np.linalg.norm(np.maximum(sides, 0.0), axis=1))


class ArmBody:
    """The solids of one arm and of what it carries, in any posture."""

    def __init__(self, arm: Arm) -> None:
        """Load the arm, which carries nothing."""
        self._assembly = assemble((arm,))
        self._data = self._assembly.model.createData()
        self.layout = self._assembly.layout

    def solids(self, posture: Array, carried: Sequence[AttachedObject] = ()) -> tuple[Solid, ...]:
        """Where everything is in a posture, as the layout has it."""
        assembly = self._assembly
        geometry_data = assembly.geometry.createData()
        q = assembly.matrix @ posture + assembly.offset
        pin.updateGeometryPlacements(
            assembly.model, self._data, assembly.geometry, geometry_data, q
        )
        to_base = assembly.base.inverse()
        own = [
            Solid(shape.geometry, to_base * place)
            for shape, place in zip(
                assembly.geometry.geometryObjects, geometry_data.oMg, strict=True
            )
        ]
        held = [
            Solid(convex(item.shape, item.name), self._link(item.link) * placement(item.pose))
            for item in carried
        ]
        return (*own, *held)

    def link_pose(self, posture: Array, link: str) -> pin.SE3:
        """Where a link is in the base frame."""
        q = self._assembly.matrix @ posture + self._assembly.offset
        pin.forwardKinematics(self._assembly.model, self._data, q)
        return self._link(link)

    def standing_frames(self) -> dict[str, Pose]:
        """Links that nothing moves, with their poses in the base frame."""
        to_base = self._assembly.base.inverse()
        found = {}
        for frame in self._assembly.model.frames:
            if frame.parentJoint == 0 and frame.type == pin.FrameType.BODY:
                found[frame.name] = as_pose(to_base * frame.placement)
        return found

    def _link(self, link: str) -> pin.SE3:
        """Of the posture that was last looked at."""
        model = self._assembly.model
        if not model.existBodyName(link):
            raise VlaError(f'{link} is no link of the arm')
        frame = model.frames[model.getBodyId(link)]
        return self._assembly.base.inverse() * self._data.oMi[frame.parentJoint] * frame.placement


def solids_of(objects: Sequence[SceneObject]) -> tuple[Solid, ...]:
    """Objects of the scene, without voxels."""
    return tuple(
        Solid(convex(item.shape, item.name), standing(item.shape, placement(item.pose)))
        for item in objects
    )


def as_pose(pose: pin.SE3) -> Pose:
    """Pinocchio's pose as ours."""
    px, py, pz = pose.translation.tolist()
    x, y, z, w = pin.Quaternion(pose.rotation).coeffs().tolist()
    return Pose((px, py, pz), (x, y, z, w))


def near_any(solids: Sequence[Solid], points: Points, within_m: float) -> NDArray[np.bool_]:
    """Which points are no farther than this from one of the solids."""
    found = np.zeros(len(points), dtype=bool)
    if not solids or not len(points):
        return found
    left = np.arange(len(points))
    for solid in solids:
        hit = solid.near(points[left], within_m)
        found[left[hit]] = True
        left = left[~hit]
    return found
