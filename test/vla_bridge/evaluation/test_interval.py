# SPDX-License-Identifier: Apache-2.0
"""Wilson's interval, against the equation that it solves."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from vla_bridge.evaluation.interval import Z_95, wilson


@given(integers(1, 2000), integers(0, 2000))
def test_its_ends_are_where_the_score_test_just_accepts(episodes: int, successes: int) -> None:
    """At both ends p: (s/n - p)² = z² p (1 - p) / n."""
    successes = min(successes, episodes)
    share = successes / episodes
    low, high = wilson(successes, episodes)
    assert 0.0 <= low <= share <= high <= 1.0
    for end in (low, high):
        assert (share - end) ** 2 == pytest.approx(Z_95**2 * end * (1 - end) / episodes, abs=1e-12)


def test_a_case_from_the_books() -> None:
    """81 of 263; Newcombe's table of 1998 has 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_nothing_tried_says_nothing() -> None:
    """All shares are possible."""
    assert wilson(0, 0) == (0.0, 1.0)
