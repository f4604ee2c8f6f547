# SPDX-License-Identifier: Apache-2.0
"""How simulated time becomes ROS time: laid over the system's clock, or published as /clock."""

import time
from collections.abc import Callable

CLOCK_START_NS = 1_000_000_000
"""Published time at simulated time 0: a stamp of 0 would mean none."""


class RosTime:
    """The one clock of all stamps, commands and cycles.

    Args:
        simulated_ns: Reads simulated time.
        published: The simulator makes the time that others follow; else it follows the system's.
    """

    def __init__(self, simulated_ns: Callable[[], int], *, published: bool) -> None:
        """Published time begins at CLOCK_START_NS."""
        self._simulated_ns = simulated_ns
        self.published = published
        self._offset_ns = CLOCK_START_NS

    def pace_ns(self) -> int:
        """The clock that sets the pace."""
        return time.monotonic_ns() if self.published else time.time_ns()

    def now_ns(self) -> int:
        """ROS time."""
        return self.stamp_of(self._simulated_ns()) if self.published else time.time_ns()

    def stamp_of(self, simulated_ns: int) -> int:
        """ROS time of a simulated time."""
        return simulated_ns + self._offset_ns

    def align(self, simulated_ns: int, pace_ns: int) -> None:
        """Say at which time of the pacing clock a simulated time is reached."""
        if not self.published:
            self._offset_ns = pace_ns - simulated_ns
