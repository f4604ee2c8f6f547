# SPDX-License-Identifier: Apache-2.0
"""Minimum, maximum, mean, deviation and quantiles of a dataset, from parts that merge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets.histograms import Histogram

QUANTILES = {'q01': 0.01, 'q10': 0.10, 'q50': 0.50, 'q90': 0.90, 'q99': 0.99}

Stats = dict[str, NDArray[np.float64]]
"""min, max, mean, std, count and quantiles of one feature; all but count have one value a column.
"""


@dataclass(frozen=True)
class Moments:
    """What mean and deviation are made of, by column.

    Attributes:
        count: How many values each column has.
        mean: Of them.
        squares: Sum of squared distances from the mean.
    """

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> 'Moments':
        """Of rows by columns."""
        mean = values.mean(axis=0)
        return cls(len(values), mean, ((values - mean) ** 2).sum(axis=0))

    @classmethod
    def counted(cls, values: NDArray[np.float64], counts: NDArray[np.int64]) -> 'Moments':
        """Of values that each column has so often; counts are columns by values."""
        count = int(counts[0].sum())
        mean = counts @ values / count
        return cls(count, mean, (counts * (values - mean[:, None]) ** 2).sum(axis=1))

    def merge(self, other: 'Moments') -> 'Moments':
        """Of the values of both, without a difference of large sums."""
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        spread = apart**2 * (self.count * other.count / count)
        return Moments(count, mean, self.squares + other.squares + spread)


@dataclass(frozen=True)
class Summary:
    """Of one feature: what its statistics are made of. Merges.

    Attributes:
        moments: Of all columns.
        histograms: One a column.
    """

    moments: Moments
    histograms: tuple[Histogram, ...]

    @classmethod
    def of(cls, values: NDArray[np.generic]) -> 'Summary':
        """Of rows by columns.

        Raises:
            VlaError: There are no rows, or a value is not finite.
        """
        rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        histograms = tuple(Histogram.of(column) for column in rows.T)
        return cls(Moments.of(rows), histograms)

    def merge(self, other: 'Summary') -> 'Summary':
        """Of the rows of both.

        Raises:
            VlaError: They have different numbers of columns.
        """
        if len(self.histograms) != len(other.histograms):
            raise VlaError(
                f'statistics of {len(self.histograms)} columns do not merge with those of '
                f'{len(other.histograms)}'
            )
        pairs = zip(self.histograms, other.histograms, strict=True)
        return Summary(self.moments.merge(other.moments), tuple(a.merge(b) for a, b in pairs))

    def stats(self) -> Stats:
        """As in the statistics of a dataset."""
        moments, each = self.moments, self.histograms
        found: Stats = {
            'min': np.array([histogram.low for histogram in each]),
            'max': np.array([histogram.high for histogram in each]),
            'mean': moments.mean,
            'std': np.sqrt(moments.squares / moments.count),
            'count': np.array([moments.count], dtype=np.float64),
        }
        for name, share in QUANTILES.items():
            found[name] = np.array([histogram.quantile(share) for histogram in each])
        return found


def merge_all(parts: Sequence[Mapping[str, Summary]]) -> dict[str, Summary]:
    """Summaries by feature, of parts that have the same features.

    Raises:
        VlaError: There are no parts, or their features differ.
    """
    if not parts:
        raise VlaError('no episodes, so no statistics')
    whole = dict(parts[0])
    for part in parts[1:]:
        if part.keys() != whole.keys():
            differing = ', '.join(sorted(part.keys() ^ whole.keys()))
            raise VlaError(f'statistics of datasets with different features: {differing}')
        whole = {key: summary.merge(part[key]) for key, summary in whole.items()}
    return whole


LEVELS = 256
"""Of a channel of a picture."""


def levels_of(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels of a picture have each level, channels by levels."""
    channels = image.reshape(-1, image.shape[-1]).T
    return np.array([np.bincount(channel, minlength=LEVELS) for channel in channels], np.int64)


def summary_of_levels(levels: NDArray[np.int64]) -> Summary:
    """Of pictures, each channel from 0 to 1, of which only the counts of levels are known.

    Raises:
        VlaError: There are no pictures.
    """
    values = np.arange(LEVELS) / (LEVELS - 1)
    histograms = tuple(Histogram.of(values, counts) for counts in levels)
    return Summary(Moments.counted(values, levels), histograms)
