# SPDX-License-Identifier: Apache-2.0
"""What a policy asks for: action spaces, and a chunk of actions with its provenance.

Both sides read here what may be asked: the policy file when it is loaded, the safety filter live.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

GRIPPER = 'gripper'
"""Name of the gripper column: 0 closed, 1 open, in every chunk whatever the policy's habit."""


class ActionSpace(StrEnum):
    """What the columns of a chunk mean."""

    JOINT_POSITION = 'joint_position'
    JOINT_VELOCITY = 'joint_velocity'
    JOINT_DELTA = 'joint_delta'
    POSE = 'pose'
    POSE_DELTA = 'pose_delta'


JOINT_SPACES = (ActionSpace.JOINT_POSITION, ActionSpace.JOINT_VELOCITY, ActionSpace.JOINT_DELTA)
"""Spaces whose columns are the robot's joints."""
MOST_ROWS = 4096
"""Rows of a chunk that the safety filter takes."""

POSE_COLUMNS = ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw')
POSE_DELTA_COLUMNS = ('dx', 'dy', 'dz', 'rx', 'ry', 'rz')


@dataclass(frozen=True)
class ActionChunk:
    """Rows of actions at a fixed time step, from one observation.

    Attributes:
        session: New at every policy start.
        sequence: Strictly increasing within a session, from 1.
        task_id: The task the chunk works on.
        observation_stamp_ns: Capture time of the newest image used.
        start_ns: Time at which row 0 applies.
        step_s: Time between rows [s].
        space: What the columns mean.
        columns: Name of each column, the gripper last if there is one.
        units: Unit of each column.
        frame: Frame of pose spaces.
        values: Rows by columns, SI units.
    """

    session: str
    sequence: int
    task_id: str
    observation_stamp_ns: int
    start_ns: int
    step_s: float
    space: ActionSpace
    columns: tuple[str, ...]
    units: tuple[str, ...]
    frame: str
    values: NDArray[np.float64]
