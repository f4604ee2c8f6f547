# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the forward position controller: what comes in goes out, at the next cycle."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.refusal import CommandRefusedError


class ForwardPositionController:
    """Passes positions on unchanged: no limits, no bridge, no timeout.

    Args:
        joints: How many there are.
    """

    def __init__(self, joints: int) -> None:
        """Command nothing until something comes."""
        self._joints = joints
        self._command: Vector | None = None

    def submit(self, values: Sequence[float]) -> None:
        """Take positions [rad or m] for the next cycle and all after it.

        Raises:
            CommandRefusedError: The old command stays.
        """
        if not all(isfinite(value) for value in values):
            raise CommandRefusedError(f'a value is not finite: {list(values)}')
        if len(values) != self._joints:
            raise CommandRefusedError(f'{len(values)} values for {self._joints} joints')
        self._command = np.array(values, dtype=np.float64)

    def activate(self, measured: Motion) -> None:  # noqa: ARG002  joints stay as they are
        """Command nothing until something comes."""
        self._command = None

    def deactivate(self) -> None:
        """Nothing ends: there are no goals."""

    def update(self, now_ns: int, measured: Motion) -> Vector | None:  # noqa: ARG002
        """Positions to command [rad or m]; None while nothing has come."""
        return self._command
