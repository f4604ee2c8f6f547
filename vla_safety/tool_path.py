# SPDX-License-Identifier: Apache-2.0
"""Rows that speak of the tool → joint positions, on one branch, slower near singularities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_contract.action import ActionChunk, ActionSpace
from vla_safety.inverse_kinematics import InverseKinematics
from vla_safety.motion import Array
from vla_safety.reasons import Reason, RefusedError

SLOW_BELOW, STOP_BELOW = 0.04, 0.008
"""Manipulability [m/s per rad/s] under which the pace falls, and under which rows are cut."""
SLOWEST = 0.1
MOST_TURN = 0.5
"""Greatest change of a joint from row to row; more is another branch of the solution."""


@dataclass(frozen=True)
class JointRows:
    """Joint positions that follow a path of the tool.

    Attributes:
        q: Rows by joints; as many as can be followed.
        pace: Pace not to exceed, 1 away from singularities.
        cut: Why later rows were cut off, empty where none were.
    """

    q: Array
    pace: float
    cut: str


def follow_tool(
    chunk: ActionChunk, motion: Array, start: Array, ik: InverseKinematics
) -> JointRows:
    """Joint rows of a chunk in a pose space.

    Args:
        chunk: The chunk, which passed check_content.
        motion: Its columns without the gripper.
        start: Joint positions that the first row is reached from.
        ik: Of the same arm.

    Raises:
        RefusedError: Not even the first row can be reached.
    """
    rows: list[Array] = []
    q, pace = start, 1.0
    for pose in _poses(chunk, motion, ik.pose(start)):
        try:
            q = _next(pose, q, ik, first=not rows)
            pace = min(pace, _pace(ik.manipulability(q)))
        except RefusedError as refusal:
            if not rows:
                raise
            return JointRows(np.array(rows), pace, f'row {len(rows)}: {refusal.text}')
        rows.append(q)
    return JointRows(np.array(rows), pace, '')


def _next(pose: pin.SE3, before: Array, ik: InverseKinematics, *, first: bool) -> Array:
    """The configuration of a row, which must be near that of the row before."""
    q = ik.solve(pose, before)
    turn = np.abs(q - before)
    if not first and turn.max() > MOST_TURN:
        joint = int(turn.argmax())
        raise RefusedError(
            Reason.SINGULAR,
            f'joint {joint} would turn by {turn[joint]:.2f}, at most {MOST_TURN:g} from row to '
            'row: the tool passes a singularity',
        )
    return q


def _pace(manipulability: float) -> float:
    if manipulability < STOP_BELOW:
        raise RefusedError(
            Reason.SINGULAR,
            f'manipulability {manipulability:.4f} is below {STOP_BELOW:g}: the arm is too near a '
            'singularity to follow the tool',
        )
    share = (manipulability - STOP_BELOW) / (SLOW_BELOW - STOP_BELOW)
    return min(1.0, max(SLOWEST, share))


def _poses(chunk: ActionChunk, motion: Array, start: pin.SE3) -> Iterator[pin.SE3]:
    """Tool poses in the base frame, row by row."""
    if chunk.space is ActionSpace.POSE:
        for row in motion:
            x, y, z, w = row[3:] / np.linalg.norm(row[3:])
            yield pin.SE3(pin.Quaternion(w, x, y, z).toRotationMatrix(), row[:3])
        return
    pose = start
    for row in motion:
        # In base axes, about the tool's own point: moving and turning do not mix.
        pose = pin.SE3(pin.exp3(row[3:]) @ pose.rotation, pose.translation + row[:3])
        yield pose
