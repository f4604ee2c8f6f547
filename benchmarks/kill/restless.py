# SPDX-License-Identifier: Apache-2.0
"""A policy that is always on its way somewhere else, fast, and looks where it goes at no time.

It knows neither the scene nor the arm's shape: many of its ways lead through things, through the
table or through the arm itself. Its rows are smooth, so that the filter has no reason to stop the
arm before there is something in its way.
"""

import numpy as np
from numpy.typing import NDArray

from vla_contract.observation import Observation
from vla_policy.policy import Rows

Array = NDArray[np.float64]

LOWER = np.array([-1.1, -2.2, 1.0, -2.4, -2.2, -3.0])
UPPER = np.array([0.9, -1.0, 2.3, -0.8, -0.9, 0.0])
"""Postures of the simulated arm that have the tool over the table, four times out of five [rad]."""
SPEEDS = (0.9, 1.9)
"""Of the fastest joint, at the middle of a way [rad/s]."""
SHORTEST_S = 0.6
LOST = 0.2
"""An arm this far from where it should be was held up, and is sent elsewhere [rad]."""
_PEAK = 1.875
"""Greatest speed of a minimum-jerk motion, by its mean."""


class Restless:
    """One minimum-jerk motion after the other, to postures drawn by chance.

    Args:
        rng: Of the postures and speeds.
        rows: In an answer.
        step_s: Between them.
    """

    def __init__(self, rng: np.random.Generator, rows: int, step_s: float) -> None:
        """Stand still until the first observation."""
        self._rng = rng
        self._ahead_s: Array = np.linspace(0.0, (rows - 1) * step_s, rows)
        self._began_s = self._lasts_s = 0.0

    def reset(self, instruction: str) -> None:
        """Whatever is asked for."""
        del instruction
        self._began_s = self._lasts_s = 0.0

    def infer(self, observation: Observation, prefix: Array) -> Rows:
        """The rest of the way, and beyond its end the place where it ends."""
        del prefix
        now_s = observation.stamp_ns * 1e-9
        arm = observation.state[:-1].astype(np.float64)
        elapsed_s = now_s - self._began_s
        if elapsed_s > self._lasts_s - 0.1:
            self._set_out(arm, now_s, float(self._rng.integers(2)))
        elif np.abs(self._at(np.array([elapsed_s]))[0] - arm).max() > LOST:
            self._set_out(arm, now_s, float(observation.state[-1]))
        times_s: Array = now_s - self._began_s + self._ahead_s
        rows = self._at(times_s)
        return Rows(np.column_stack([rows, np.full(len(rows), self._opening)]))

    def _set_out(self, arm: Array, now_s: float, opening: float) -> None:
        """Elsewhere. The fingers of an arm that was held up stay as they are: it may be tight."""
        self._start, self._began_s = arm, now_s
        self._way = self._rng.uniform(LOWER, UPPER) - arm
        speed = self._rng.uniform(*SPEEDS)
        self._lasts_s = max(SHORTEST_S, _PEAK * float(np.abs(self._way).max()) / speed)
        self._opening = opening

    def _at(self, times_s: Array) -> Array:
        """Postures at times since the beginning of the way."""
        t = np.clip(times_s / self._lasts_s, 0.0, 1.0)
        share = t**3 * (10 - 15 * t + 6 * t**2)
        posture: Array = self._start + share[:, None] * self._way
        return posture
