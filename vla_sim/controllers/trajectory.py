# SPDX-License-Identifier: Apache-2.0
"""A trajectory in execution: its start, the bridge towards it, and its samples."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.controllers.motion import Motion, interpolate


@dataclass(frozen=True)
class Sample:
    """A trajectory at one time.

    Attributes:
        motion: Setpoint.
        point_ns: Time of the point passed last; of the first one while the bridge lasts.
        at_end: The last point is reached, and held.
    """

    motion: Motion
    point_ns: int
    at_end: bool


class Trajectory:
    """Points at times, entered wherever the first sample falls.

    Args:
        start_ns: Time that the points count from; 0 for the time of the first sample.
        offsets_ns: Time of each point after the start.
        points: By joint of the controller.
    """

    def __init__(self, start_ns: int, offsets_ns: Sequence[int], points: Sequence[Motion]) -> None:
        """Keep the points; nothing is known of where the joints are yet."""
        self._start_ns = start_ns
        self._offsets_ns = tuple(offsets_ns)
        self._points = tuple(points)
        self._times_ns: tuple[int, ...] = ()
        self._before_ns = 0
        self._before = self._points[0]

    @property
    def begun(self) -> bool:
        """The first sample has been taken."""
        return bool(self._times_ns)

    @property
    def last(self) -> Motion:
        """The point that is held when all is over."""
        return self._points[-1]

    def begin(self, now_ns: int, before_ns: int, before: Motion) -> None:
        """Fix the start.

        Args:
            now_ns: Time of the first sample.
            before_ns: Time from which a bridge leads to the first point, if that is still ahead.
            before: Motion the bridge starts from.
        """
        start_ns = self._start_ns or now_ns
        self._times_ns = tuple(start_ns + offset for offset in self._offsets_ns)
        self._before_ns = before_ns
        self._before = before.at_least_as(self._points[0])

    def sample(self, now_ns: int) -> Sample | None:
        """Setpoint at a time; None before the motion that the bridge starts from."""
        if now_ns < self._before_ns:
            return None
        times, points = self._times_ns, self._points
        if now_ns < times[0]:
            bridge = self._between(self._before_ns, self._before, times[0], points[0], now_ns)
            return Sample(bridge, times[0], at_end=False)
        index = bisect_right(times, now_ns) - 1
        if index == len(times) - 1:
            return Sample(points[-1].complete(), times[-1], at_end=True)
        motion = self._between(
            times[index], points[index], times[index + 1], points[index + 1], now_ns
        )
        return Sample(motion, times[index], at_end=False)

    @staticmethod
    def _between(a_ns: int, a: Motion, b_ns: int, b: Motion, now_ns: int) -> Motion:
        return interpolate(a, b, (b_ns - a_ns) * 1e-9, (now_ns - a_ns) * 1e-9)
