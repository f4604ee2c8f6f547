# SPDX-License-Identifier: Apache-2.0
"""Chunk → rows of absolute joint positions at nominal times, clipped or cut at position limits."""

from dataclasses import dataclass

import numpy as np

from vla_contract.action import GRIPPER, ActionChunk, ActionSpace
from vla_safety.inverse_kinematics import InverseKinematics
from vla_safety.limits import TOLERANCE, Limits
from vla_safety.motion import NS, Array, Motion, Times
from vla_safety.reasons import Reason, RefusedError
from vla_safety.rows import RowPath
from vla_safety.tool_path import JointRows, follow_tool


@dataclass(frozen=True)
class Canonical:
    """What a chunk asks for, in one form for all spaces.

    Attributes:
        rows: Absolute joint positions.
        opening: Gripper opening by row, 0 to 1; None where the chunk has no gripper.
        clipped: What was clipped, empty for nothing.
        cut: Why later rows were cut off, empty where none were.
        pace: Pace not to exceed; below 1 where the tool is led past a singularity.
    """

    rows: RowPath
    opening: Array | None
    clipped: str
    cut: str
    pace: float = 1.0


def canonical(
    chunk: ActionChunk, executing: Motion, limits: Limits, clip: float, ik: InverseKinematics
) -> Canonical:
    """Put a chunk that passed check_content into absolute joint positions.

    Args:
        chunk: The chunk.
        executing: The motion in execution: increments and velocities start from it.
        limits: Position limits; rows keep their margin.
        clip: Excess over a limit that is clipped, as is one no greater than that of the motion in
            execution; the first row further out, and all after it, are cut.
        ik: For rows that speak of the tool.

    Raises:
        RefusedError: JOINT_RANGE, UNREACHABLE or SINGULAR where not even the first row can be kept.
    """
    step_ns = round(chunk.step_s * NS)
    times_ns: Times = chunk.start_ns + np.arange(len(chunk.values), dtype=np.int64) * step_ns
    has_gripper = chunk.columns[-1] == GRIPPER
    asked = absolute_rows(chunk, executing, ik)
    here = executing.at(chunk.start_ns).q
    kept, clipped, cut = _within_range(asked.q, limits, np.maximum(clip, _excess(here, limits)))
    opening = np.clip(chunk.values[:, -1], 0.0, 1.0) if has_gripper else None
    rows = RowPath(times_ns[: len(kept)], kept)
    return Canonical(rows, opening, clipped, cut or asked.cut, asked.pace)


def absolute_rows(chunk: ActionChunk, executing: Motion, ik: InverseKinematics) -> JointRows:
    """What the rows ask the joints for, limits not yet looked at.

    Raises:
        RefusedError: UNREACHABLE or SINGULAR where not even the first row can be followed.
    """
    motion = chunk.values[:, :-1] if chunk.columns[-1] == GRIPPER else chunk.values
    start = executing.at(chunk.start_ns).q
    if chunk.space is ActionSpace.JOINT_POSITION:
        return JointRows(motion, 1.0, '')
    if chunk.space is ActionSpace.JOINT_DELTA:
        return JointRows(np.asarray(start + np.cumsum(motion, axis=0)), 1.0, '')
    if chunk.space is ActionSpace.JOINT_VELOCITY:
        travelled = np.cumsum(motion, axis=0) * chunk.step_s
        return JointRows(np.asarray(start + travelled), 1.0, '')
    return follow_tool(chunk, motion, start, ik)


def _excess(q: Array, limits: Limits) -> Array:
    """How far beyond the limits less their margin; below 0 inside."""
    return np.maximum(limits.lower + limits.margin - q, q - limits.upper + limits.margin)


def _within_range(q: Array, limits: Limits, clip: Array) -> tuple[Array, str, str]:
    lower, upper = limits.lower + limits.margin, limits.upper - limits.margin
    excess = _excess(q, limits)
    far = np.flatnonzero((excess > clip + TOLERANCE).any(axis=1))
    count = int(far[0]) if len(far) else len(q)
    cut = _describe(q, excess, count, limits, lower, upper) if len(far) else ''
    if count == 0:
        raise RefusedError(Reason.JOINT_RANGE, cut)
    near = np.argwhere(excess[:count] > 0)
    clipped = _describe(q, excess, int(near[0][0]), limits, lower, upper) if len(near) else ''
    kept = np.clip(q[:count], lower, upper) if len(near) else q[:count]
    return kept, clipped, cut


def _describe(q: Array, excess: Array, row: int, limits: Limits, lower: Array, upper: Array) -> str:
    joint = int(np.argmax(excess[row]))
    return (
        f'row {row} asks {limits.names[joint]} for {q[row, joint]:.4f}, '
        f'outside [{lower[joint]:.4f}, {upper[joint]:.4f}]'
    )
