# SPDX-License-Identifier: Apache-2.0
"""The forward position controller passes on whatever is finite and complete."""

import math

import numpy as np
import pytest

from vla_sim.controllers.forward_position import ForwardPositionController
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError

REST = Motion(np.zeros(2), np.zeros(2))


def test_it_commands_nothing_until_something_comes() -> None:
    """The hardware keeps what it has."""
    assert ForwardPositionController(2).update(0, REST) is None


def test_a_command_lands_whole_in_one_cycle() -> None:
    """However far it is, and whatever the limits are."""
    controller = ForwardPositionController(2)
    controller.submit([0.0, 0.0])
    controller.submit([100.0, -0.5])
    assert controller.update(0, REST) == pytest.approx([100.0, -0.5])


def test_there_is_no_timeout() -> None:
    """The last command stands for ever."""
    controller = ForwardPositionController(1)
    controller.submit([0.5])
    for _ in range(1000):
        command = controller.update(0, REST)
    assert command == pytest.approx([0.5])


@pytest.mark.parametrize('values', [[math.nan, 0.0], [0.0, math.inf], [0.0], [0.0] * 3, []])
def test_what_is_not_finite_or_of_the_wrong_size_is_dropped(values: list[float]) -> None:
    """The command before it stays."""
    controller = ForwardPositionController(2)
    controller.submit([0.1, 0.2])
    with pytest.raises(CommandRefusedError):
        controller.submit(values)
    assert controller.update(0, REST) == pytest.approx([0.1, 0.2])


def test_activation_forgets_the_command() -> None:
    """A command from before must not move the arm after."""
    controller = ForwardPositionController(2)
    controller.submit([0.1, 0.2])
    controller.activate(REST)
    assert controller.update(0, REST) is None
