# SPDX-License-Identifier: Apache-2.0
"""When to send the gripper a new command: only for a real change, never as chatter."""

import math

from vla_contract.robot import Gripper
from vla_safety.motion import NS

REVERSAL_NS = NS // 4
"""Least time between a command and one in the other direction."""


class GripperFilter:
    """Turns the opening asked for at each moment into few commands."""

    def __init__(self, gripper: Gripper) -> None:
        """Nothing commanded yet."""
        self._gripper = gripper
        self._commanded = math.nan
        self._direction = 0.0
        self._sent_ns = 0

    def between(self, measured: float) -> tuple[float, float]:
        """Least and greatest opening that the gripper may have on its way; all where unknown."""
        if math.isnan(measured):
            return (0.0, 1.0)
        commanded = measured if math.isnan(self._commanded) else self._commanded
        return (min(measured, commanded), max(measured, commanded))

    def forget(self) -> None:
        """Send the next command whatever it is, as after arming."""
        self._commanded = math.nan

    def wanted(self, opening: float, now_ns: int) -> float | None:
        """Opening to command for one asked for, both from 0 to 1, or None for no command.

        A change smaller than the hysteresis is not sent, except to reach fully open or closed. Nor
        is one that turns back right after the last: a policy that cannot decide would otherwise
        rattle the gripper.
        """
        opening = min(max(opening, 0.0), 1.0)
        change = opening - self._commanded
        ends = opening in (0.0, 1.0) and abs(change) > 0
        if abs(change) <= self._gripper.hysteresis and not ends:
            return None
        back = change * self._direction < 0
        if back and now_ns - self._sent_ns < REVERSAL_NS:
            return None
        return opening

    def command(self, opening: float, now_ns: int) -> float:
        """Joint position to send for an opening that is wanted, which is commanded from now on."""
        change = opening - self._commanded
        self._direction = 0.0 if math.isnan(change) else math.copysign(1.0, change)
        self._commanded, self._sent_ns = opening, now_ns
        return self._gripper.to_joint(opening)
