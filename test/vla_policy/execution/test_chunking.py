# SPDX-License-Identifier: Apache-2.0
"""Weights of real-time chunking against the formula of its paper, written out row by row."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_contract.errors import VlaError
from vla_policy.execution.chunking import Guidance, guidance_weights


def of_the_paper(rows: int, delay: int, end: int, exponential: bool) -> list[float]:
    """One weight after the other, by the three cases."""
    weights = []
    for index in range(rows):
        if index >= end:
            weights.append(0.0)
        elif index < delay:
            weights.append(1.0)
        else:
            fade = (end - index) / (end - delay + 1)
            weights.append(fade * (math.exp(fade) - 1) / (math.e - 1) if exponential else fade)
    return weights


@given(st.integers(1, 60), st.data())
def test_the_weights_are_those_of_the_paper(rows: int, data: st.DataObject) -> None:
    """One for what cannot be changed, fading over what is left, nothing where nothing is left."""
    end = data.draw(st.integers(0, rows))
    delay = data.draw(st.integers(0, end))
    for exponential, shape in ((True, 'exponential'), (False, 'linear')):
        found = guidance_weights(rows, delay, end, shape)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, of_the_paper(rows, delay, end, exponential), atol=1e-15)


def test_known_weights() -> None:
    """Eight rows, two of them gone before the answer comes, three without anything to agree to."""
    np.testing.assert_allclose(
        guidance_weights(8, 2, 5, 'linear'), [1, 1, 3 / 4, 2 / 4, 1 / 4, 0, 0, 0]
    )
    exponential = guidance_weights(8, 2, 5, 'exponential')
    np.testing.assert_allclose(exponential[2], 0.75 * (math.exp(0.75) - 1) / (math.e - 1))
    assert (np.diff(exponential) <= 0).all()


def test_a_delay_beyond_the_end_is_the_end() -> None:
    """What is not there cannot be agreed with, however late the answer will be."""
    np.testing.assert_allclose(guidance_weights(5, 9, 3, 'exponential'), [1, 1, 1, 0, 0])


def test_rows_that_are_not_left_weigh_nothing() -> None:
    """A head takes as many rows as it answers; the last is repeated, zeros are never put in."""
    target = np.array([[1.0, 2.0], [3.0, 4.0]])
    guidance = Guidance(target, np.array([1.0, 0.5]), 1, 5.0)
    rows, weights = guidance.filled(4)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4], [3, 4], [3, 4]])
    np.testing.assert_array_equal(weights, [1, 0.5, 0, 0])
    with pytest.raises(VlaError, match='2 rows are left to agree with, and the head answers 1'):
        guidance.filled(1)
