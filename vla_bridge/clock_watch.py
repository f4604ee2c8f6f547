# SPDX-License-Identifier: Apache-2.0
"""Notices that ROS time was set: what was stamped before then has no time now."""

from vla_bridge.safety_status import seconds_between
from vla_safety.measured import Instant

_SLIP_S = 0.1


class ClockWatch:
    """Compares both clocks from one look to the next."""

    def __init__(self) -> None:
        """Not looked yet."""
        self._last: Instant | None = None

    def jump_s(self, now: Instant, *, simulated: bool) -> float | None:
        """How far ROS time jumped since the last look; None where it did not [s].

        Backwards counts always, forwards only where ROS time is wall time: a simulation may run
        at any pace.
        """
        last, self._last = self._last, now
        if last is None:
            return None
        ros_s = seconds_between(last.ros_ns, now.ros_ns)
        slip_s = ros_s - seconds_between(last.steady_ns, now.steady_ns)
        jumped = ros_s < 0 or (not simulated and abs(slip_s) > _SLIP_S)
        return slip_s if jumped else None
