# SPDX-License-Identifier: Apache-2.0
"""Where to take hold of an object, from above, between its neighbours."""

import math
from dataclasses import dataclass

import numpy as np

from vla_contract.observation import Body, World
from vla_sim.inverse_kinematics import ToolPose
from vla_sim.planning.tool_path import pointing_down
from vla_sim.scene import footprint

FINGER_THICKNESS = 0.0135
FINGER_HALF_WIDTH = 0.011
OPENING_MARGIN = 0.014
"""Room between each open finger and the object [m]."""
_ENOUGH_ROOM = 0.006
_LOWEST_TOOL = 0.012
_ROUND_CHOICES = 12
_LIES = math.cos(math.radians(45.0))
"""The axis of what lies points up by less."""


@dataclass(frozen=True)
class Grasp:
    """A pose of the tool around an object.

    Attributes:
        pose: Of the tool.
        finger_position: Of each finger before it closes, from the middle [m].
    """

    pose: ToolPose
    finger_position: float


def choose_grasp(subject: Body, world: World, finger_travel: float) -> Grasp:
    """The grasp with the least turn of the wrist that keeps clear of other objects.

    Args:
        subject: What to take hold of.
        world: With everything around it.
        finger_travel: How far each finger opens [m].
    """
    height = max(float(subject.position[2]), _LOWEST_TOOL)
    width = float(min(subject.size[:2])) / 2
    finger = min(finger_travel, width + OPENING_MARGIN)
    yaws = sorted(_yaws(subject), key=abs)
    rooms = [_room(subject, world, yaw, finger) for yaw in yaws]
    wide = [index for index, room in enumerate(rooms) if room >= _ENOUGH_ROOM]
    best = wide[0] if wide else int(np.argmax(rooms))
    x, y = subject.position[:2]
    return Grasp(pointing_down((x, y, height), yaws[best]), finger)


def turn_onto(yaw: float, period: float) -> float:
    """The same direction within half a period of zero [rad]."""
    return (yaw + period / 2) % period - period / 2


def flat_yaw(body: Body) -> float:
    """Direction of the body's most level axis seen from above [rad]."""
    axes = _axes(body)
    level = int(np.argmin(np.abs(axes[2])))
    return math.atan2(axes[1, level], axes[0, level])


def symmetry(body: Body) -> tuple[float, int]:
    """Direction in which fingers meet a body squarely, seen from above [rad].

    Returns:
        With how many turns about the vertical look alike: 4 for a cube, 2 for a cylinder that lies,
        0 for what is round.
    """
    if body.shape == 'cube':
        return flat_yaw(body), 4
    axis = _axes(body)[:, 2]
    if body.shape == 'bowl' or abs(axis[2]) >= _LIES:
        return 0.0, 0
    return math.atan2(axis[1], axis[0]), 2


def _yaws(subject: Body) -> list[float]:
    """Directions of the tool's x axis with which the fingers meet the object squarely."""
    yaw, alike = symmetry(subject)
    if not alike:
        return [turn_onto(math.pi * k / _ROUND_CHOICES, math.pi) for k in range(_ROUND_CHOICES)]
    return [turn_onto(yaw + 2 * math.pi * k / alike, math.pi) for k in range(alike // 2)]


def _room(subject: Body, world: World, yaw: float, finger: float) -> float:
    """From the open fingers to the nearest other object, seen from above [m]."""
    reach = finger + FINGER_THICKNESS / 2
    across = np.array([math.sin(yaw), -math.cos(yaw)])
    others = [body for body in world.bodies if body.name != subject.name]
    gaps = [
        float(np.linalg.norm(subject.position[:2] + side * reach * across - other.position[:2]))
        - footprint(other.shape)
        - math.hypot(FINGER_THICKNESS / 2, FINGER_HALF_WIDTH)
        for side in (-1.0, 1.0)
        for other in others
        if abs(other.position[2] - subject.position[2]) < other.size[2]
    ]
    return min(gaps, default=math.inf)


def _axes(body: Body) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Matrix whose columns are the body's axes."""
    x, y, z, w = body.orientation
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
