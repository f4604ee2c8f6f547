# SPDX-License-Identifier: Apache-2.0
"""When simulation cycles are due, by a clock that others keep. Knows neither ROS nor physics."""

from collections.abc import Callable

MAX_LAG_NS = 500_000_000
"""Cycles later than this are left out instead of caught up."""
BREATH_S = 0.0001
"""Pause between cycles that are due at once, so that other threads get their turn."""


class Pace:
    """Evenly spaced cycles that catch up after a delay.

    Args:
        read_ns: The clock.
        period_ns: Simulated time between cycles.
        factor: Simulated time by clock time; 0 for as fast as possible.
    """

    def __init__(self, read_ns: Callable[[], int], period_ns: int, factor: float) -> None:
        """The first cycle is due now."""
        self._read_ns = read_ns
        self._step_ns = round(period_ns / factor) if factor else 0
        self.due_ns = read_ns()
        self.skipped_ns = 0

    def wait_s(self) -> float:
        """Time until the next cycle; 0 where it is due or late."""
        if not self._step_ns:
            return 0.0
        now_ns = self._read_ns()
        late_ns = now_ns - self.due_ns
        if abs(late_ns) > MAX_LAG_NS:  # the process was stopped, or the clock was set
            self.skipped_ns += abs(late_ns)
            self.due_ns = now_ns
        return max(0.0, (self.due_ns - now_ns) * 1e-9)

    def advance(self) -> None:
        """The cycle that was due has run."""
        self.due_ns = self.due_ns + self._step_ns if self._step_ns else self._read_ns()
