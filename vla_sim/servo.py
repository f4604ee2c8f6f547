# SPDX-License-Identifier: Apache-2.0
"""What a drive makes of positions that arrive at a steady rate: a reference with a velocity."""

import numpy as np
from numpy.typing import NDArray

LONGEST_PERIOD_S = 0.02
"""Commands further apart than this do not count as a stream."""


class ServoReference:
    """Interpolates between commands over one command period, and feeds the velocity forward."""

    def __init__(
        self,
        start: NDArray[np.float64],
        lead_s: NDArray[np.float64],
        speed_limit: NDArray[np.float64],
        step_s: float,
    ) -> None:
        """Start at rest.

        Args:
            start: Joint positions [rad].
            lead_s: Damping over stiffness of each servo: what cancels its lag at constant speed.
            speed_limit: Greatest velocity that is fed forward [rad/s].
            step_s: Time between calls of advance.
        """
        self._reference = start.copy()
        self._velocity = np.zeros_like(start)
        self._goal = start.copy()
        self._lead_s = lead_s
        self._speed_limit = speed_limit
        self._step_s = step_s
        self._steps_left = 0
        self._steps_since = 1

    def command(self, positions: NDArray[np.float64]) -> None:
        """Aim for new positions, to be reached after as long as it took them to arrive."""
        longest = max(1, round(LONGEST_PERIOD_S / self._step_s))
        self._goal = positions.copy()
        self._steps_left = self._steps_since if self._steps_since <= longest else 1
        self._steps_since = 0

    def advance(self) -> NDArray[np.float64]:
        """The position to give the servo for the next step: it acts on where the step starts."""
        self._steps_since += 1
        start = self._reference
        if self._steps_left > 0:
            change = (self._goal - self._reference) / self._steps_left
            self._velocity = change / self._step_s
            self._reference = self._reference + change
            self._steps_left -= 1
        else:
            self._velocity = np.zeros_like(self._reference)
        speed = np.clip(self._velocity, -self._speed_limit, self._speed_limit)
        return start + self._lead_s * speed
