# SPDX-License-Identifier: Apache-2.0
"""Is a chunk what it says it is? Shape, names, units, numbers and time grid, before anything else.

Cheap and total: whatever passes here can be computed with.
"""

import math

import numpy as np

from vla_contract.action import (
    GRIPPER,
    JOINT_SPACES,
    MOST_ROWS,
    POSE_COLUMNS,
    POSE_DELTA_COLUMNS,
    ActionChunk,
    ActionSpace,
)
from vla_contract.robot import Robot
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

LARGEST = 1e3
"""Magnitude beyond which no joint value, in radians or metres, means anything."""
GRIPPER_SLACK = 0.05
"""Gripper values this far outside 0 to 1 are clipped; further out is another convention."""
QUATERNION_SLACK = 0.01
"""Distance from norm 1 that rounding in a policy may cause; more is no rotation."""
COLUMNS = {ActionSpace.POSE: POSE_COLUMNS, ActionSpace.POSE_DELTA: POSE_DELTA_COLUMNS}


def check_content(chunk: ActionChunk, robot: Robot) -> None:
    """Refuse a chunk that is malformed or made for another robot.

    Raises:
        RefusedError: With the first thing wrong, its values and its bounds.
    """
    check_shape(chunk)
    check_columns(chunk, robot)
    check_numbers(chunk)
    check_opening(chunk)
    check_pose(chunk, robot)
    check_grid(chunk, robot)


def check_shape(chunk: ActionChunk) -> None:
    """Rows and columns, no more than can be looked at."""
    if chunk.values.ndim != 2 or not chunk.values.size:
        raise RefusedError(Reason.MALFORMED, f'values have the shape {chunk.values.shape}')
    rows, columns = chunk.values.shape
    if rows > MOST_ROWS:
        raise RefusedError(Reason.TOO_LARGE, f'{rows} rows, at most {MOST_ROWS} are taken')
    if not columns or columns != len(chunk.columns) or columns != len(chunk.units):
        raise RefusedError(
            Reason.MALFORMED,
            f'{columns} values a row, {len(chunk.columns)} column names, {len(chunk.units)} units',
        )


def check_columns(chunk: ActionChunk, robot: Robot) -> None:
    """Names, their order and units are those of this robot."""
    expected = COLUMNS.get(chunk.space, robot.joint_names)
    found = chunk.columns[:-1] if chunk.columns[-1] == GRIPPER else chunk.columns
    if found != expected:
        raise RefusedError(
            Reason.WRONG_COLUMNS,
            f'columns are {", ".join(found)}; {robot.name} takes {", ".join(expected)}',
        )
    if chunk.columns[-1] == GRIPPER and robot.gripper is None:
        raise RefusedError(
            Reason.WRONG_COLUMNS, f'a gripper column, but {robot.name} has no gripper'
        )
    units = _units(chunk.space, robot)
    if chunk.units[: len(units)] != units or set(chunk.units[len(units) :]) - {'1'}:
        wanted = ', '.join(units + ('1',) * (len(chunk.units) - len(units)))
        raise RefusedError(
            Reason.WRONG_UNITS, f'units are {", ".join(chunk.units)}; expected {wanted}'
        )


def _units(space: ActionSpace, robot: Robot) -> tuple[str, ...]:
    """SI unit of each column that moves the arm."""
    if space is ActionSpace.POSE:
        return ('m',) * 3 + ('1',) * 4
    if space is ActionSpace.POSE_DELTA:
        return ('m',) * 3 + ('rad',) * 3
    rate = '/s' if space is ActionSpace.JOINT_VELOCITY else ''
    return tuple(f'{joint.unit}{rate}' for joint in robot.joints)


def check_pose(chunk: ActionChunk, robot: Robot) -> None:
    """Poses are in the base frame, and their quaternions turn and do nothing else."""
    if chunk.space in JOINT_SPACES:
        return
    if chunk.frame != robot.base_frame:
        raise RefusedError(
            Reason.WRONG_FRAME,
            f'poses are in the frame {chunk.frame!r}; {robot.name} takes {robot.base_frame!r}',
        )
    if chunk.space is ActionSpace.POSE:
        norms = np.linalg.norm(chunk.values[:, 3:7], axis=1)
        row = int(np.argmax(np.abs(norms - 1)))
        if abs(norms[row] - 1) > QUATERNION_SLACK:
            raise RefusedError(
                Reason.BAD_QUATERNION,
                f'the quaternion of row {row} has the norm {norms[row]:.4f}; 1 within '
                f'{QUATERNION_SLACK:g} is taken',
            )


def check_numbers(chunk: ActionChunk) -> None:
    """Every value is a number that means something."""
    finite = np.isfinite(chunk.values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = chunk.values[row, column]
        raise RefusedError(Reason.NOT_FINITE, f'row {row} of {chunk.columns[column]} is {value}')
    large = np.abs(chunk.values) > LARGEST
    if large.any():
        row, column = np.argwhere(large)[0]
        value = chunk.values[row, column]
        raise RefusedError(
            Reason.TOO_LARGE,
            f'row {row} of {chunk.columns[column]} is {value:g}, beyond {LARGEST:g}',
        )


def check_opening(chunk: ActionChunk) -> None:
    """The gripper speaks of 0 to 1, not of millimetres or of degrees."""
    if chunk.columns[-1] == GRIPPER:
        opening = chunk.values[:, -1]
        worst = float(opening[np.argmax(np.abs(opening - 0.5))])
        if not -GRIPPER_SLACK <= worst <= 1 + GRIPPER_SLACK:
            raise RefusedError(
                Reason.TOO_LARGE, f'gripper is {worst:g}; it goes from 0 (closed) to 1 (open)'
            )


def check_grid(chunk: ActionChunk, robot: Robot) -> None:
    """Step, length and start are possible times."""
    timing = robot.timing
    step = chunk.step_s
    if not math.isfinite(step) or not timing.step_min_s <= step <= timing.step_max_s:
        raise RefusedError(
            Reason.TIME_GRID,
            f'step is {step:g} s; {timing.step_min_s:g} to {timing.step_max_s:g} s are taken',
        )
    length = step * len(chunk.values)
    if length > timing.horizon_max_s:
        raise RefusedError(
            Reason.TIME_GRID,
            f'{len(chunk.values)} rows of {step:g} s make {length:g} s; '
            f'at most {timing.horizon_max_s:g} s are taken',
        )
    if not 0 < chunk.start_ns < 2**62 - length * NS:
        raise RefusedError(Reason.TIME_GRID, f'start is {chunk.start_ns} ns')
