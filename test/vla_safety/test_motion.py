# SPDX-License-Identifier: Apache-2.0
"""Quintic motions: what is checked on control points holds everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_safety.motion import NS, Motion

START_NS = 1_700_000_000 * NS


@st.composite
def motions(draw: st.DrawFn) -> Motion:
    """Random knots of two joints, 5 ms to 0.5 s apart."""
    count = draw(st.integers(2, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    gaps = random.integers(5_000_000, 500_000_000, count - 1)
    times_ns = START_NS + np.concatenate([[0], np.cumsum(gaps)])
    return Motion(times_ns, *(random.normal(0, scale, (count, 2)) for scale in (1, 2, 10)))


def grid(motion: Motion, count: int = 400) -> np.ndarray:
    """Times all over a motion, as whole nanoseconds."""
    length = motion.end_ns - motion.start_ns
    return motion.start_ns + np.round(np.linspace(0, length, count)).astype(np.int64)


@given(motions())
def test_control_points_hold_the_motion(motion: Motion) -> None:
    """No sampled position leaves the hull of its control points."""
    q, _, _ = motion.sample(grid(motion))
    assert (q <= motion.bezier.max(axis=(0, 1)) + 1e-9).all()
    assert (q >= motion.bezier.min(axis=(0, 1)) - 1e-9).all()


@given(motions())
def test_knots_are_met_exactly(motion: Motion) -> None:
    """Sampling at a knot gives its position, velocity and acceleration."""
    q, v, a = motion.sample(motion.times_ns)
    np.testing.assert_allclose(q, motion.q, atol=1e-12)
    np.testing.assert_allclose(v, motion.v, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(a, motion.a, rtol=1e-5, atol=1e-4)


@given(motions())
def test_velocity_is_the_derivative_of_position(motion: Motion) -> None:
    """Central differences agree with the sampled velocity."""
    step_ns = 1_000
    middle = grid(motion, 50)[1:-1]
    before, _, _ = motion.sample(middle - step_ns)
    after, _, _ = motion.sample(middle + step_ns)
    _, v, _ = motion.sample(middle)
    np.testing.assert_allclose((after - before) / (2 * step_ns / NS), v, rtol=1e-3, atol=1e-3)


@given(motions(), st.floats(0.01, 0.99))
def test_a_motion_cut_and_joined_is_the_same_motion(motion: Motion, part: float) -> None:
    """Repeating the plan in execution, as every message does, changes nothing."""
    cut_ns = motion.start_ns + round(part * (motion.end_ns - motion.start_ns))
    joined = motion.until(cut_ns).then(motion.since(cut_ns))
    times_ns = grid(motion)
    np.testing.assert_allclose(joined.sample(times_ns)[0], motion.sample(times_ns)[0], atol=1e-9)


def test_a_motion_stands_still_after_its_end() -> None:
    """Like the controller, which holds the last point for ever."""
    motion = Motion(
        np.array([START_NS, START_NS + NS]),
        np.array([[0.0], [1.0]]),
        np.zeros((2, 1)),
        np.zeros((2, 1)),
    )
    later = motion.at(START_NS + 5 * NS)
    assert later.q[0] == 1.0
    assert later.v[0] == 0.0


def test_motions_that_do_not_meet_are_not_joined() -> None:
    """A step would reach the controller otherwise."""
    first = Motion.still(START_NS, np.array([0.0]))
    with pytest.raises(ValueError, match='do not meet'):
        first.then(Motion.still(START_NS, np.array([0.1])))
