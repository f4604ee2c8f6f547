# SPDX-License-Identifier: Apache-2.0
"""The trajectory controller's tolerances, stops, time-out and action goals."""

from collections.abc import Sequence

import numpy as np
import pytest

from vla_sim.controllers.goal import GoalCode, GoalStatus, TrajectoryGoal
from vla_sim.controllers.joint_trajectory import JointTrajectoryController, TrajectoryOptions
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.controllers.tolerances import ERASED, Tolerances
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

CYCLE_NS = 10_000_000
START_NS = 1_700_000_000_000_000_000
DEFAULTS = TrajectoryOptions()


class Arm:
    """One joint that follows its command, or does not move at all where it is stuck."""

    def __init__(self, options: TrajectoryOptions = DEFAULTS, *, stuck: bool = False) -> None:
        """Start at rest at zero."""
        self.now_ns = START_NS
        self.stuck = stuck
        self.position = self.command = self.velocity = 0.0
        rest = Motion(np.zeros(1), np.zeros(1))
        self.controller = JointTrajectoryController(('elbow',), CYCLE_NS, rest, options)

    def run(self, seconds: float) -> list[float]:
        """Commands of the cycles in that time."""
        commands = []
        for _ in range(round(seconds * 1e9) // CYCLE_NS):
            measured = Motion(np.array([self.position]), np.array([self.velocity]))
            self.command = float(self.controller.update(self.now_ns, measured)[0])
            if not self.stuck:
                self.velocity = (self.command - self.position) / (CYCLE_NS * 1e-9)
                self.position = self.command
            commands.append(self.command)
            self.now_ns += CYCLE_NS
        return commands

    def send(self, message: TrajectoryMessage) -> None:
        """As from the topic."""
        self.controller.submit(message, self.now_ns)


def ramp(*positions: float, step_s: float = 1.0) -> TrajectoryMessage:
    """Positions one after another, from the first sample on."""
    points = (
        TrajectoryPoint(round(step_s * 1e9) * index, (position,))
        for index, position in enumerate(positions, start=1)
    )
    return TrajectoryMessage(0, ('elbow',), tuple(points))


def options(
    *,
    path: float = 0.0,
    goal: float = 0.0,
    goal_time_s: float = 0.0,
    cmd_timeout_s: float = 0.0,
    deceleration: Sequence[float] = (),
) -> TrajectoryOptions:
    """Options of one joint."""
    return TrajectoryOptions(
        tolerances=Tolerances((path,), (goal,), goal_time_s),
        cmd_timeout_s=cmd_timeout_s,
        max_deceleration_on_cancel=tuple(deceleration),
    )


def test_zero_tolerances_are_no_tolerances() -> None:
    """Fact 7: by default a stuck arm is commanded on and on."""
    arm = Arm(stuck=True)
    arm.send(ramp(2.0))
    assert arm.run(1.5)[-1] == pytest.approx(2.0)


def test_on_the_topic_a_path_violation_holds_at_the_measured_position() -> None:
    """Fact 7: without a goal nobody is told."""
    arm = Arm(options(path=0.1), stuck=True)
    arm.send(ramp(2.0))
    commands = arm.run(0.5)
    assert max(commands) == pytest.approx(0.1, abs=0.03)
    assert commands[-1] == 0.0
    assert arm.controller.holding


def test_on_the_topic_a_late_arrival_holds() -> None:
    """Fact 7: goal tolerance and goal time, without a goal."""
    arm = Arm(options(goal=0.1, goal_time_s=0.5), stuck=True)
    arm.send(ramp(2.0))
    assert arm.run(1.4)[-1] == pytest.approx(2.0)
    assert arm.run(0.3)[-1] == 0.0


def test_without_a_goal_time_a_late_arrival_is_waited_for() -> None:
    """Fact 7: goal time 0 is for ever."""
    arm = Arm(options(goal=0.1), stuck=True)
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(2.0)), arm.now_ns)
    arm.run(20.0)
    assert handle.status is GoalStatus.EXECUTING


def test_a_path_violation_aborts_a_goal_with_minus_4() -> None:
    """Fact 7: as control_msgs names it."""
    arm = Arm(options(path=0.1), stuck=True)
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(2.0)), arm.now_ns)
    assert arm.run(0.5)[-1] == 0.0
    assert (handle.status, int(handle.code)) == (GoalStatus.ABORTED, -4)


def test_a_late_arrival_aborts_a_goal_with_minus_5() -> None:
    """Fact 7: as control_msgs names it."""
    arm = Arm(options(goal=0.1, goal_time_s=0.5), stuck=True)
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(2.0)), arm.now_ns)
    assert arm.run(2.0)[-1] == 0.0
    assert (handle.status, int(handle.code)) == (GoalStatus.ABORTED, -5)


def test_a_goal_brings_its_own_tolerances_and_leaves_them_behind() -> None:
    """Fact 7: they bind the topic messages that come after the goal."""
    arm = Arm()
    goal = TrajectoryGoal(ramp(0.1), path_tolerance={'elbow': 0.05})
    handle = arm.controller.submit_goal(goal, arm.now_ns)
    arm.run(1.1)
    assert handle.status is GoalStatus.SUCCEEDED
    arm.stuck = True
    arm.send(ramp(2.0))
    assert arm.run(0.5)[-1] == pytest.approx(0.1)
    assert arm.controller.holding


@pytest.mark.parametrize(
    ('asked', 'path'),
    [
        ({}, 0.1),
        ({'elbow': 0.0}, 0.1),
        ({'elbow': 0.5}, 0.5),
        ({'elbow': ERASED}, 0.0),
        ({'elbow': -2.0}, 0.1),
        ({'knee': 0.5}, 0.1),
    ],
)
def test_a_goal_may_keep_replace_or_erase_a_tolerance(asked: dict[str, float], path: float) -> None:
    """Fact 7: nonsense gets the defaults, without a refusal."""
    tolerances = Tolerances((0.1,), (0.2,), 1.0).for_goal(('elbow',), asked, {}, 0.0)
    assert tolerances == Tolerances((path,), (0.2,), 1.0)


def test_cancelling_at_full_speed_steps_back_and_stops_dead() -> None:
    """Fact 8: one point at the measured position, which the command is ahead of."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    running = arm.run(0.5)
    measured = running[-2]  # the last cycle's measurement is one command old
    arm.controller.cancel(handle)
    assert arm.run(0.5) == pytest.approx([measured] * 50)
    assert measured < running[-1]
    assert handle.status is GoalStatus.CANCELED


def test_cancelling_with_deceleration_slows_at_that_rate() -> None:
    """Fact 8: from the measured velocity, and it stays where that ends."""
    arm = Arm(options(deceleration=[5.0]))
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    measured = arm.run(0.5)[-2]
    arm.controller.cancel(handle)
    commands = arm.run(0.5)
    assert commands[-1] == pytest.approx(measured + 1.0**2 / (2 * 5.0), abs=1e-6)
    assert np.min(np.diff(commands)) >= -1e-12
    assert np.max(np.abs(np.diff(commands, 2))) <= 5.0 * 0.01**2 + 1e-9


def test_a_deceleration_of_zero_falls_back_to_a_dead_stop() -> None:
    """Fact 8: every joint needs one."""
    arm = Arm(options(deceleration=[0.0]))
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    measured = arm.run(0.5)[-2]
    arm.controller.cancel(handle)
    assert arm.run(0.1) == pytest.approx([measured] * 10)


def test_the_command_time_out_counts_from_the_end() -> None:
    """Fact 9: and holds where the arm is measured."""
    arm = Arm(options(cmd_timeout_s=0.5), stuck=True)
    arm.send(ramp(1.0, step_s=2.0))
    assert arm.run(2.4)[-1] == pytest.approx(1.0)
    assert arm.run(0.3)[-1] == 0.0


def test_a_time_out_within_the_goal_time_is_ignored() -> None:
    """Fact 9: it must be longer than the goal time."""
    arm = Arm(options(cmd_timeout_s=0.5, goal=0.1, goal_time_s=1.0), stuck=True)
    arm.send(ramp(1.0))
    assert arm.run(1.9)[-1] == pytest.approx(1.0)


def test_a_goal_succeeds_at_the_end_and_its_last_point_is_held() -> None:
    """The action's happy end."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(0.5, 1.0)), arm.now_ns)
    arm.run(1.9)
    assert handle.status is GoalStatus.EXECUTING
    assert arm.run(0.5)[-1] == pytest.approx(1.0)
    assert (handle.status, handle.code) == (GoalStatus.SUCCEEDED, GoalCode.SUCCESSFUL)


def test_a_refused_goal_leaves_the_old_goal_running() -> None:
    """A goal is refused for what a message is refused for."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    arm.run(0.5)
    with pytest.raises(CommandRefusedError):
        arm.controller.submit_goal(TrajectoryGoal(TrajectoryMessage(0, ('elbow',), ())), arm.now_ns)
    arm.run(1.0)
    assert handle.status is GoalStatus.SUCCEEDED
    assert arm.command == pytest.approx(1.0)


def test_a_new_goal_aborts_the_old_one() -> None:
    """One goal at a time, the newest."""
    arm = Arm()
    old = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    arm.run(0.5)
    new = arm.controller.submit_goal(TrajectoryGoal(ramp(0.2)), arm.now_ns)
    assert (old.status, old.code) == (GoalStatus.ABORTED, GoalCode.INVALID_GOAL)
    arm.run(1.1)
    assert new.status is GoalStatus.SUCCEEDED
    assert arm.command == pytest.approx(0.2)


def test_a_topic_message_takes_over_a_goal_without_aborting_it() -> None:
    """The goal goes on, and succeeds when the other trajectory ends."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    arm.run(0.5)
    arm.send(ramp(-1.0))
    seen = []
    for _ in range(2):
        arm.run(0.7)
        seen.append(handle.status)
    assert seen == [GoalStatus.EXECUTING, GoalStatus.SUCCEEDED]
    assert arm.command == pytest.approx(-1.0)


def test_deactivation_aborts_the_goal() -> None:
    """As the real controller answers it."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(1.0)), arm.now_ns)
    arm.run(0.5)
    arm.controller.deactivate()
    assert (handle.status, handle.code) == (GoalStatus.ABORTED, GoalCode.INVALID_GOAL)


def test_cancelling_an_ended_goal_changes_nothing() -> None:
    """A late cancel must not stop the motion of another."""
    arm = Arm()
    handle = arm.controller.submit_goal(TrajectoryGoal(ramp(0.1, step_s=0.1)), arm.now_ns)
    arm.run(0.2)
    arm.send(ramp(1.0))
    arm.run(0.5)
    arm.controller.cancel(handle)
    assert arm.run(0.6)[-1] == pytest.approx(1.0)


def test_a_clock_that_jumps_back_freezes_the_command() -> None:
    """Until the time that its bridge starts from has come again."""
    arm = Arm()
    arm.send(ramp(1.0))
    command = arm.run(0.5)[-1]
    arm.now_ns -= 10_000_000_000
    assert arm.run(0.5) == pytest.approx([command] * 50)
