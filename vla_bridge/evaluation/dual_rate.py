# SPDX-License-Identifier: Apache-2.0
"""Two rates in one policy, in simulated time: what execution.dual_rate does with a thread.

The trunk gets the newest observation whenever it is free and ``encode_hz`` allows; what it sees is
there a constant time later, by the stamps of observations. Only the first answer to a task does not
wait for it.
"""

from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_policy.execution.dual_rate import act_on
from vla_policy.policy import DualRatePolicy, LatentT, Rows

_NS = 1_000_000_000


@dataclass(frozen=True)
class _Latent(Generic[LatentT]):
    """What was seen, when, and from when on it is known."""

    value: LatentT
    seen_ns: int
    ready_ns: int


class TimedDualRate(Generic[LatentT]):
    """Makes one Policy of a DualRatePolicy, for a loop in which nothing takes time by itself.

    Attributes:
        parts: Trunk and head.
    """

    def __init__(self, parts: DualRatePolicy[LatentT], execution: DualRate, trunk_s: float) -> None:
        """Prepare.

        Args:
            parts: Used by nobody else.
            execution: Rates, and how old a latent may become.
            trunk_s: Simulated time that the trunk takes.
        """
        self.parts = parts
        self._period_ns = round(_NS / execution.encode_hz)
        self._max_age_ns = round(execution.latent_max_age_s * _NS)
        self._trunk_ns = round(trunk_s * _NS)
        self._known: _Latent[LatentT] | None = None
        self._coming: _Latent[LatentT] | None = None
        self._taken_ns: int | None = None

    def reset(self, instruction: str) -> None:
        """Forget what was seen, and start on an instruction."""
        self._known = self._coming = self._taken_ns = None
        self.parts.reset(instruction)

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Act on what was seen last.

        Raises:
            VlaError: The trunk or the head cannot answer, or what was seen last is too old.
        """
        del prefix
        latent = self._newest(observation)
        return act_on(self.parts, latent.value, latent.seen_ns, observation, self._max_age_ns)

    def _newest(self, observation: Observation) -> _Latent[LatentT]:
        """Have the trunk look where it is time to, and take what it knows."""
        now_ns = observation.state_stamp_ns
        if self._coming is not None and self._coming.ready_ns <= now_ns:
            self._known, self._coming = self._coming, None
        if self._coming is None and self._due(observation.stamp_ns):
            self._taken_ns = observation.stamp_ns
            latent = self.parts.encode(observation)
            self._coming = _Latent(latent, observation.stamp_ns, now_ns + self._trunk_ns)
        found = self._known or self._coming
        if found is None:
            raise VlaError('the trunk of the policy has seen nothing yet')
        return found

    def _due(self, stamp_ns: int) -> bool:
        """Whether the trunk should look at an observation."""
        return self._taken_ns is None or stamp_ns - self._taken_ns >= self._period_ns
