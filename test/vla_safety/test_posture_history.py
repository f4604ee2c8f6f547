# SPDX-License-Identifier: Apache-2.0
"""Where the arm was when a picture was taken."""

import numpy as np
import pytest

from vla_safety.motion import NS
from vla_safety.posture_history import PostureHistory


def filled() -> PostureHistory:
    """Two seconds of a joint at one radian a second, every 20 ms."""
    history = PostureHistory()
    for step in range(101):
        history.add(step * NS // 50, np.array([step / 50]))
    return history


def test_a_posture_between_two_is_between_them() -> None:
    """Pictures do not wait for joint states."""
    found = filled().at(round(1.511 * NS))
    assert found == pytest.approx([1.511])


@pytest.mark.parametrize('seconds', [0.5, 2.2])
def test_what_is_not_remembered_is_not_guessed(seconds: float) -> None:
    """Long ago, or not yet."""
    assert filled().at(round(seconds * NS)) is None


def test_a_picture_just_after_the_last_joint_state_shows_that_one() -> None:
    """They travel on different topics."""
    assert filled().at(round(2.03 * NS)) == pytest.approx([2.0])


def test_nothing_is_known_at_first() -> None:
    """And nothing is made up."""
    assert PostureHistory().at(0) is None


def test_a_clock_that_was_set_back_begins_anew() -> None:
    """What was remembered has no time now."""
    history = filled()
    history.add(NS, np.array([7.0]))
    assert history.at(round(1.5 * NS)) is None
    assert history.at(NS) == pytest.approx([7.0])
