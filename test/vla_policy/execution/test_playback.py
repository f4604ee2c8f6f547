# SPDX-License-Identifier: Apache-2.0
"""Which rows of a running answer have had their turn, and what is left of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vla_policy.execution.playback import Playback

STEP_NS = 1000
TIMES = st.integers(-5 * STEP_NS, 12 * STEP_NS)


def playback(rows: int, start_ns: int = 0) -> Playback:
    """Two columns that are no straight lines."""
    index = np.arange(rows, dtype=float)
    return Playback(np.stack([index**2, -(index**3)], axis=1), start_ns, STEP_NS)


@given(st.integers(1, 8), TIMES, TIMES)
def test_what_is_left_is_interpolated_at_the_new_times(rows: int, start: int, at: int) -> None:
    """As numpy interpolates each column, at every step from then on that the rows reach."""
    plan = playback(rows, start)
    old = start + STEP_NS * np.arange(rows)
    new = np.arange(at, old[-1] + 1, STEP_NS) if at >= start else np.empty(0)
    expected = np.stack([np.interp(new, old, column) for column in plan.rows.T], axis=1)
    np.testing.assert_allclose(plan.rows_from(at), expected, rtol=1e-12, atol=1e-12)


@given(st.integers(1, 8), TIMES, TIMES, st.integers(0, 4 * STEP_NS))
def test_consumed_is_what_a_player_counts(rows: int, start: int, at: int, later: int) -> None:
    """A player that looks at its clock every nanosecond's worth of turns counts the same."""
    turns = [start + STEP_NS * index for index in range(-30, 40)]
    counted = sum(at <= turn < at + later for turn in turns)
    assert playback(rows, start).consumed(at, at + later) == counted


def test_no_more_rows_than_asked_for_and_none_that_are_not_there() -> None:
    """A prefix is cut, and never padded."""
    plan = playback(4)
    assert len(plan.rows_from(STEP_NS, 2)) == 2
    assert len(plan.rows_from(STEP_NS, 9)) == 3
    assert plan.rows_from(4 * STEP_NS).shape == (0, 2)
    assert plan.rows_from(-1).shape == (0, 2)


def test_where_numbers_mean_nothing_between_rows_the_nearest_is_taken() -> None:
    """The mean of a quaternion and its opposite is no orientation."""
    plan = Playback(np.array([[1.0], [-1.0], [1.0]]), 0, STEP_NS, smooth=False)
    np.testing.assert_array_equal(plan.rows_from(400), [[1.0], [-1.0], [1.0]])
    np.testing.assert_array_equal(plan.rows_from(600), [[-1.0], [1.0]])
    np.testing.assert_array_equal(plan.rows_from(1900), [[1.0]])
