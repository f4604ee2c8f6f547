# SPDX-License-Identifier: Apache-2.0
"""Numbers for networks and back, and statistics that cannot be."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_contract.errors import VlaError
from vla_policy.normalization import Normalizer, Scheme, Statistics

NAMES = ('pan', 'lift', 'gripper')


def rows(count: int = 5000) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Three columns: normal, uniform, constant."""
    rng = np.random.default_rng(0)
    return np.stack(
        (rng.normal(2.0, 0.5, count), rng.uniform(-3.0, 1.0, count), np.full(count, 0.7)), axis=1
    )


@pytest.mark.parametrize(
    ('scheme', 'low', 'high'),
    [
        ('quantile', 2.0 - 2.326 * 0.5, 2.0 + 2.326 * 0.5),
        ('mean_std', 1.5, 2.5),
        ('min_max', rows()[:, 0].min(), rows()[:, 0].max()),
    ],
)
def test_what_becomes_minus_one_and_one(scheme: str, low: float, high: float) -> None:
    """Of a normal distribution, by each scheme's own definition."""
    normalizer = Normalizer.of(rows(), NAMES, scheme)
    unit = normalizer.to_unit(np.array([[low, -1.0, 0.7], [high, -1.0, 0.7]]))
    assert unit[:, 0] == pytest.approx([-1.0, 1.0], abs=0.06)
    assert unit[:, 1] == pytest.approx([0.0, 0.0], abs=0.06)


@given(arrays(np.float64, (4, 3), elements=st.floats(-50, 50)), st.sampled_from(Scheme))
def test_there_and_back_is_where_it_was(
    values: np.ndarray[Any, np.dtype[np.float64]], scheme: Scheme
) -> None:
    """Also far outside what was seen; a constant column comes back as its constant."""
    normalizer = Normalizer.of(rows(200), NAMES, scheme)
    back = normalizer.from_unit(normalizer.to_unit(values))
    assert back[:, :2] == pytest.approx(values[:, :2], abs=1e-9)
    assert back[:, 2] == pytest.approx(np.full(4, 0.7))


def test_what_is_outside_is_not_clipped() -> None:
    """Quantiles are two hundredths of the data short of everything."""
    assert Normalizer.of(rows(), NAMES, 'quantile').to_unit(np.array([10.0, 0, 0]))[0] > 5.0


def test_a_column_that_seldom_moves_is_not_constant() -> None:
    """Its quantiles are equal, and still a network must be able to move it: by its range."""
    gripper = np.ones((1000, 1))
    gripper[:5] = 0.0
    normalizer = Normalizer.of(gripper, ['gripper'], 'quantile')
    ends = np.array([[0.0], [1.0]])
    np.testing.assert_allclose(normalizer.to_unit(ends), [[-1.0], [1.0]], atol=1e-3)
    np.testing.assert_allclose(normalizer.from_unit(normalizer.to_unit(ends)), ends, atol=1e-9)


@pytest.mark.parametrize('scheme', Scheme)
def test_tensors_are_mapped_as_arrays_are(scheme: Scheme) -> None:
    """And remain tensors of their own precision."""
    normalizer = Normalizer.of(rows(200), NAMES, scheme)
    values = rows(3)
    tensor = torch.tensor(values, dtype=torch.float32)
    unit = normalizer.to_unit(tensor)
    assert unit.dtype is torch.float32
    np.testing.assert_allclose(unit.numpy(), normalizer.to_unit(values), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(normalizer.from_unit(unit).numpy(), values, rtol=1e-5)


def test_json_brings_the_same_map_back() -> None:
    """To the last bit."""
    before = Normalizer.of(rows(), NAMES, 'quantile')
    after = Normalizer.from_json(before.to_json(), 'statistics.json: state')
    assert (after.to_unit(rows()) == before.to_unit(rows())).all()
    assert after.names == NAMES


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'std': None}, 'std: None; one number a column'),
        ({'std': [0.5, -1.0, 0.0]}, 'column 1 (lift): std is negative'),
        ({'q01': [9.0, -3.0, 0.7]}, 'column 0 (pan): min, q01, q99 and max are not in this order'),
        ({'mean': [2.0, float('nan'), 0.7]}, 'mean: column 1 (lift): nan'),
        ({'mean': [2.0, 7.0, 0.7]}, 'column 1 (lift): the mean is not between'),
        ({'max': [4.0]}, 'not one number a column'),
        ({'count': 0}, 'count: 0'),
        ({'scheme': 'guess'}, 'scheme: guess; it is one of quantile'),
        ({'names': ['pan']}, 'of 3 columns, while there are 1: pan'),
    ],
)
def test_impossible_statistics_are_refused(change: dict[str, Any], said: str) -> None:
    """With file, column and value."""
    document = Normalizer.of(rows(), NAMES, 'quantile').to_json() | change
    with pytest.raises(VlaError, match=r'statistics\.json: state') as refusal:
        Normalizer.from_json(document, 'statistics.json: state')
    assert said in str(refusal.value)


def test_statistics_of_nothing_are_refused() -> None:
    """And of what is not finite."""
    with pytest.raises(VlaError):
        Statistics.of(np.empty((0, 3)))
    with pytest.raises(VlaError):
        Statistics.of(np.array([[1.0, np.inf]]))
