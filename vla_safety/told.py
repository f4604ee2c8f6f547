# SPDX-License-Identifier: Apache-2.0
"""Where the controller holds the arm, by its own account: not quite where the arm is.

An arm sags, or rests on something. A motion that began where it is measured would have the
controller step there, and again at every arming.
"""

from collections.abc import Callable, Mapping

import numpy as np

from vla_contract.robot import Robot
from vla_safety.limits import Limits
from vla_safety.measured import Instant
from vla_safety.motion import NS, Array


class Told:
    """Remembers the newest setpoint that the controller said it has."""

    def __init__(self, robot: Robot, limits: Limits) -> None:
        """Nothing was said."""
        self._limits = limits
        self._most_age_s = robot.timing.joint_state_max_age_s
        self._most = robot.margins.tracking
        self._said: Callable[[], Mapping[str, float]] | None = None
        self._heard_ns = 0

    def hear(self, said: Callable[[], Mapping[str, float]], now: Instant) -> None:
        """The controller says where it holds joints: often, so it is read only when it matters."""
        self._said, self._heard_ns = said, now.steady_ns

    def start(self, measured: Array, now: Instant) -> Array:
        """Where a motion begins: there, if that is fresh, possible and near; else as measured."""
        if self._said is None or (now.steady_ns - self._heard_ns) / NS > self._most_age_s:
            return measured
        said = self._said()
        told = np.array([said.get(name, np.nan) for name in self._limits.names])
        near = bool((np.abs(told - measured) <= self._most).all())
        return told if near and not self._limits.position_excess(told).any() else measured
