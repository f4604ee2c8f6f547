# SPDX-License-Identifier: Apache-2.0
"""Policies for a test: each answers in the columns of the demonstrator's file."""

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import InstructionError, VlaError
from vla_contract.observation import Observation
from vla_policy.policy import Rows

Array = NDArray[np.float64]
ROWS = 20
FAR = np.array([2.0, 0.5, -0.5, 0.0, 0.0, 0.0, 0.0])


class Still:
    """Asks the arm to stay, and says that it is done."""

    def reset(self, instruction: str) -> None:
        """Nothing to remember."""

    def infer(self, observation: Observation, prefix: Array) -> Rows:  # noqa: ARG002
        """Where the arm is, over and over."""
        return Rows(self.rows(observation), finished=True)

    def rows(self, observation: Observation) -> Array:
        """What is asked for."""
        return np.repeat(observation.state[None], ROWS, axis=0)


class Looking(Still):
    """Keeps what it saw."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.seen: list[Observation] = []

    def rows(self, observation: Observation) -> Array:
        """As ever."""
        self.seen.append(observation)
        return super().rows(observation)


class Jumping(Still):
    """Asks for a posture far away at once."""

    def rows(self, observation: Observation) -> Array:
        """Two radians off, from the first row on."""
        return np.asarray(super().rows(observation) + FAR)


class Diving(Still):
    """Leads the tool smoothly down, through the table and on."""

    def rows(self, observation: Observation) -> Array:
        """The shoulder lowers, as fast as it may."""
        way = np.linspace(0.0, 1.2, ROWS)[:, None]
        down = way * np.array([0.0, 1.0, 0.3, 0.0, 0.0, 0.0, 0.0])
        return np.asarray(super().rows(observation) + down)


class NoNumbers(Still):
    """Answers what is no number."""

    def rows(self, observation: Observation) -> Array:
        """Not one of them."""
        return super().rows(observation) * np.nan


class Refusing(Still):
    """Does not understand."""

    def reset(self, instruction: str) -> None:
        """Say so."""
        raise InstructionError(f'what is "{instruction}"?')


class Speechless(Still):
    """Has no answer."""

    def infer(self, observation: Observation, prefix: Array) -> Rows:  # noqa: ARG002
        """Say so."""
        raise VlaError('nothing comes to mind')
