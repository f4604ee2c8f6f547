# SPDX-License-Identifier: Apache-2.0
"""Simulated time: what is due happens in order, and nothing takes any time by itself."""

import heapq
from collections.abc import Callable

NS = 1_000_000_000


class Timeline:
    """Happenings in order of their time; those of the same time in the order they were asked for.

    Attributes:
        now_ns: The present [ns].
    """

    def __init__(self) -> None:
        """Begin at 0 with nothing to come."""
        self.now_ns = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0

    def at(self, time_ns: int, happen: Callable[[], None]) -> None:
        """Let something happen at a time, at once where that is past."""
        heapq.heappush(self._due, (max(time_ns, self.now_ns), self._asked, happen))
        self._asked += 1

    def after(self, duration_s: float, happen: Callable[[], None]) -> None:
        """Let something happen a while from now."""
        self.at(self.now_ns + round(duration_s * NS), happen)

    def every(self, period_ns: int, first_ns: int, happen: Callable[[], None]) -> None:
        """Let something happen from a time on, again and again."""

        def again() -> None:
            self.at(self.now_ns + period_ns, again)
            happen()

        self.at(first_ns, again)

    def run(self, until_ns: int, ended: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until a time, that included, or until something has ended."""
        while self._due and self._due[0][0] <= until_ns and not ended():
            self.now_ns, _, happen = heapq.heappop(self._due)
            happen()
        if not ended():
            self.now_ns = until_ns
