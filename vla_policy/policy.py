# SPDX-License-Identifier: Apache-2.0
"""The one protocol that every policy speaks, and what some policies can do beyond it."""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vla_contract.observation import Observation
from vla_policy.execution.chunking import Guidance


@dataclass(frozen=True)
class Rows:
    """A policy's answer, in the columns, units and conventions of its policy file.

    Attributes:
        values: Rows by columns; row 0 applies at the time of the observation.
        finished: The policy says that the instruction is done.
        image_ns: Capture time of the newest image used [ns], where that is not the observation's.
    """

    values: NDArray[np.float64]
    finished: bool = False
    image_ns: int | None = None


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
            prefix: What of the last answer will have been executed by the time this answer
                arrives, at the times of this answer's first rows and in the policy's own
                columns. As many rows as there are: it may be empty, and is never padded.

        Raises:
            InstructionError: As in reset, once the next observation says the same.
            VlaError: There is no answer to this observation. The policy is asked again.
        """


@runtime_checkable
class GuidedPolicy(Policy, Protocol):
    """A policy whose answer can be guided while it is made, for real-time chunking."""

    def infer_guided(self, observation: Observation, guidance: Guidance) -> Rows:
        """Answer an observation like ``infer``, in agreement with what is left of the last answer.

        Called instead of ``infer`` wherever something is left. Raises the same errors.
        """


LatentT = TypeVar('LatentT')


@runtime_checkable
class DualRatePolicy(Protocol[LatentT]):
    """A policy in two parts: a slow trunk that looks, and a fast head that acts.

    ``encode`` and ``act`` are called at the same time, from two threads; ``reset`` never while
    ``encode`` runs, nor while ``act`` does.
    """

    def reset(self, instruction: str) -> None:
        """As in Policy. Latents from before are not used any more."""

    def encode(self, observation: Observation) -> LatentT:
        """Look at an observation. Raises the errors of Policy.infer."""

    def act(self, latent: LatentT, seen_ns: int, observation: Observation) -> Rows:
        """Answer with what was seen last and where the arm is now; raises as Policy.infer.

        Args:
            latent: What ``encode`` answered last.
            seen_ns: The stamp of the observation that it was made of [ns].
            observation: The newest one. Row 0 applies at its ``state_stamp_ns``.
        """
