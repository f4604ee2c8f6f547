# SPDX-License-Identifier: Apache-2.0
"""Replacing a trajectory at full speed: which messages step, and which one does not.

As on the real controller with mock hardware: 100 Hz, one joint, replaced at its greatest speed of
8.38 mrad a cycle. Errors are command minus ideal path.
"""

import dataclasses
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_sim.controllers.joint_trajectory import JointTrajectoryController, TrajectoryOptions
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

CYCLE_NS = 10_000_000
START_NS = 1_700_000_000_000_000_000
STEP_RAD = 8.38e-3
LENGTH_S = 2.0
REPLACED_S = 1.0
RATE = pi / LENGTH_S
AMPLITUDE_RAD = STEP_RAD / (CYCLE_NS * 1e-9) / RATE

BOTH_MODES = pytest.mark.parametrize('interpolate_from_desired_state', [False, True])


@dataclass(frozen=True)
class Outcome:
    """Commands after the replacement [mrad], cycle by cycle until 0.3 s before the end."""

    steps: NDArray[np.float64]
    errors: NDArray[np.float64]

    @property
    def greatest_step(self) -> float:
        """Forwards."""
        return float(np.max(self.steps))

    @property
    def least_step(self) -> float:
        """Backwards, where below 0."""
        return float(np.min(self.steps))

    @property
    def greatest_error(self) -> float:
        """Distance from the ideal path."""
        return float(np.max(np.abs(self.errors)))


def ideal(time_s: float) -> tuple[float, float, float]:
    """Position, velocity and acceleration of half a cosine: at rest at both ends."""
    time_s = min(max(time_s, 0.0), LENGTH_S)
    return (
        AMPLITUDE_RAD * (1.0 - cos(RATE * time_s)),
        AMPLITUDE_RAD * RATE * sin(RATE * time_s),
        AMPLITUDE_RAD * RATE**2 * cos(RATE * time_s),
    )


def message(
    first_s: float, *, stamp_s: float | None, origin_s: float = 0.0, order: int = 2
) -> TrajectoryMessage:
    """The ideal path from ``first_s`` on, every 20 ms.

    Args:
        first_s: Time of the first row on the path.
        stamp_s: Stamp on the path's clock; None for stamp 0.
        origin_s: Time on the path that row times count from.
        order: Derivatives given: 0, 1 or 2.
    """
    points = []
    for time_s in np.linspace(first_s, LENGTH_S, round((LENGTH_S - first_s) / 0.02) + 1):
        position, velocity, acceleration = ideal(float(time_s))
        points.append(
            TrajectoryPoint(
                round((time_s - origin_s) * 1e9),
                (position,),
                (velocity if time_s < LENGTH_S else 0.0,) if order > 0 else (),
                (acceleration,) if order > 1 else (),
            )
        )
    stamp_ns = 0 if stamp_s is None else START_NS + round(stamp_s * 1e9)
    return TrajectoryMessage(stamp_ns, ('elbow',), tuple(points))


def shifted(plan: TrajectoryMessage, by_rad: float) -> TrajectoryMessage:
    """The same plan with every position elsewhere."""
    points = tuple(
        dataclasses.replace(point, positions=(point.positions[0] + by_rad,))
        for point in plan.points
    )
    return dataclasses.replace(plan, points=points)


def replace(new: TrajectoryMessage, *, interpolate_from_desired_state: bool = False) -> Outcome:
    """Run the path, replace it after one second, and look at every command from then on."""
    options = TrajectoryOptions(interpolate_from_desired_state=interpolate_from_desired_state)
    rest = Motion(np.zeros(1), np.zeros(1))
    controller = JointTrajectoryController(('elbow',), CYCLE_NS, rest, options)
    controller.submit(message(0.0, stamp_s=0.0), START_NS)
    commands = [0.0]
    velocity = 0.0
    replaced = round(REPLACED_S * 1e9) // CYCLE_NS
    cycles = round((LENGTH_S - 0.3) * 1e9) // CYCLE_NS
    for cycle in range(cycles):
        now_ns = START_NS + cycle * CYCLE_NS
        if cycle == replaced:
            controller.submit(new, now_ns)
        measured = Motion(np.array([commands[-1]]), np.array([velocity]))
        commands.append(float(controller.update(now_ns, measured)[0]))
        velocity = (commands[-1] - commands[-2]) / (CYCLE_NS * 1e-9)
    wanted = [ideal(cycle * CYCLE_NS * 1e-9)[0] for cycle in range(cycles + 1)]
    errors = np.array(commands) - np.array(wanted)
    return Outcome(1e3 * np.diff(commands)[replaced:], 1e3 * errors[replaced + 1 :])


@BOTH_MODES
def test_a_past_stamp_with_identical_history_is_continuous(
    interpolate_from_desired_state: bool,
) -> None:
    """A plan that repeats 100 ms before now and continues is followed without any step."""
    outcome = replace(
        message(REPLACED_S - 0.1, stamp_s=REPLACED_S - 0.1, origin_s=REPLACED_S - 0.1),
        interpolate_from_desired_state=interpolate_from_desired_state,
    )
    assert outcome.greatest_error <= 0.01
    assert outcome.greatest_step <= 8.39
    assert outcome.least_step >= 0.0


@BOTH_MODES
def test_one_identical_point_before_now_is_history_enough(
    interpolate_from_desired_state: bool,
) -> None:
    """The segment under way is all that must be repeated."""
    outcome = replace(
        message(REPLACED_S - 0.02, stamp_s=REPLACED_S - 0.5, origin_s=REPLACED_S - 0.5),
        interpolate_from_desired_state=interpolate_from_desired_state,
    )
    assert outcome.greatest_error <= 0.01


def test_positions_alone_give_the_same_pattern_with_a_chord_error() -> None:
    """Without derivatives the controller cuts the corners of the path between rows."""
    outcome = replace(
        message(REPLACED_S - 0.1, stamp_s=REPLACED_S - 0.1, origin_s=REPLACED_S - 0.1, order=0)
    )
    assert 0.01 < outcome.greatest_error <= 0.3
    assert outcome.greatest_step <= 8.5


def test_stamp_zero_shifts_the_path_in_time_for_good() -> None:
    """A plan from the moment it was made starts when it is first sampled: it lags ever after."""
    outcome = replace(message(REPLACED_S - 0.005, stamp_s=None, origin_s=REPLACED_S - 0.005))
    assert outcome.greatest_error == pytest.approx(4.2, abs=0.5)
    end_s = LENGTH_S - 0.3
    lag = 1e3 * (ideal(end_s - 0.005)[0] - ideal(end_s)[0])
    assert outcome.errors[-1] == pytest.approx(lag, abs=0.1)


def test_stamp_zero_with_a_plan_40_ms_old_steps_backwards() -> None:
    """The first sample is the plan's beginning, which the arm has long passed."""
    outcome = replace(message(REPLACED_S - 0.05, stamp_s=None, origin_s=REPLACED_S - 0.05))
    assert outcome.least_step == pytest.approx(-33.5, abs=2.0)
    assert outcome.greatest_error == pytest.approx(42.0, abs=2.0)


def test_a_future_stamp_drops_the_old_trajectory_at_once() -> None:
    """A plan for 200 ms from now does not wait: the arm leaves the path on a spline from now."""
    plan = shifted(
        message(REPLACED_S + 0.2, stamp_s=REPLACED_S + 0.2, origin_s=REPLACED_S + 0.2), 0.05
    )
    outcome = replace(plan)
    assert outcome.errors[9] == pytest.approx(25.0, abs=5.0)
    assert outcome.errors[19] == pytest.approx(50.0, abs=1.0)


def test_a_future_stamp_steps_from_the_desired_state() -> None:
    """The bridge from the last command is dated a cycle back, and makes up for it in one step."""
    plan = message(REPLACED_S + 0.2, stamp_s=REPLACED_S + 0.2, origin_s=REPLACED_S + 0.2)
    assert replace(plan).greatest_step < 9.0
    outcome = replace(plan, interpolate_from_desired_state=True)
    assert outcome.greatest_step == pytest.approx(16.5, abs=1.0)


def test_only_points_after_now_step_only_from_the_desired_state() -> None:
    """The same bridge towards a point that is still ahead, in a plan that has begun."""
    plan = message(REPLACED_S + 0.05, stamp_s=REPLACED_S - 0.1, origin_s=REPLACED_S - 0.1)
    assert replace(plan).greatest_step < 9.0
    assert replace(plan, interpolate_from_desired_state=True).greatest_step > 12.0


def test_a_past_stamp_with_another_history_steps() -> None:
    """There is no bridge into the middle of a segment: the difference is one step."""
    outcome = replace(
        shifted(
            message(REPLACED_S - 0.1, stamp_s=REPLACED_S - 0.1, origin_s=REPLACED_S - 0.1), 0.05
        )
    )
    assert outcome.greatest_step == pytest.approx(50.0 + STEP_RAD * 1e3, abs=0.1)
