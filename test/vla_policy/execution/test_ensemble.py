# SPDX-License-Identifier: Apache-2.0
"""Temporal ensembling against the table of all answers by all times that ACT keeps."""

import math

import numpy as np
import pytest

from vla_policy.execution.ensemble import Ensemble, ensemble_weights

STEP_NS = 100
ROWS = 5


@pytest.mark.parametrize('every', [1, 2])
@pytest.mark.parametrize('decay', [0.0, 0.01, 0.7])
def test_row_0_is_what_act_would_execute(every: int, decay: float) -> None:
    """Every column of the table is averaged over the answers that have a value there."""
    random = np.random.default_rng(0)
    ensemble = Ensemble(decay, STEP_NS)
    table = np.full((12, 12 + ROWS, 2), np.nan)
    for now in range(0, 12, every):
        answer = random.normal(size=(ROWS, 2))
        table[now, now : now + ROWS] = answer
        blended = ensemble.blended(answer, now * STEP_NS)
        for index in range(ROWS):
            said = table[:, now + index]
            said = said[~np.isnan(said[:, 0])]
            weights = np.array([math.exp(-decay * i) for i in range(len(said))])
            expected = (said * weights[:, None]).sum(axis=0) / weights.sum()
            np.testing.assert_allclose(blended[index], expected, rtol=1e-12)


def test_the_oldest_answer_weighs_most() -> None:
    """It is i = 0, so that it is not outvoted by what came a moment ago."""
    reaches = np.array([[True, False], [True, True], [True, True]])
    weights = ensemble_weights(reaches, 0.5)
    np.testing.assert_allclose(weights[1:, 0] / weights[0, 0], [math.exp(-0.5), math.exp(-1.0)])
    np.testing.assert_allclose(weights[:, 1], [0.0, *(weights[:2, 0] / weights[:2, 0].sum())])
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)


def test_answers_between_the_times_of_rows_agree_on_a_straight_line() -> None:
    """Observations do not fall on the grid of older rows, which are interpolated."""
    ensemble = Ensemble(0.3, STEP_NS)
    for start in (0, 130, 277):
        line = 0.01 * (start + STEP_NS * np.arange(ROWS, dtype=float))[:, None]
        np.testing.assert_allclose(ensemble.blended(line, start), line)


def test_a_restart_and_a_clock_that_goes_back_forget() -> None:
    """An answer to another task, or from another world, says nothing of this one."""
    zeros, ones = np.zeros((ROWS, 1)), np.ones((ROWS, 1))
    ensemble = Ensemble(0.01, STEP_NS)
    ensemble.blended(zeros, 1000)
    ensemble.restart()
    np.testing.assert_array_equal(ensemble.blended(ones, 1100), ones)
    np.testing.assert_array_equal(ensemble.blended(zeros, 0), zeros)
