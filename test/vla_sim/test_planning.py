# SPDX-License-Identifier: Apache-2.0
"""Timing of motions, and plans in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_sim.planning.joint_motion import Gentleness, JointMotion
from vla_sim.planning.timeline import Brake, Excerpt, Grip, Move, Phase, Ramp, Timeline

GENTLE = Gentleness(np.array([1.2, 1.5]), np.array([5.0, 6.0]), np.array([60.0, 75.0]), 0.6)
STEP_S = 0.002
places = st.lists(
    st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)).map(np.array), min_size=2, max_size=9
)


def tool(joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of an arm whose joints are its tool's coordinates, in decimetres."""
    return np.array([*joints, 0.0]) / 10


def motion(*way_points: tuple[float, float]) -> JointMotion:
    """Through these."""
    return JointMotion([np.array(point) for point in way_points], GENTLE, tool)


def timeline() -> Timeline:
    """There, a pause with the gripper closing, and back."""
    there, back = motion((0.0, 0.0), (1.0, -1.0)), motion((1.0, -1.0), (0.0, 0.0))
    return Timeline(
        [
            Move(Phase.APPROACH, there, Ramp(1.0, 1.0, 4.0)),
            Grip(Phase.GRASP, np.array([1.0, -1.0]), Ramp(1.0, 0.0, 4.0), 0.1, 0.6),
            Move(Phase.CARRY, back, Ramp(0.0, 0.0, 4.0)),
        ]
    )


@settings(max_examples=30, deadline=None)
@given(way_points=places)
def test_a_motion_goes_from_rest_to_rest_within_its_limits(
    way_points: list[NDArray[np.float64]],
) -> None:
    """Velocity, acceleration and jerk of the joints, and the speed of the tool."""
    moved = JointMotion(way_points, GENTLE, tool)
    step_s = moved.duration_s / 300
    states = [moved.at(k * step_s) for k in range(301)]
    positions = np.array([state.positions for state in states])
    velocities = np.array([state.velocities for state in states])
    accelerations = np.array([state.accelerations for state in states])
    np.testing.assert_allclose(positions[0], way_points[0], atol=1e-9)
    np.testing.assert_allclose(positions[-1], way_points[-1], atol=1e-9)
    np.testing.assert_allclose(velocities[[0, -1]], 0.0, atol=1e-9)
    np.testing.assert_allclose(accelerations[[0, -1]], 0.0, atol=1e-6)
    assert (np.abs(velocities) <= 1.05 * GENTLE.velocity + 1e-9).all()
    assert (np.abs(accelerations) <= 1.1 * GENTLE.acceleration + 1e-9).all()
    assert (np.abs(np.diff(accelerations, axis=0)) / step_s <= 1.3 * GENTLE.jerk + 1e-6).all()
    assert (np.linalg.norm(velocities, axis=1) / 10 <= 1.05 * GENTLE.tool_speed).all()


@settings(max_examples=50, deadline=None)
@given(way_points=places, share=st.floats(0.05, 0.95))
def test_velocity_and_acceleration_are_the_derivatives_of_the_positions(
    way_points: list[NDArray[np.float64]], share: float
) -> None:
    """Told from differences."""
    moved = JointMotion(way_points, GENTLE, tool)
    time_s, h = share * moved.duration_s, 1e-4
    before, now, after = (moved.at(time_s + k * h) for k in (-1, 0, 1))
    slope = (after.positions - before.positions) / (2 * h)
    bend = (after.velocities - before.velocities) / (2 * h)
    np.testing.assert_allclose(now.velocities, slope, atol=1e-4)
    np.testing.assert_allclose(now.accelerations, bend, atol=1e-3)


def test_the_pieces_of_a_timeline_join_without_a_step() -> None:
    """Joints and gripper, and the end lasts."""
    plan = timeline()
    times = np.arange(0.0, plan.duration_s + 1.0, STEP_S)
    joints = np.array([plan.at(t).positions for t in times])
    openings = np.array([plan.opening(t) for t in times])
    assert np.abs(np.diff(joints, axis=0)).max() < 1.6 * STEP_S
    assert np.abs(np.diff(openings)).max() < 4.1 * STEP_S
    np.testing.assert_allclose(joints[-1], 0.0, atol=1e-9)
    assert openings[-1] == 0.0
    assert plan.phase(0.1)[0] is Phase.APPROACH
    assert plan.phase(plan.duration_s + 9.0)[0] is Phase.CARRY


@pytest.mark.parametrize('lag_s', [0.0, 0.05, 0.1])
def test_joints_that_lag_a_little_are_where_they_should_be(lag_s: float) -> None:
    """The plan's clock runs on, so answers agree with one another."""
    plan = timeline()
    for expected in np.arange(0.2, plan.duration_s, 0.1):
        assert (
            plan.locate(plan.at(expected - lag_s).positions, expected - 0.3, expected) == expected
        )


def test_joints_that_were_held_up_are_found_further_back() -> None:
    """On the same way."""
    plan = timeline()
    found = plan.locate(plan.at(0.5).positions, 0.4, 1.0)
    assert found == pytest.approx(0.5, abs=0.05)


def test_joints_that_stand_in_a_pause_are_found_inside_it() -> None:
    """Held up while the gripper closes: neither at its start for ever nor beyond its end."""
    plan = timeline()
    begin = plan.pieces[0].duration_s
    found = plan.locate(np.array([1.0, -1.0]), begin + 0.05, begin + 1.0)
    assert found is not None
    assert begin + 0.1 < found < begin + 0.6


def test_joints_elsewhere_are_not_on_the_plan() -> None:
    """Somebody else has moved the arm."""
    assert timeline().locate(np.array([0.5, 0.5]), 0.0, 0.6) is None


@pytest.mark.parametrize('start_s', [0.2, 0.6, 1.0])
def test_a_plan_that_is_given_up_comes_to_rest_on_its_own_way(start_s: float) -> None:
    """Continuing the motion first, then braking without a jump of velocity or acceleration."""
    plan = timeline()
    brake = Brake(plan, start_s)
    begin, end = brake.at(0.0), brake.at(brake.duration_s)
    np.testing.assert_allclose(begin.positions, plan.at(start_s).positions)
    np.testing.assert_allclose(begin.velocities, plan.at(start_s).velocities)
    np.testing.assert_allclose(begin.accelerations, plan.at(start_s).accelerations)
    np.testing.assert_allclose(end.velocities, 0.0, atol=1e-12)
    np.testing.assert_allclose(end.accelerations, 0.0, atol=1e-12)
    for t in np.linspace(0.0, brake.duration_s, 20):
        assert np.ptp(brake.at(t).positions * np.array([1.0, -1.0])) < 1e-9  # on the line


def test_an_excerpt_is_the_plan_it_was_taken_from() -> None:
    """Rows that run anyway are not changed."""
    plan = timeline()
    part = Excerpt(plan, 0.3, 0.2)
    for t in (0.0, 0.1, 0.2):
        np.testing.assert_array_equal(part.at(t).positions, plan.at(0.3 + t).positions)
        assert part.opening(t) == plan.opening(0.3 + t)
