# SPDX-License-Identifier: Apache-2.0
"""When to ask a policy again, what to ask, and how its answer joins the one before.

Knows time and rows only: neither the policy nor who executes its rows.
"""

import numpy as np
from numpy.typing import NDArray

from vla_contract.action import ActionSpace
from vla_contract.execution import (
    DualRate,
    PrefixConditioning,
    RealTimeChunking,
    Synchronous,
    TemporalEnsembling,
)
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy.execution.chunking import Guidance, guidance_weights
from vla_policy.execution.delay import Delay
from vla_policy.execution.ensemble import Ensemble
from vla_policy.execution.playback import Playback

_NS = 1_000_000_000


class Schedule:
    """The execution strategy of a policy file, applied to one stream of answers.

    Synchronous: row 0 applies when the answer is there, and the next question comes when the rows
    have run out. All others: row 0 applies when the observation was made, and the next question
    comes while the rows still run.
    """

    def __init__(self, policy: Policy) -> None:
        """Start with no answer, so that the first question is due at once."""
        self._execution = policy.execution
        self._step_ns = round(policy.step_s * _NS)
        self._smooth = policy.action.space is not ActionSpace.POSE
        self._none = np.empty((0, len(policy.action.columns)))
        self._last: Playback | None = None
        # The first answer that continues another one takes a path through the model that the
        # very first did not, so that it is slow too.
        continues = isinstance(self._execution, RealTimeChunking | PrefixConditioning)
        self._delay = Delay(warm_up=2 if continues else 1)
        self._ensemble: Ensemble | None = None
        if isinstance(self._execution, TemporalEnsembling):
            self._ensemble = Ensemble(self._execution.decay, self._step_ns)

    @property
    def delay_rows(self) -> int:
        """Actions consumed while an answer is made: the most of the last ten, after warm-up."""
        return self._delay.rows

    def restart(self) -> None:
        """Forget the last answer, not how long answers take."""
        self._last = None
        if self._ensemble is not None:
            self._ensemble.restart()

    def due(self, now_ns: int) -> bool:
        """Whether it is time to ask."""
        if self._last is None:
            return True
        rows, gone = len(self._last.rows), self._last.gone(now_ns)
        if gone < 0:
            return True  # the clock went back: the last answer belongs to another time
        match self._execution:
            case Synchronous():
                return gone >= rows
            case DualRate(act_hz=act_hz):
                return (now_ns - self._last.start_ns) * act_hz >= _NS
            case overlapping:
                return rows - gone <= overlapping.refill_below * rows

    def applies_ns(self, observation: Observation) -> int:
        """The time of an observation that row 0 of the answer belongs to [ns].

        That of the image; of two rates, that of the state, which is all the head looks at anew.
        """
        if isinstance(self._execution, DualRate):
            return observation.state_stamp_ns
        return observation.stamp_ns

    def prefix(self, observation_ns: int) -> NDArray[np.float64]:
        """What of the last answer runs from this observation until its answer arrives."""
        if self._last is None or isinstance(self._execution, Synchronous):
            return self._none
        return self._last.rows_from(observation_ns, self.delay_rows)

    def guidance(self, observation_ns: int) -> Guidance | None:
        """What to agree with, None where there is nothing or the strategy does not ask for it."""
        if self._last is None or not isinstance(self._execution, RealTimeChunking):
            return None
        left = self._last.rows_from(observation_ns)
        if not len(left):
            return None
        delay = min(self.delay_rows, len(left))
        weights = guidance_weights(len(left), delay, len(left), self._execution.weights)
        return Guidance(left, weights, delay, self._execution.beta)

    def blended(self, rows: NDArray[np.float64], observation_ns: int) -> NDArray[np.float64]:
        """The rows to execute: those of the answer, or their mean with those of earlier ones."""
        if self._ensemble is None:
            return rows
        return self._ensemble.blended(rows, observation_ns)

    def answered(self, rows: NDArray[np.float64], observation_ns: int, now_ns: int) -> int:
        """Note an answer, as it is executed.

        Returns:
            The time at which its row 0 applies [ns].
        """
        ran = self._last
        self._delay.note(None if ran is None else ran.consumed(observation_ns, now_ns))
        start_ns = now_ns if isinstance(self._execution, Synchronous) else observation_ns
        self._last = Playback(rows, start_ns, self._step_ns, self._smooth)
        return start_ns
