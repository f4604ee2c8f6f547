# SPDX-License-Identifier: Apache-2.0
"""The gripper controller passes its target on and says how a goal ended."""

import numpy as np
import pytest

from vla_sim.controllers.goal import GoalStatus
from vla_sim.controllers.gripper import GripperController, GripperOptions
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError

CYCLE_NS = 10_000_000
SPEED = 0.1
OPTIONS = GripperOptions(goal_tolerance=0.001, stall_timeout_s=0.2)


class Fingers:
    """A gripper joint that goes where it is sent at its own speed, until it meets an object."""

    def __init__(self, options: GripperOptions = OPTIONS, *, blocked_at: float = -1.0) -> None:
        """Start open, at 40 mm."""
        self.now_ns = 0
        self.position = 0.04
        self.blocked_at = blocked_at
        self.velocity = 0.0
        self.controller = GripperController(self.measured, options)

    @property
    def measured(self) -> Motion:
        """Position and velocity."""
        return Motion(np.array([self.position]), np.array([self.velocity]))

    def run(self, seconds: float) -> None:
        """Run the cycles in that time."""
        for _ in range(round(seconds * 1e9) // CYCLE_NS):
            target = float(self.controller.update(self.now_ns, self.measured)[0])
            reach = SPEED * CYCLE_NS * 1e-9
            command = min(max(target, self.position - reach), self.position + reach)
            position = max(command, self.blocked_at)
            self.velocity = (position - self.position) / (CYCLE_NS * 1e-9)
            self.position = position
            self.now_ns += CYCLE_NS


def test_it_holds_until_it_is_told_to_move() -> None:
    """Where the joint was at the start."""
    fingers = Fingers()
    fingers.run(0.2)
    assert fingers.position == pytest.approx(0.04)


def test_a_goal_that_is_reached_succeeds() -> None:
    """Within the tolerance of the position asked for."""
    fingers = Fingers()
    goal = fingers.controller.submit_goal([0.0], fingers.now_ns)
    fingers.run(0.2)
    assert goal.status is GoalStatus.EXECUTING
    fingers.run(0.3)
    assert (goal.status, goal.reached_goal, goal.stalled) == (GoalStatus.SUCCEEDED, True, False)
    assert goal.position == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize(
    ('allow_stalling', 'status'), [(False, GoalStatus.ABORTED), (True, GoalStatus.SUCCEEDED)]
)
def test_an_object_between_the_fingers_stalls_the_goal(
    allow_stalling: bool, status: GoalStatus
) -> None:
    """Which is a failure by default, and success where stalling is allowed."""
    options = GripperOptions(0.001, stall_timeout_s=0.2, allow_stalling=allow_stalling)
    fingers = Fingers(options, blocked_at=0.015)
    goal = fingers.controller.submit_goal([0.0], fingers.now_ns)
    fingers.run(0.35)
    assert goal.status is GoalStatus.EXECUTING
    fingers.run(0.3)
    assert (goal.status, goal.reached_goal, goal.stalled) == (status, False, True)
    assert goal.position == pytest.approx(0.015)


def test_only_the_number_of_values_is_checked() -> None:
    """Range and NaN are the sender's business."""
    fingers = Fingers()
    for values in ([], [0.0, 0.0]):
        with pytest.raises(CommandRefusedError):
            fingers.controller.submit_goal(values, fingers.now_ns)
    fingers.controller.submit_goal([99.0], fingers.now_ns)
    fingers.controller.submit_goal([float('nan')], fingers.now_ns)


def test_a_new_goal_aborts_the_old_one() -> None:
    """One goal at a time, the newest."""
    fingers = Fingers()
    old = fingers.controller.submit_goal([0.0], fingers.now_ns)
    fingers.run(0.1)
    new = fingers.controller.submit_goal([0.04], fingers.now_ns)
    fingers.run(0.3)
    assert old.status is GoalStatus.ABORTED
    assert new.status is GoalStatus.SUCCEEDED


def test_cancelling_stays_where_the_fingers_are() -> None:
    """And ends the goal as cancelled."""
    fingers = Fingers()
    goal = fingers.controller.submit_goal([0.0], fingers.now_ns)
    fingers.run(0.2)
    fingers.controller.cancel(goal)
    before = fingers.position
    fingers.run(0.3)
    assert goal.status is GoalStatus.CANCELED
    assert fingers.position == pytest.approx(before, abs=SPEED * 0.02)
