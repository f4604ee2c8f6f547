# SPDX-License-Identifier: Apache-2.0
"""The one protocol that every policy speaks."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_contract.observation import Observation


@dataclass(frozen=True)
class Rows:
    """A policy's answer, in the columns, units and conventions of its policy file.

    Attributes:
        values: Rows by columns; row 0 applies at the time of the observation.
        finished: The policy says that the instruction is done.
    """

    values: NDArray[np.float64]
    finished: bool = False


class Policy(Protocol):
    """Observation in, rows of actions out."""

    def reset(self, instruction: str) -> None:
        """Forget what came before and start on an instruction.

        Raises:
            InstructionError: It cannot be carried out. The task ends with this reason.
            VlaError: Not now. It is tried again.
        """

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Answer an observation.

        Args:
            observation: The newest complete one.
            prefix: Rows of the last answer that will have been executed by the time this
                answer arrives, in the policy's own columns; may be empty.

        Raises:
            InstructionError: As in reset, once the next observation says the same.
            VlaError: There is no answer to this observation. The policy is asked again.
        """
