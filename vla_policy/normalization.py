# SPDX-License-Identifier: Apache-2.0
"""A policy's numbers ⇄ numbers around 0 that a network can learn, column by column.

Statistics come from training data. Numbers outside what was seen are not clipped: a clipped state
would look like another one, and a clipped action could not be reached.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets.statistics import Summary

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating[Any]]
_NARROWEST = 1e-6
"""A column that varies less than this share of its size is constant."""


class Scheme(StrEnum):
    """What becomes -1 and 1."""

    QUANTILE = 'quantile'
    MEAN_STD = 'mean_std'
    MIN_MAX = 'min_max'


@dataclass(frozen=True)
class Statistics:
    """Of the columns of a vector; each attribute but the count has one number a column.

    Attributes:
        mean: Of all rows.
        std: Standard deviation.
        min: Smallest.
        max: Greatest.
        q01: A hundredth of the rows is smaller.
        q99: A hundredth is greater.
        count: Rows.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    q01: tuple[float, ...]
    q99: tuple[float, ...]
    count: int

    @classmethod
    def of(cls, rows: NDArray[Any]) -> 'Statistics':
        """Of rows by columns.

        Raises:
            VlaError: There are none, or one is not finite.
        """
        if not rows.size:
            raise VlaError(
                f'statistics of rows of the shape {rows.shape}; there is nothing in them'
            )
        return cls.from_json({k: v.tolist() for k, v in Summary.of(rows).stats().items()}, 'rows')

    @classmethod
    def from_json(
        cls, found: Mapping[str, Any], source: str, names: Sequence[str] = ()
    ) -> 'Statistics':
        """Of a JSON object, such as a feature of a dataset's ``meta/stats.json``.

        Args:
            found: The object; what else it holds is left alone.
            source: File and key, for errors.
            names: Of the columns, for errors.

        Raises:
            VlaError: Something is missing or impossible; it says which column and value.
        """
        lists = {key: _numbers(found, key, source, names) for key in _LISTS}
        widths = {key: len(values) for key, values in lists.items()}
        if len(set(widths.values())) > 1:
            told = ', '.join(f'{key} {width}' for key, width in widths.items())
            raise VlaError(f'{source}: has not one number a column: {told}')
        count = found.get('count')
        count = count[0] if isinstance(count, list) and count else count
        if not isinstance(count, int | float) or not count >= 1:
            raise VlaError(f'{source}: count: {count}; statistics are of 1 row or more')
        statistics = cls(count=int(count), **lists)
        statistics._refuse_impossible(source, names)
        return statistics

    def _refuse_impossible(self, source: str, names: Sequence[str]) -> None:
        for index in range(len(self.mean)):
            row = {key: getattr(self, key)[index] for key in _LISTS}
            slack = 1e-4 * (1.0 + abs(row['max'] - row['min']))
            ordered = [row['min'], row['q01'], row['q99'], row['max']]
            wrong = ''
            if any(a > b + slack for a, b in pairwise(ordered)):
                wrong = 'min, q01, q99 and max are not in this order'
            elif not row['min'] - slack <= row['mean'] <= row['max'] + slack:
                wrong = 'the mean is not between min and max'
            elif not 0.0 <= row['std'] <= row['max'] - row['min'] + slack:
                wrong = 'std is negative or greater than the range'
            if wrong:
                told = ', '.join(f'{key} {value:g}' for key, value in row.items())
                raise VlaError(f'{source}: {_column(index, names)}: {wrong}: {told}')


_LISTS = ('mean', 'std', 'min', 'max', 'q01', 'q99')


class Normalizer:
    """Maps columns so that most numbers lie between -1 and 1, or have a deviation of 1.

    Takes numpy arrays and torch tensors, and answers with the same.

    Attributes:
        statistics: What it was made of.
        scheme: What becomes -1 and 1.
        names: Of the columns.
    """

    def __init__(
        self, statistics: Statistics, scheme: Scheme, names: Sequence[str], source: str = ''
    ) -> None:
        """Make the map; a constant column becomes 0.

        Raises:
            VlaError: There are other numbers of statistics than of columns.
        """
        if len(names) != len(statistics.mean):
            raise VlaError(
                f'{source or "statistics"}: of {len(statistics.mean)} columns, while there are '
                f'{len(names)}: {", ".join(names)}'
            )
        self.statistics, self.scheme, self.names = statistics, scheme, tuple(names)
        low, high = (np.array(side, dtype=np.float64) for side in _ends(statistics, scheme))
        if scheme is Scheme.QUANTILE:
            # A gripper that is nearly always open has equal quantiles and is not constant.
            rare = _narrow(low, high)
            low[rare], high[rare] = (
                np.array(side)[rare] for side in (statistics.min, statistics.max)
            )
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        narrow = _narrow(low, high)
        self._half[narrow] = 1.0
        self._moves = np.where(narrow, 0.0, 1.0)

    @classmethod
    def of(cls, rows: NDArray[Any], names: Sequence[str], scheme: str) -> 'Normalizer':
        """Measure rows by columns."""
        return cls(Statistics.of(rows), Scheme(scheme), names)

    @classmethod
    def from_json(cls, found: Mapping[str, Any], source: str) -> 'Normalizer':
        """What to_json gave.

        Raises:
            VlaError: Something is missing or impossible.
        """
        schemes = [str(each) for each in Scheme]
        if found.get('scheme') not in schemes:
            raise VlaError(
                f'{source}: scheme: {found.get("scheme")}; it is one of {", ".join(schemes)}'
            )
        names = found.get('names')
        if not isinstance(names, list):
            raise VlaError(f'{source}: names: {names}; the columns have names')
        statistics = Statistics.from_json(found, source, names)
        return cls(statistics, Scheme(found['scheme']), names, source)

    def to_json(self) -> dict[str, Any]:
        """Everything, for from_json."""
        lists = {key: list(getattr(self.statistics, key)) for key in _LISTS}
        own = {'scheme': str(self.scheme), 'names': list(self.names)}
        return own | lists | {'count': self.statistics.count}

    @overload
    def to_unit(self, values: Array) -> Array: ...

    @overload
    def to_unit(self, values: 'Tensor') -> 'Tensor': ...

    def to_unit(self, values: Any) -> Any:
        """The policy's numbers, columns last, as a network takes them."""
        middle, half, moves = self._maps(values)
        return (values - middle) / half * moves

    @overload
    def from_unit(self, values: Array) -> Array: ...

    @overload
    def from_unit(self, values: 'Tensor') -> 'Tensor': ...

    def from_unit(self, values: Any) -> Any:
        """A network's numbers, columns last, as the policy's."""
        middle, half, moves = self._maps(values)
        return values * moves * half + middle

    def _maps(self, like: Any) -> tuple[Any, ...]:  # noqa: ANN401 - one of two kinds
        """Middle, half width and what moves, of the same kind as some values."""
        maps = (self._middle, self._half, self._moves)
        if isinstance(like, np.ndarray):
            return maps
        return tuple(like.new_tensor(each) for each in maps)


def _narrow(low: Array, high: Array) -> NDArray[np.bool_]:
    """Columns that do not vary."""
    return np.asarray((high - low) / 2 <= _NARROWEST * (1.0 + np.abs(low + high) / 2))


def _ends(statistics: Statistics, scheme: Scheme) -> tuple[Sequence[float], Sequence[float]]:
    """What becomes -1 and 1."""
    match scheme:
        case Scheme.QUANTILE:
            return statistics.q01, statistics.q99
        case Scheme.MIN_MAX:
            return statistics.min, statistics.max
        case Scheme.MEAN_STD:
            pairs = list(zip(statistics.mean, statistics.std, strict=True))
            return [mean - std for mean, std in pairs], [mean + std for mean, std in pairs]


def _column(index: int, names: Sequence[str]) -> str:
    return f'column {index} ({names[index]})' if index < len(names) else f'column {index}'


def _numbers(
    found: Mapping[str, Any], key: str, source: str, names: Sequence[str]
) -> tuple[float, ...]:
    values = found.get(key)
    if not isinstance(values, list) or not values:
        raise VlaError(f'{source}: {key}: {values}; one number a column is needed')
    for index, value in enumerate(values):
        if not isinstance(value, int | float) or not math.isfinite(value):
            column = _column(index, names)
            raise VlaError(f'{source}: {key}: {column}: {value}; it must be finite')
    return tuple(map(float, values))
