# SPDX-License-Identifier: Apache-2.0
"""Paths of the tool: up, over, down. Knows no joints."""

import itertools
import math
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.inverse_kinematics import ToolPose

TRAVEL_HEIGHT = 0.20
"""Height at which the tool may cross the table, whatever stands there [m]."""
_SPACING = 0.045
_TURN_LENGTH = 0.12
"""A turn by one radian counts as so long a way [m/rad]."""


def pointing_down(position: Sequence[float], yaw: float) -> ToolPose:
    """The gripper points down, the tool's x axis towards yaw from the base's [rad]."""
    cosine, sine = math.cos(yaw), math.sin(yaw)
    rotation = np.array([[cosine, sine, 0.0], [sine, -cosine, 0.0], [0.0, 0.0, -1.0]])
    return ToolPose(np.array(position, dtype=np.float64), rotation)


def yaw_of(pose: ToolPose) -> float:
    """Direction of the tool's x axis seen from above [rad]."""
    return math.atan2(pose.rotation[1, 0], pose.rotation[0, 0])


def over(start: ToolPose, goal: ToolPose) -> list[ToolPose]:
    """From start to goal, crossing the table at a safe height.

    Returns:
        Poses a few centimetres apart, for a curve that follows them and rounds the corners.
    """
    height = max(TRAVEL_HEIGHT, min(start.position[2], goal.position[2]))
    corners = [start]
    if start.position[2] < height:
        corners.append(_raised(start, height))
    if goal.position[2] < height:
        corners.append(_raised(goal, height))
    corners.append(goal)
    return _densely(corners)


def straight(start: ToolPose, goal: ToolPose) -> list[ToolPose]:
    """From start to goal in a line."""
    return _densely([start, goal])


def _raised(pose: ToolPose, height: float) -> ToolPose:
    return ToolPose(np.array([*pose.position[:2], height]), pose.rotation)


def _densely(corners: list[ToolPose]) -> list[ToolPose]:
    """Corners with poses between them."""
    poses = [corners[0]]
    for start, goal in itertools.pairwise(corners):
        turn = _rotation_vector(start, goal)
        length = float(np.linalg.norm(goal.position - start.position))
        length = max(length, _TURN_LENGTH * float(np.linalg.norm(turn)))
        count = max(2, math.ceil(length / _SPACING))
        poses += [_between(start, goal, turn, k / count) for k in range(1, count + 1)]
    return poses


def _between(start: ToolPose, goal: ToolPose, turn: NDArray[np.float64], share: float) -> ToolPose:
    position = start.position + share * (goal.position - start.position)
    return ToolPose(position, _rotation(share * turn) @ start.rotation)


def _rotation_vector(start: ToolPose, goal: ToolPose) -> NDArray[np.float64]:
    """The turn from start to goal in base axes [rad]."""
    quaternion, turn = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, (goal.rotation @ start.rotation.T).ravel())
    mujoco.mju_quat2Vel(turn, quaternion, 1.0)
    return turn


def _rotation(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix of a rotation vector."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    quaternion, matrix = np.zeros(4), np.zeros(9)
    mujoco.mju_axisAngle2Quat(quaternion, turn / angle, angle)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)
