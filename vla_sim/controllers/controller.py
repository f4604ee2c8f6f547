# SPDX-License-Identifier: Apache-2.0
"""What all controllers of positions have in common."""

from typing import Protocol

from vla_sim.controllers.motion import Motion, Vector


class PositionController(Protocol):
    """Commands the positions of some joints, once a cycle."""

    def activate(self, measured: Motion) -> None:
        """Forget what was going on; move nothing until told to."""

    def deactivate(self) -> None:
        """Abort the goal in execution, if there is one."""

    def update(self, now_ns: int, measured: Motion) -> Vector | None:
        """Run one cycle.

        Args:
            now_ns: Its time.
            measured: Positions and velocities.

        Returns:
            Positions to command [rad or m]; None to leave the command as it is.
        """
