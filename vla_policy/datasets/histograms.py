# SPDX-License-Identifier: Apache-2.0
"""Histograms that merge without loss, so that quantiles are of all values and of no average.

The quantiles of a whole are not the mean of its parts' quantiles: a rare wide motion vanishes in
such a mean. Counts do add up, if the bins agree. Here every bin is a multiple of a power of two, so
that two histograms always agree after the finer one has joined its bins in pairs, and the result
is the same in whatever order parts are merged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError

BINS = 5000
"""Most bins between the least and the greatest value."""
FINEST = -24
"""Bins are no narrower than two to this power: a constant needs no finer ones."""


@dataclass(frozen=True)
class Histogram:
    """Counts of one column's values.

    Attributes:
        exponent: Bins are two to this power wide.
        first: Bin 0 begins at this multiple of the width.
        counts: By bin; the first and the last are not empty.
        low: Least value.
        high: Greatest value.
    """

    exponent: int
    first: int
    counts: NDArray[np.int64]
    low: float
    high: float

    @classmethod
    def of(
        cls, values: NDArray[np.float64], counts: NDArray[np.int64] | None = None
    ) -> 'Histogram':
        """Count values.

        Args:
            values: In any order.
            counts: How often each is there; once where it is not said.

        Raises:
            VlaError: There are none, or one is not finite.
        """
        if counts is not None:
            values, counts = values[counts > 0], counts[counts > 0]
        if values.size == 0 or not np.isfinite(values).all():
            problem = 'no values' if values.size == 0 else 'values that are not finite'
            raise VlaError(f'a histogram of {problem}; statistics need finite values')
        low, high = float(values.min()), float(values.max())
        exponent = _exponent(low, high)
        places = np.floor(np.ldexp(values, -exponent)).astype(np.int64)
        first = int(places.min())
        found = np.zeros(int(places.max()) - first + 1, np.int64)
        np.add.at(found, places - first, 1 if counts is None else counts)
        return cls(exponent, first, found, low, high)

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    def merge(self, other: 'Histogram') -> 'Histogram':
        """Of the values of both."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        exponent = max(self.exponent, other.exponent, _exponent(low, high))
        parts = [self._at(exponent), other._at(exponent)]
        first = min(begin for begin, _ in parts)
        counts = np.zeros(max(begin + len(part) for begin, part in parts) - first, np.int64)
        for begin, part in parts:
            counts[begin - first : begin - first + len(part)] += part
        return Histogram(exponent, first, counts, low, high)

    def quantile(self, share: float) -> float:
        """Value below which a share of the values lies, 0 to 1, even within each bin."""
        sums = np.concatenate([[0], np.cumsum(self.counts)])
        wanted = share * sums[-1]
        place = int(np.searchsorted(sums, wanted, side='right')) - 1
        place = min(max(place, 0), len(self.counts) - 1)
        within = (wanted - sums[place]) / max(int(self.counts[place]), 1)
        value = float(np.ldexp(self.first + place + min(float(within), 1.0), self.exponent))
        return min(max(value, self.low), self.high)

    def _at(self, exponent: int) -> tuple[int, NDArray[np.int64]]:
        """First bin and counts with bins of another width, at least as wide."""
        shift = exponent - self.exponent
        places = (self.first + np.arange(len(self.counts))) >> shift
        first = int(places[0])
        counts = np.zeros(int(places[-1]) - first + 1, np.int64)
        np.add.at(counts, places - first, self.counts)
        return first, counts


def _exponent(low: float, high: float) -> int:
    """Of the narrowest bins of which few enough lie between two values."""
    exponent = FINEST
    while np.floor(np.ldexp(high, -exponent)) - np.floor(np.ldexp(low, -exponent)) + 1 > BINS:
        exponent += 1
    return exponent
