# SPDX-License-Identifier: Apache-2.0
"""The braking tail: it always ends at rest and never breaks a limit on the way."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vla_safety.braking import BrakingError, brake
from vla_safety.limits import TOLERANCE, Limits
from vla_safety.motion import NS, State
from vla_safety.splice import HEADROOM

LIMITS = Limits(
    names=('shoulder', 'elbow', 'wrist'),
    lower=np.full(3, -3.0),
    upper=np.full(3, 3.0),
    velocity=np.array([2.0, 2.0, 3.0]),
    acceleration=np.array([10.0, 8.0, 15.0]),
    jerk=np.array([150.0, 100.0, 300.0]),
    margin=0.01,
    seam_jump=0.3,
)
START_NS = 1_700_000_000 * NS


@st.composite
def states(draw: st.DrawFn) -> State:
    """Any state that planning leaves: it keeps headroom, and room for jerk to end acceleration."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    a = random.uniform(-1, 1, 3) * LIMITS.acceleration * HEADROOM
    room = LIMITS.velocity * HEADROOM - a * a / (2 * LIMITS.jerk)
    low = np.where(a < 0, -room, -LIMITS.velocity * HEADROOM)
    high = np.where(a > 0, room, LIMITS.velocity * HEADROOM)
    return State(random.uniform(-1, 1, 3), random.uniform(low, high), a)


STILL_GAINING = State(
    np.array([0.09420464, 0.24059539, 0.37123863]),
    np.array([-0.00650333, -0.79476192, -2.6671761]),
    np.array([-7.72049431, -5.912318, -11.83717872]),
)


@given(states())
@example(STILL_GAINING)
def test_a_stop_ends_at_rest_within_limits(state: State) -> None:
    """From any admissible state."""
    stop = brake(state, START_NS, LIMITS)
    assert not stop.v[-1].any()
    assert not stop.a[-1].any()
    assert LIMITS.use(stop).ratio <= 1 + TOLERANCE


@given(states())
def test_a_stop_begins_where_the_arm_is(state: State) -> None:
    """Nothing steps at the commit point."""
    stop = brake(state, START_NS, LIMITS)
    np.testing.assert_array_equal(stop.q[0], state.q)
    np.testing.assert_array_equal(stop.v[0], state.v)
    np.testing.assert_array_equal(stop.a[0], state.a)


@given(states())
def test_a_stop_takes_little_longer_than_the_fastest(state: State) -> None:
    """Bounded by both ramps, the plateau, and the rounding of three phases."""
    stop = brake(state, START_NS, LIMITS)
    a, v, jerk = np.abs(state.a), np.abs(state.v), LIMITS.jerk
    bound = (
        2 * a / jerk + (v + a * a / jerk) / LIMITS.acceleration + 2 * np.sqrt((v + a * a) / jerk)
    )
    assert (stop.end_ns - stop.start_ns) / NS <= bound.max() + 0.05


def test_an_arm_at_rest_needs_no_stop() -> None:
    """One knot, no motion."""
    stop = brake(State.rest(np.zeros(3)), START_NS, LIMITS)
    assert len(stop.times_ns) == 1


def test_a_state_that_is_no_number_is_refused_by_joint() -> None:
    """Nothing is computed with it."""
    wild = State(np.zeros(3), np.array([0.0, np.nan, 0.0]), np.zeros(3))
    with pytest.raises(BrakingError, match='elbow from velocity nan'):
        brake(wild, START_NS, LIMITS)
