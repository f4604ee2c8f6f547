# SPDX-License-Identifier: Apache-2.0
"""How far a joint can move a shape, at most, in whatever posture: the soundness of every sweep.

A revolute joint that turns by Δ moves a point by no more than Δ times its distance from the axis,
and a prismatic one by Δ. The greatest distance over all postures is bounded along the chain by
the triangle inequality: link lengths, travels of prismatic joints, and the shape's own size.
A cylinder that turns about its own axis stays where it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from vla_safety.motion import Array

PRISMATIC_SLACK_M = 0.05
"""A sliding joint is taken to reach this far beyond its limits [m]."""
_COAXIAL = 1e-9
_POINT_M = 1e-6


@dataclass(frozen=True)
class Radii:
    """How joints move shapes; shapes by joints.

    Attributes:
        moved: Whether a joint moves a shape.
        radius: Greatest movement by a change of 1 [m/unit]; 0 where a shape only turns in itself.
        around: Whether a joint that a shape carries turns about that shape's own axis: seen from
            there, the shape turns in itself.
    """

    moved: NDArray[np.bool_]
    radius: Array
    around: NDArray[np.bool_]


def shape_radii(model: pin.Model, geometry: pin.GeometryModel) -> Radii:
    """Bound the movement of every shape by every joint."""
    size = (geometry.ngeoms, model.nv)
    moved, around, radii = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool), np.zeros(size)
    for row, shape in enumerate(geometry.geometryObjects):
        for joint, radius in _along_chain(model, shape):
            moved[row, model.joints[joint].idx_v] = True
            radii[row, model.joints[joint].idx_v] = radius
        for joint in range(1, model.njoints):
            if model.parents[joint] == shape.parentJoint and _turns(model, joint):
                place = model.jointPlacements[joint]
                axis = place.rotation @ _axis(model, joint)
                around[row, model.joints[joint].idx_v] = _is_round(shape, place.translation, axis)
    return Radii(moved, radii, around)


def _along_chain(model: pin.Model, shape: pin.GeometryObject) -> list[tuple[int, float]]:
    """The joints that move the points of a shape, from the nearest up, and by how much."""
    joint, corners = int(shape.parentJoint), _corners(shape)
    found: list[tuple[int, float]] = []
    reach = float(np.linalg.norm(corners, axis=1).max())
    aside = corners
    slack = 0.0
    while joint > 0:
        axis = _axis(model, joint)
        if not found and _turns(model, joint) and _is_round(shape, np.zeros(3), axis):
            found.append((joint, 0.0))
        elif _turns(model, joint):
            off_axis = aside - np.outer(aside @ axis, axis)
            found.append((joint, float(np.linalg.norm(off_axis, axis=1).max()) + slack))
        else:
            found.append((joint, 1.0))
            reach += travel_m(model, joint)
        # Seen from the joint above, all of this is a ball about this joint's origin.
        origin = model.jointPlacements[joint].translation
        aside, slack = origin[None], reach
        reach += float(np.linalg.norm(origin))
        joint = int(model.parents[joint])
    return found


def overhang_m(item: pin.GeometryObject, shapes: Iterable[pin.GeometryObject]) -> float:
    """Farthest that a point of a shape is from another that the same joint carries [m].

    Infinite where it carries none. Distance from what is convex is greatest at a corner.
    """
    beside = [shape for shape in shapes if shape.parentJoint == item.parentJoint]
    corners = _corners(item)
    return min(
        (max(_distance_m(corner, shape) for corner in corners) for shape in beside),
        default=np.inf,
    )


def _distance_m(point: Array, shape: pin.GeometryObject) -> float:
    """From a point to a shape, both as seen from the joint; 0 inside [m]."""
    place = coal.Transform3s(np.eye(3), point)
    there = coal.Transform3s(shape.placement.rotation, shape.placement.translation)
    request, result = coal.DistanceRequest(), coal.DistanceResult()
    coal.distance(coal.Sphere(_POINT_M), place, shape.geometry, there, request, result)
    return max(float(result.min_distance) + _POINT_M, 0.0)


def travel_m(model: pin.Model, joint: int) -> float:
    """Farthest that a prismatic joint slides from its zero [m]."""
    index = model.joints[joint].idx_q
    limits = model.lowerPositionLimit[index], model.upperPositionLimit[index]
    return float(np.abs(limits).max()) + PRISMATIC_SLACK_M


def _turns(model: pin.Model, joint: int) -> bool:
    return bool(model.joints[joint].shortname().startswith('JointModelR'))


def _is_round(shape: pin.GeometryObject, point: Array, axis: Array) -> bool:
    """Whether a shape looks the same however it is turned about an axis."""
    offset = shape.placement.translation - point
    aside = np.linalg.norm(offset - axis * float(offset @ axis))
    tilt = np.linalg.norm(np.cross(shape.placement.rotation[:, 2], axis))
    if isinstance(shape.geometry, coal.Cylinder):
        return bool(aside < _COAXIAL and tilt < _COAXIAL)
    return isinstance(shape.geometry, coal.Sphere) and bool(aside < _COAXIAL)


def _axis(model: pin.Model, joint: int) -> Array:
    """Direction of a joint's axis in its own frame."""
    data = model.joints[joint].createData()
    model.joints[joint].calc(data, np.zeros(model.nq))
    motion = np.asarray(data.S).reshape(6)
    direction = motion[3:] if np.any(motion[3:]) else motion[:3]
    return np.asarray(direction / np.linalg.norm(direction))


def _corners(shape: pin.GeometryObject) -> Array:
    """Corners of the box that holds a shape, in its joint's frame."""
    box = shape.geometry.aabb_local
    low, high = np.asarray(box.min_), np.asarray(box.max_)
    grid = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    points = low + grid * (high - low)
    return np.asarray(points @ shape.placement.rotation.T + shape.placement.translation)
