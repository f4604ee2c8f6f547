# SPDX-License-Identifier: Apache-2.0
"""Entering a chunk from a motion in execution: no step, limits kept, rows untouched if possible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_safety.limits import Limits
from vla_safety.motion import NS, State
from vla_safety.reasons import Reason, RefusedError
from vla_safety.rows import RowPath
from vla_safety.splice import HEADROOM, splice

START_NS = 1_700_000_000 * NS
STEP_NS = 50_000_000
LIMITS = Limits(
    names=('a', 'b'),
    lower=np.full(2, -9.0),
    upper=np.full(2, 9.0),
    velocity=np.full(2, 2.0),
    acceleration=np.full(2, 10.0),
    jerk=np.full(2, 150.0),
    margin=0.0,
    seam_jump=1.0,
)


def wave(amplitude: float, period_s: float, count: int = 20) -> RowPath:
    """Rows of a sine."""
    t = np.arange(count)[:, None] * 0.05
    q = amplitude * np.sin(2 * np.pi * t / period_s) * np.array([1.0, -0.5])
    return RowPath(START_NS + np.arange(count, dtype=np.int64) * STEP_NS, q)


def on_path(rows: RowPath, time_ns: int) -> State:
    """State of the rows' own spline at a time."""
    state = rows.at(np.array([time_ns]))
    return State(state.q[0], state.v[0], state.a[0])


def test_rows_that_are_already_safe_pass_to_the_last_bit() -> None:
    """Rows after the fade appear in the motion unchanged, at their own times."""
    rows = wave(0.2, 2.0)
    seam_ns = START_NS + 130_000_000
    spliced = splice(on_path(rows, seam_ns), seam_ns, rows, LIMITS)
    assert spliced.scale == 1.0
    assert spliced.faded == 1
    np.testing.assert_array_equal(spliced.motion.q[1:], rows.q[spliced.first_row :])
    np.testing.assert_array_equal(spliced.motion.times_ns[1:], rows.times_ns[spliced.first_row :])


def test_rows_that_are_too_fast_keep_their_path_and_lose_their_pace() -> None:
    """Time is stretched; the positions are still the policy's."""
    rows = wave(1.0, 1.5)
    spliced = splice(State.rest(rows.q[0]), START_NS, rows, LIMITS)
    assert spliced.scale < 1
    np.testing.assert_array_equal(
        spliced.motion.q[1 + spliced.faded :], rows.q[1 + spliced.faded :]
    )
    assert LIMITS.use(spliced.motion).ratio <= HEADROOM + 1e-6


def test_an_offset_at_the_seam_fades_and_the_later_rows_stay() -> None:
    """A policy that sees a slightly different arm makes no step."""
    rows = wave(0.1, 3.0)
    seam_ns = START_NS + 110_000_000
    here = on_path(rows, seam_ns)
    spliced = splice(State(here.q + 0.01, here.v, here.a), seam_ns, rows, LIMITS)
    np.testing.assert_allclose(spliced.motion.q[0], here.q + 0.01)
    after = spliced.faded
    np.testing.assert_array_equal(spliced.motion.q[after:], rows.q[spliced.first_row + after - 1 :])


def test_rows_that_are_all_past_are_refused() -> None:
    """A late answer does not run as a fresh one."""
    rows = wave(0.1, 3.0)
    with pytest.raises(RefusedError) as refused:
        splice(State.rest(np.zeros(2)), START_NS + 2 * NS, rows, LIMITS)
    assert refused.value.reason is Reason.ELAPSED


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_whatever_is_spliced_keeps_every_limit(seed: int) -> None:
    """Random rows, seams and offsets: either refused, or within every limit and continuous."""
    random = np.random.default_rng(seed)
    rows = RowPath(
        START_NS + np.arange(12, dtype=np.int64) * STEP_NS,
        np.cumsum(random.normal(0, random.uniform(0.001, 0.1), (12, 2)), axis=0),
    )
    seam_ns = START_NS + int(random.integers(0, 400_000_000))
    seam = State(
        on_path(rows, seam_ns).q + random.normal(0, 0.05, 2),
        random.uniform(-1.5, 1.5, 2),
        random.uniform(-3, 3, 2),
    )
    try:
        spliced = splice(seam, seam_ns, rows, LIMITS)
    except RefusedError:
        return
    assert LIMITS.use(spliced.motion).ratio <= HEADROOM + 1e-6
    np.testing.assert_array_equal(spliced.motion.q[0], seam.q)
    np.testing.assert_array_equal(spliced.motion.v[0], seam.v)
