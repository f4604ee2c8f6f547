# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the forward velocity controller and the drives behind it, which hold a speed."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.refusal import CommandRefusedError

LONGEST_LEAD = 0.1
"""A drive that is held back does not run further ahead of its joint than this [rad or m]."""


class ForwardVelocityController:
    """Passes velocities on unchanged: no limits, no ramp, and no timeout.

    When nothing more comes, the joints keep moving for ever.

    Args:
        joints: How many there are.
        period_ns: Time between cycles.
    """

    def __init__(self, joints: int, period_ns: int) -> None:
        """Command nothing until something comes."""
        self._joints = joints
        self._period_s = period_ns * 1e-9
        self._velocities: Vector | None = None
        self._reference: Vector | None = None

    def submit(self, values: Sequence[float]) -> None:
        """Take velocities [rad/s or m/s] for the next cycle and all after it.

        Raises:
            CommandRefusedError: The old command stays.
        """
        if not all(isfinite(value) for value in values):
            raise CommandRefusedError(f'a value is not finite: {list(values)}')
        if len(values) != self._joints:
            raise CommandRefusedError(f'{len(values)} values for {self._joints} joints')
        self._velocities = np.array(values, dtype=np.float64)

    def activate(self, measured: Motion) -> None:  # noqa: ARG002  joints stay as they are
        """Command nothing until something comes."""
        self._velocities = self._reference = None

    def deactivate(self) -> None:
        """Nothing ends: there are no goals."""

    def update(self, now_ns: int, measured: Motion) -> Vector | None:  # noqa: ARG002
        """Where the drives are to be [rad or m]; None while nothing has come."""
        if self._velocities is None:
            return None
        start = measured.positions if self._reference is None else self._reference
        moved = start + self._velocities * self._period_s
        lead = np.clip(moved - measured.positions, -LONGEST_LEAD, LONGEST_LEAD)
        self._reference = measured.positions + lead
        return self._reference
