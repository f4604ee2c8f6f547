# SPDX-License-Identifier: Apache-2.0
"""Rows of a chunk as a path in time: a cubic spline through every one of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vla_safety.motion import NS, Array, State, Times
from vla_safety.spline import CubicSpline


@dataclass(frozen=True)
class RowPath:
    """Absolute joint positions at nominal times, with continuous acceleration between.

    Attributes:
        times_ns: Nominal time of each row.
        q: Rows by joints.
    """

    times_ns: Times
    q: Array

    @cached_property
    def _spline(self) -> CubicSpline | None:
        if len(self.times_ns) < 2:
            return None
        return CubicSpline((self.times_ns - self.times_ns[0]) / NS, self.q)

    def at(self, times_ns: Times) -> State:
        """Positions, velocities and accelerations at times inside the path, times by joints."""
        if self._spline is None:
            q = np.repeat(self.q, len(times_ns), axis=0)
            return State(q, np.zeros_like(q), np.zeros_like(q))
        inside = np.clip(times_ns, self.times_ns[0], self.times_ns[-1])
        return self._spline.at((inside - self.times_ns[0]) / NS)

    def first_after(self, time_ns: int) -> int:
        """Index of the first row later than a time."""
        return int(np.searchsorted(self.times_ns, time_ns, side='right'))

    def later(self, by_ns: int) -> 'RowPath':
        """The same path, every row by so much later."""
        return RowPath(self.times_ns + by_ns, self.q)

    def before(self, count: int) -> 'RowPath':
        """The path of the first rows only."""
        return RowPath(self.times_ns[:count], self.q[:count])
