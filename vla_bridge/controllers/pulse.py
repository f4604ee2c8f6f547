# SPDX-License-Identifier: Apache-2.0
"""Tells an output that its own process stood still: what it believes may be old."""

import time

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode

from vla_safety.motion import NS

_RATE_HZ = 50.0
_CATCH_UP_S = 0.2
"""Simulated time runs through everything that was missed in about a quarter of this [s]."""


class Pulse:
    """Beats by the steady clock, in the thread of callbacks.

    Where time is simulated, a process that was suspended hears the ticks that it missed first, one
    after the other: it lives in the past then, and knows it by this alone.
    """

    def __init__(self, node: LifecycleNode, longest_pause_s: float) -> None:
        """Begin to beat.

        Args:
            node: Whose callbacks are to be on time.
            longest_pause_s: Standing still for longer is to have slept.
        """
        self._longest_ns = round(longest_pause_s * NS)
        simulated = bool(node.get_parameter('use_sim_time').value)
        self._drowsy_ns = round(_CATCH_UP_S * NS) if simulated else 0
        self._beat_ns = time.monotonic_ns()
        self._woke_ns = self._beat_ns - self._drowsy_ns
        node.create_timer(1.0 / _RATE_HZ, self._beat, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def awake(self) -> bool:
        """The process did not sleep lately."""
        now_ns = time.monotonic_ns()
        return now_ns - self._beat_ns <= self._longest_ns and now_ns - self._woke_ns >= (
            self._drowsy_ns
        )

    def _beat(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns - self._beat_ns > self._longest_ns:
            self._woke_ns = now_ns
        self._beat_ns = now_ns
