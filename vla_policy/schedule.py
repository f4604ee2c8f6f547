# SPDX-License-Identifier: Apache-2.0
"""When to ask a policy again, and which rows of its last answer are already spoken for.

Knows time and rows only: neither the policy nor who executes its rows.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.policy import Policy

_NS = 1_000_000_000
_MEASURED = 10
"""Inferences whose delay is remembered."""


@dataclass(frozen=True)
class _Answer:
    rows: NDArray[np.float64]
    start_ns: int


class Schedule:
    """The execution strategy of a policy file, applied to one stream of answers.

    Synchronous: row 0 applies when the answer is there, and the next question comes when the rows
    have run out. Asynchronous: row 0 applies when the observation was made, and the next question
    comes when ``refill_below`` of the rows are left.
    """

    def __init__(self, policy: Policy) -> None:
        """Start with no answer, so that the first question is due at once."""
        self._synchronous = policy.execution.strategy == 'synchronous'
        self._refill_below = policy.execution.refill_below
        self._step_ns = round(policy.step_s * _NS)
        self._none = np.empty((0, len(policy.action.columns)))
        self._last: _Answer | None = None
        self._delays: deque[int] = deque(maxlen=_MEASURED)
        self._warm = False

    @property
    def delay_rows(self) -> int:
        """Rows that go by while an answer is made: the most of the last ten, after the first."""
        return max(self._delays, default=0)

    def restart(self) -> None:
        """Forget the last answer, not how long answers take."""
        self._last = None

    def due(self, now_ns: int) -> bool:
        """Whether it is time to ask."""
        if self._last is None:
            return True
        rows = len(self._last.rows)
        gone = (now_ns - self._last.start_ns) / self._step_ns
        if gone < 0:
            return True  # the clock went back: the last answer belongs to another time
        if self._synchronous:
            return gone >= rows
        return rows - gone <= self._refill_below * rows

    def prefix(self, observation_ns: int) -> NDArray[np.float64]:
        """Rows of the last answer that run from this observation until its answer arrives."""
        if self._last is None or self._synchronous:
            return self._none
        first = round((observation_ns - self._last.start_ns) / self._step_ns)
        if first < 0:
            return self._none
        return self._last.rows[first : first + self.delay_rows]

    def answered(self, rows: NDArray[np.float64], observation_ns: int, now_ns: int) -> int:
        """Note an answer.

        Returns:
            The time at which its row 0 applies [ns].
        """
        if self._warm:
            self._delays.append(max(0, math.ceil((now_ns - observation_ns) / self._step_ns)))
        self._warm = True
        start_ns = now_ns if self._synchronous else observation_ns
        self._last = _Answer(rows, start_ns)
        return start_ns
