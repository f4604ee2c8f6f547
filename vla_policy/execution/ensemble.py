# SPDX-License-Identifier: Apache-2.0
"""Temporal ensembling: each row is the mean of all that recent answers say of its time."""

import numpy as np
from numpy.typing import NDArray

from vla_policy.execution.playback import Playback


def ensemble_weights(reaches: NDArray[np.bool_], decay: float) -> NDArray[np.float64]:
    """Weights exp(-decay i) of those answers that reach a row; they sum to 1 in each row.

    Args:
        reaches: Answers, from the oldest to the newest, by rows; some answer reaches each row.
        decay: How much less newer answers weigh. i = 0 is the oldest that reaches the row.
    """
    index = np.cumsum(reaches, axis=0) - 1
    weights = np.exp(-decay * index) * reaches
    return np.asarray(weights / weights.sum(axis=0))


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
        said = np.zeros((len(self._answers), *rows.shape))
        reaches = np.zeros(said.shape[:2], dtype=np.bool_)
        for index, answer in enumerate(self._answers):
            left = answer.rows_from(start_ns, len(rows))
            said[index, : len(left)] = left
            reaches[index, : len(left)] = True
        weights = ensemble_weights(reaches, self._decay)
        return np.asarray(np.einsum('ar,arc->rc', weights, said))
