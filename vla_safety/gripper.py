# SPDX-License-Identifier: Apache-2.0
"""When to send the gripper a new command: only for a real change, never as chatter."""

import math

from vla_contract.robot import Gripper


class GripperFilter:
    """Turns the opening asked for at each moment into few commands."""

    def __init__(self, gripper: Gripper) -> None:
        """Nothing commanded yet."""
        self._gripper = gripper
        self._commanded = math.nan

    def forget(self) -> None:
        """Send the next command whatever it is, as after arming."""
        self._commanded = math.nan

    def command(self, opening: float) -> float | None:
        """Joint position to send for an opening from 0 to 1, or None to send nothing.

        A change smaller than the hysteresis is not sent, except to reach fully open or closed.
        """
        opening = min(max(opening, 0.0), 1.0)
        change = abs(opening - self._commanded)
        ends = opening in (0.0, 1.0) and change > 0
        if change <= self._gripper.hysteresis and not ends:
            return None
        self._commanded = opening
        return self._gripper.to_joint(opening)
