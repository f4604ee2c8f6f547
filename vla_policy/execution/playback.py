# SPDX-License-Identifier: Apache-2.0
"""An answer that runs: which of its rows have had their turn, and what is left of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Playback:
    """Rows that are executed by the clock, one a step.

    Attributes:
        rows: Rows by columns.
        start_ns: Time at which row 0 applies [ns].
        step_ns: Time between rows [ns].
        smooth: Between two rows lies what is between their numbers; not so for quaternions.
    """

    rows: NDArray[np.float64]
    start_ns: int
    step_ns: int
    smooth: bool = True

    @property
    def last_ns(self) -> int:
        """Time at which the last row applies [ns]."""
        return self.start_ns + (len(self.rows) - 1) * self.step_ns

    def gone(self, now_ns: int) -> float:
        """Rows that have been executed, and the fraction of the one that is; may be negative."""
        return (now_ns - self.start_ns) / self.step_ns

    def consumed(self, from_ns: int, to_ns: int) -> int:
        """Rows whose turn came from one time until just before another.

        The turns of an arm that has run out of rows count too: those of the next answer go by
        all the same.
        """
        first = -((self.start_ns - from_ns) // self.step_ns)
        end = -((self.start_ns - to_ns) // self.step_ns)
        return max(0, end - first)

    def rows_from(self, from_ns: int, most: int | None = None) -> NDArray[np.float64]:
        """Rows a step apart from a time on, as many as there are and never more.

        Observations do not fall on the times of rows: what lies between two is interpolated, or
        taken from the nearer one where that means nothing.
        """
        if not self.start_ns <= from_ns <= self.last_ns:
            return self.rows[:0]
        shift, off_ns = divmod(from_ns - self.start_ns, self.step_ns)
        rows = self.rows[shift:]
        fraction = off_ns / self.step_ns
        if not self.smooth:
            rows = rows[1:] if fraction > 0.5 else rows
        elif off_ns:
            rows = rows[:-1] + fraction * (rows[1:] - rows[:-1])
        return rows[:most]
