# SPDX-License-Identifier: Apache-2.0
"""Quantiles are of all values, whatever parts they came in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets.histograms import BINS, FINEST, Histogram
from vla_policy.datasets.statistics import (
    Moments,
    Summary,
    levels_of,
    merge_all,
    summary_of_levels,
)

VALUES = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=60).map(np.array)


def same(one: Histogram, other: Histogram) -> bool:
    """Are they equal in every part?"""
    alike = (one.exponent, one.first, one.low, one.high) == (
        other.exponent,
        other.first,
        other.low,
        other.high,
    )
    return alike and np.array_equal(one.counts, other.counts)


@given(st.lists(VALUES, min_size=2, max_size=5), st.randoms())
def test_merging_parts_in_any_order_is_counting_the_whole(
    parts: list[NDArray[np.float64]], order: object
) -> None:
    """Bit for bit: bins that are powers of two join without loss."""
    shuffled = list(parts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = Histogram.of(shuffled[0])
    for part in shuffled[1:]:
        merged = merged.merge(Histogram.of(part))
    assert same(merged, Histogram.of(np.concatenate(parts)))


@given(VALUES, st.floats(0.0, 1.0))
def test_a_quantile_is_within_a_bin_of_the_order_statistics(
    values: NDArray[np.float64], share: float
) -> None:
    """The bin is at most a 2500th of the range."""
    found = Histogram.of(values)
    width = 2.0**found.exponent
    ordered = np.sort(values)
    place = share * len(values)
    low = ordered[max(int(np.floor(place)) - 1, 0)]
    high = ordered[min(int(np.ceil(place)), len(values) - 1)]
    assert low - width <= found.quantile(share) <= high + width
    assert width <= max(2 * np.ptp(values) / BINS, 2.0**FINEST) * 1.001


def test_a_rare_wide_motion_is_not_averaged_away() -> None:
    """Of ten still episodes and one wide one, the mean of their q99 is far from the truth."""
    rng = np.random.default_rng(0)
    episodes = [rng.normal(0.0, 0.01, (100, 1)) for _ in range(10)]
    episodes.append(rng.normal(5.0, 0.01, (100, 1)))
    whole = merge_all([{'x': Summary.of(each)} for each in episodes])['x'].stats()
    averaged = np.mean([Summary.of(each).stats()['q99'] for each in episodes])
    truth = np.quantile(np.concatenate(episodes), 0.99)
    assert whole['q99'][0] == pytest.approx(truth, abs=0.01)
    assert abs(averaged - truth) > 4.0


@given(st.lists(VALUES, min_size=2, max_size=4))
def test_merged_moments_are_those_of_the_whole(parts: list[NDArray[np.float64]]) -> None:
    """Mean and deviation do not depend on how the values were split."""
    merged = Moments.of(parts[0][:, None])
    for part in parts[1:]:
        merged = merged.merge(Moments.of(part[:, None]))
    together = np.concatenate(parts)
    assert merged.count == len(together)
    np.testing.assert_allclose(merged.mean, together.mean(), atol=1e-8)
    deviation = np.sqrt(merged.squares / merged.count)
    np.testing.assert_allclose(deviation, together.std(), rtol=1e-6, atol=1e-6)


def test_counted_levels_give_what_the_pixels_would() -> None:
    """Only 256 counts a channel travel from the process that saw the picture."""
    image = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    counted = summary_of_levels(levels_of(image)).stats()
    direct = Summary.of(image.reshape(-1, 3) / 255.0).stats()
    for name, values in direct.items():
        np.testing.assert_allclose(counted[name], values, atol=1e-12, err_msg=name)


@pytest.mark.parametrize('values', [[], [1.0, float('nan')], [float('inf')]])
def test_what_has_no_statistics_is_refused(values: list[float]) -> None:
    """Rather than a q99 that is nan."""
    with pytest.raises(VlaError, match='statistics need finite values'):
        Histogram.of(np.array(values))


def test_datasets_with_other_features_do_not_merge() -> None:
    """The error names them."""
    one, other = Summary.of(np.ones((3, 1))), Summary.of(np.ones((3, 2)))
    with pytest.raises(VlaError, match='different features: b'):
        merge_all([{'a': one}, {'a': one, 'b': one}])
    with pytest.raises(VlaError, match='1 columns do not merge with those of 2'):
        one.merge(other)
