# SPDX-License-Identifier: Apache-2.0
"""The forward velocity controller drives at whatever it was told last, for ever."""

import math

import numpy as np
import pytest

from vla_sim.controllers.forward_velocity import LONGEST_LEAD, ForwardVelocityController
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError

REST = Motion(np.array([0.5, 0.0]), np.zeros(2))


def controller() -> ForwardVelocityController:
    """Two joints at 100 Hz."""
    return ForwardVelocityController(2, 10_000_000)


def test_it_commands_nothing_until_something_comes() -> None:
    """The hardware keeps what it has."""
    assert controller().update(0, REST) is None


def test_there_is_no_timeout() -> None:
    """It moves on from where the joints were, without end."""
    driven = controller()
    driven.submit([1.0, -2.0])
    measured = REST
    for _ in range(1000):
        command = driven.update(0, measured)
        assert command is not None
        measured = Motion(command)
    assert command == pytest.approx([0.5 + 10.0, -20.0])


def test_a_drive_that_is_held_back_does_not_wind_up() -> None:
    """Released, it does not shoot to where it would have been."""
    driven = controller()
    driven.submit([1.0, -2.0])
    for _ in range(1000):
        command = driven.update(0, REST)
    assert command == pytest.approx([0.5 + LONGEST_LEAD, -LONGEST_LEAD])


@pytest.mark.parametrize('values', [[math.nan, 0.0], [0.0, math.inf], [0.0], [0.0] * 3, []])
def test_what_is_not_finite_or_of_the_wrong_size_is_dropped(values: list[float]) -> None:
    """The command before it stays: dangerous, and so it is."""
    driven = controller()
    driven.submit([1.0, 0.0])
    with pytest.raises(CommandRefusedError):
        driven.submit(values)
    assert driven.update(0, REST) == pytest.approx([0.51, 0.0])


def test_activation_forgets_the_command() -> None:
    """A command from before must not move the arm after."""
    driven = controller()
    driven.submit([1.0, 0.0])
    driven.activate(REST)
    assert driven.update(0, REST) is None
