# SPDX-License-Identifier: Apache-2.0
"""The trajectory controller's messages: what it refuses, what it lets pass, how it reads them."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from vla_sim.controllers.joint_trajectory import JointTrajectoryController, TrajectoryOptions
from vla_sim.controllers.motion import Motion, interpolate
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

CYCLE_NS = 10_000_000
START_NS = 1_700_000_000_000_000_000
JOINTS = ('shoulder', 'elbow')
DEFAULTS = TrajectoryOptions()


class Arm:
    """Two joints that are where they were last told to be."""

    def __init__(self, options: TrajectoryOptions = DEFAULTS) -> None:
        """Start at rest at zero."""
        self.now_ns = START_NS
        self.position = np.zeros(2)
        rest = Motion(self.position, np.zeros(2))
        self.controller = JointTrajectoryController(JOINTS, CYCLE_NS, rest, options)

    def run(self, seconds: float) -> list[np.ndarray]:
        """Commands of the cycles in that time."""
        commands = []
        for _ in range(round(seconds * 1e9) // CYCLE_NS):
            measured = Motion(self.position, np.zeros(2))
            self.position = self.controller.update(self.now_ns, measured)
            commands.append(self.position)
            self.now_ns += CYCLE_NS
        return commands

    def send(self, message: TrajectoryMessage) -> None:
        """As from the topic."""
        self.controller.submit(message, self.now_ns)


def point(
    time_s: float, positions: Sequence[float], *derivatives: Sequence[float]
) -> TrajectoryPoint:
    """A row at a time in seconds."""
    return TrajectoryPoint(round(time_s * 1e9), tuple(positions), *map(tuple, derivatives))


def message(
    *points: TrajectoryPoint, stamp_ns: int = 0, names: Sequence[str] = JOINTS
) -> TrajectoryMessage:
    """Rows for both joints unless named otherwise."""
    return TrajectoryMessage(stamp_ns, tuple(names), points)


STILL = (0.0, 0.0)
TARGET = (1.0, -1.0)

REFUSED = {
    'wrong joint count': (message(point(1, [1.0]), names=['elbow']), 'the controller has 2'),
    'unknown joint': (message(point(1, TARGET), names=['elbow', 'knee']), 'knee is unknown'),
    'no points': (message(), 'no points'),
    'repeated time': (message(point(1, TARGET), point(1, STILL)), 'does not come after'),
    'decreasing time': (message(point(1, TARGET), point(0.5, STILL)), 'does not come after'),
    'too few positions': (message(point(1, [1.0])), '1 positions for 2 joints'),
    'no positions': (message(point(1, [], STILL)), '0 positions for 2 joints'),
    'too few velocities': (message(point(1, TARGET, [0.0])), '1 velocities for 2 joints'),
    'too many accelerations': (
        message(point(1, TARGET, STILL, [0.0] * 3)),
        '3 accelerations for 2 joints',
    ),
    'effort': (message(point(1, TARGET, STILL, STILL, STILL)), 'has effort'),
    'final velocity': (message(point(1, TARGET, (0.0, 1e-6))), 'the last point moves'),
    'end in the past': (
        message(point(1, TARGET), stamp_ns=START_NS - 2_000_000_000),
        'ended 1.100 s ago',
    ),
}


@pytest.mark.parametrize('case', REFUSED)
def test_a_refused_message_leaves_the_old_motion_running(case: str) -> None:
    """Fact 2: a refusal is only a log line, and no way to stop the arm."""
    bad, why = REFUSED[case]
    arm, undisturbed = Arm(), Arm()
    for each in (arm, undisturbed):
        each.send(message(point(0.5, TARGET, STILL)))
        each.run(0.1)
    with pytest.raises(CommandRefusedError, match=why):
        arm.send(bad)
    assert np.array_equal(arm.run(0.6), undisturbed.run(0.6))
    assert arm.position == pytest.approx(TARGET)


ACCEPTED = {
    'NaN': message(point(0.1, (math.nan, math.inf))),
    'beyond every limit': message(point(0.1, (1e300, -1e300))),
    'a jump': message(point(0.0, (3.0, 3.0))),
    'a stamp far ahead': message(point(1, TARGET), stamp_ns=START_NS + 3600 * 10**9),
    'a joint named twice': message(point(1, TARGET), names=['elbow', 'elbow']),
    'a first point before the start': message(point(-1, TARGET), point(1, TARGET)),
    'a final NaN velocity': message(point(1, TARGET, (math.nan, 0.0))),
}


@pytest.mark.parametrize('case', ACCEPTED)
def test_values_are_not_checked(case: str) -> None:
    """Fact 3: NaN, limits, jumps, future stamps and repeated names all pass."""
    arm = Arm()
    arm.send(ACCEPTED[case])
    arm.run(0.02)


def test_nan_reaches_the_command() -> None:
    """Fact 3: nothing stands between a NaN in a message and the hardware."""
    arm = Arm()
    arm.send(message(point(0.1, (math.nan, 1.0))))
    assert np.isnan(arm.run(0.02)[-1][0])


def test_a_joint_named_twice_leaves_its_place_to_left_over_values() -> None:
    """Fact 3: the joint it displaces gets a value of an earlier row, not its own."""
    arm = Arm()
    arm.send(message(point(0.1, (0.3, 0.4))))
    arm.run(0.2)
    arm.send(message(point(0.1, (0.7, 0.8)), names=['elbow', 'elbow']))
    assert arm.run(0.2)[-1] == pytest.approx([0.3, 0.8])


def test_names_in_any_order_are_sorted() -> None:
    """The message's order is its own affair."""
    arm = Arm()
    arm.send(message(point(0.1, (0.7, 0.2), STILL), names=['elbow', 'shoulder']))
    assert arm.run(0.2)[-1] == pytest.approx([0.2, 0.7])


def test_a_point_at_time_zero_is_jumped_to() -> None:
    """Fact 4: a first point at t = 0 gets no bridge."""
    arm = Arm()
    arm.send(message(point(0.0, TARGET)))
    assert arm.run(0.01)[0] == pytest.approx(TARGET)


def test_stamp_zero_starts_at_the_first_sample() -> None:
    """Fact 4: two seconds in the queue make no difference."""
    arm = Arm()
    arm.send(message(point(1.0, TARGET)))
    arm.now_ns += 2_000_000_000
    commands = arm.run(0.5)
    assert commands[0] == pytest.approx([0.01, -0.01])
    assert commands[-1] == pytest.approx([0.5, -0.5])


def test_the_bridge_is_as_smooth_as_the_first_point() -> None:
    """Fact 5: with velocities in the first point the bridge is cubic, from rest."""
    arm = Arm()
    arm.send(message(point(1.0, TARGET, STILL)))
    assert arm.run(0.25)[-1] == pytest.approx([3 * 0.25**2 - 2 * 0.25**3] * np.array([1, -1]))


@pytest.mark.parametrize(
    ('derivatives', 'midway'),
    [((), 0.5), (((1.0,), (0.0,)), 0.5 + 0.125), (((1.0,), (0.0,), (8.0,), (0.0,)), 0.78125)],
)
def test_interpolation_is_linear_cubic_or_quintic_by_what_is_given(
    derivatives: tuple[tuple[float, ...], ...], midway: float
) -> None:
    """Fact 6: and derivatives that do not fit the positions overshoot."""
    rows = [np.array(row) for row in derivatives]
    start = Motion(np.array([0.0]), *rows[0::2])
    end = Motion(np.array([1.0]), *rows[1::2])
    assert interpolate(start, end, 1.0, 0.5).positions[0] == pytest.approx(midway)
    assert interpolate(start, end, 1.0, 0.0).positions[0] == pytest.approx(0.0)
    assert interpolate(start, end, 1.0, 1.0).positions[0] == pytest.approx(1.0)


def test_a_quintic_meets_both_ends_in_every_derivative() -> None:
    """Fact 6: what the safety node relies on when it emits accelerations."""
    start = Motion(np.array([0.2]), np.array([-0.7]), np.array([1.1]))
    end = Motion(np.array([-0.4]), np.array([0.5]), np.array([-2.0]))
    for elapsed_s, wanted in ((0.0, start), (0.3, end)):
        found = interpolate(start, end, 0.3, elapsed_s)
        assert found.positions == pytest.approx(wanted.positions)
        assert found.velocities == pytest.approx(wanted.velocities)
        assert found.accelerations == pytest.approx(wanted.accelerations)


def test_inconsistent_derivatives_overshoot() -> None:
    """Fact 6: a velocity that does not fit the positions leaves the straight way."""
    start = Motion(np.array([0.0]), np.array([20.0]))
    end = Motion(np.array([1.0]), np.array([0.0]))
    peak = max(interpolate(start, end, 1.0, t).positions[0] for t in np.linspace(0, 1, 50))
    assert peak > 3.0


def test_accelerations_without_velocities_command_zero() -> None:
    """Fact 6: the real controller has no case for them, and its output stays at zero."""
    arm = Arm()
    arm.send(message(point(0.0, TARGET), point(0.1, TARGET)))
    arm.run(0.2)
    points = (TrajectoryPoint(t, TARGET, (), STILL) for t in (0, 10**9))
    arm.send(message(*points))
    assert arm.run(0.1)[-1] == pytest.approx(STILL)


def test_the_last_point_is_held_for_ever() -> None:
    """Fact 8: also when it has an acceleration."""
    arm = Arm()
    arm.send(message(point(0.1, TARGET, STILL, (5.0, 5.0))))
    arm.run(0.2)
    assert arm.run(2.0) == pytest.approx(np.tile(TARGET, (200, 1)))


def test_a_missing_joint_holds_its_last_command() -> None:
    """Fact 9: partial goals, where they are allowed."""
    arm = Arm(TrajectoryOptions(allow_partial_joints_goal=True))
    arm.send(message(point(0.1, TARGET, STILL)))
    arm.run(0.2)
    arm.send(message(point(0.1, [0.5], [0.0]), names=['elbow']))
    assert arm.run(0.2)[-1] == pytest.approx([1.0, 0.5])


def test_a_message_that_names_nothing_is_no_partial_goal() -> None:
    """Fact 9: some joint must be named."""
    arm = Arm(TrajectoryOptions(allow_partial_joints_goal=True))
    with pytest.raises(CommandRefusedError, match='no joint'):
        arm.send(message(point(0.1, []), names=[]))


def test_a_moving_end_is_taken_where_allowed() -> None:
    """Fact 2: the option exists, and the arm stops dead at the end."""
    arm = Arm(TrajectoryOptions(allow_nonzero_velocity_at_trajectory_end=True))
    arm.send(message(point(0.1, TARGET, TARGET)))
    arm.run(0.2)
    assert arm.run(0.1)[-1] == pytest.approx(TARGET)
