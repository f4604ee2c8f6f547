# SPDX-License-Identifier: Apache-2.0
"""Temporal ensembling: each row is the mean of all that recent answers say of its time."""

import numpy as np
from numpy.typing import NDArray

from vla_policy.execution.playback import Playback


def ensemble_weights(count: int, decay: float) -> NDArray[np.float64]:
    """Weights exp(-decay i) of answers from the oldest, i = 0, to the newest; their sum is 1."""
    weights = np.exp(-decay * np.arange(count))
    return np.asarray(weights / weights.sum())


class Ensemble:
    """The recent answers to one task.

    Args:
        decay: The i-th answer weighs exp(-decay i), i = 0 the oldest.
        step_ns: Time between rows [ns].
    """

    def __init__(self, decay: float, step_ns: int) -> None:
        """Begin with no answer."""
        self._decay = decay
        self._step_ns = step_ns
        self._answers: list[Playback] = []

    def restart(self) -> None:
        """Forget the answers: they were to another task."""
        self._answers.clear()

    def blended(self, rows: NDArray[np.float64], start_ns: int) -> NDArray[np.float64]:
        """Take an answer, and return its rows as the mean with those that came before it.

        Answers that are over are forgotten, and all of them when the clock has gone back. Older
        answers end sooner, so that later rows are the mean of fewer; i = 0 is then the oldest
        of these.
        """
        if any(answer.start_ns > start_ns for answer in self._answers):
            self._answers.clear()
        newest = Playback(rows, start_ns, self._step_ns)
        kept = [each for each in self._answers if each.last_ns >= start_ns]
        self._answers = [*kept, newest]
        # Each says something of the first rows and nothing of those after its end.
        said = [answer.rows_from(start_ns, len(rows)) for answer in self._answers]
        blended = np.empty_like(rows)
        for index in range(len(rows)):
            here = np.stack([each[index] for each in said if index < len(each)])
            blended[index] = ensemble_weights(len(here), self._decay) @ here
        return blended
