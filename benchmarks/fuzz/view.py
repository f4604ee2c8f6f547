# SPDX-License-Identifier: Apache-2.0
"""What a fuzzing policy sees, and the plain chunk that every kind of chunk is made from."""

from dataclasses import dataclass

import numpy as np

from benchmarks.fuzz.bodies import Bodies
from benchmarks.fuzz.record import NS, Array, Thing
from vla_contract.action import (
    GRIPPER,
    POSE_COLUMNS,
    POSE_DELTA_COLUMNS,
    ActionChunk,
    ActionSpace,
)
from vla_contract.robot import Robot

SESSION, TASK = 'fuzz', 'task'
STEPS_S = (0.02, 0.05, 0.05, 0.1)


@dataclass
class View:
    """The moment at which a chunk is made.

    Attributes:
        rng: Draws everything.
        robot: Its file.
        bodies: To know where the tool is.
        q: Joint positions where the run of chunks of this kind began.
        elapsed_s: Time since then; all chunks of a run draw the same, and go on.
        now_ns: The time.
        things: What stands around.
        goal: Joint positions that a run of chunks goes on towards.
        last: The chunk before.
        sequence: Of the next chunk.
    """

    rng: np.random.Generator
    robot: Robot
    bodies: Bodies
    q: Array
    elapsed_s: float
    now_ns: int
    things: tuple[Thing, ...]
    goal: Array
    last: ActionChunk | None = None
    sequence: int = 0

    def rows(self) -> tuple[int, float]:
        """How many, and the time between them [s]."""
        return int(self.rng.integers(8, 41)), float(self.rng.choice(STEPS_S))

    def times(self, count: int, step_s: float) -> Array:
        """Of rows from now on, since the run began, as a column [s]."""
        return np.asarray(self.elapsed_s + np.arange(count)[:, None] * step_s)

    def near(self, by: float) -> Array:
        """Joint positions beside those at the beginning."""
        return np.asarray(self.q + self.rng.uniform(-by, by, len(self.q)))

    def chunk(
        self,
        values: Array,
        step_s: float,
        space: ActionSpace = ActionSpace.JOINT_POSITION,
        opening: float | None = None,
    ) -> ActionChunk:
        """Rows with all that belongs to them; they begin a little before now, or now."""
        names, units = _columns(self.robot, space)
        if opening is None and self.robot.gripper is not None and self.rng.random() < 0.4:
            opening = float(self.rng.uniform(0, 1))
        if opening is not None and self.robot.gripper is not None:
            values = np.hstack([values, np.full((len(values), 1), opening)])
            names, units = (*names, GRIPPER), (*units, '1')
        delay_ns = int(self.rng.choice([0, 0, 50_000_000, 120_000_000]))
        return ActionChunk(
            session=SESSION,
            sequence=self.sequence,
            task_id=TASK,
            observation_stamp_ns=self.now_ns - delay_ns // 2,
            start_ns=self.now_ns - delay_ns,
            step_s=step_s,
            space=space,
            columns=names,
            units=units,
            frame=self.robot.base_frame,
            values=values,
        )


def eased(share: Array) -> Array:
    """From 0 to 1 with rest at both ends."""
    s = np.clip(share, 0, 1)
    return np.asarray(s**3 * (10 - 15 * s + 6 * s**2))


def late_ns(seconds: float) -> int:
    """Seconds as nanoseconds."""
    return round(seconds * NS)


def _columns(robot: Robot, space: ActionSpace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if space is ActionSpace.POSE:
        return POSE_COLUMNS, ('m',) * 3 + ('1',) * 4
    if space is ActionSpace.POSE_DELTA:
        return POSE_DELTA_COLUMNS, ('m',) * 3 + ('rad',) * 3
    rate = '/s' if space is ActionSpace.JOINT_VELOCITY else ''
    return robot.joint_names, tuple(f'{joint.unit}{rate}' for joint in robot.joints)
