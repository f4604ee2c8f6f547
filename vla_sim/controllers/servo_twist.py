# SPDX-License-Identifier: Apache-2.0
"""Stand-in for MoveIt Servo that is sent twists of the tool: inverse Jacobian, timeout, limits."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.refusal import CommandRefusedError

COMMAND_TIMEOUT_NS = 100_000_000
"""Servo's ``incoming_command_timeout``: twists stamped longer ago are not followed."""
SLOW_CONDITION, HARD_STOP_CONDITION = 17.0, 30.0
"""Servo's thresholds on the condition number of the Jacobian, beyond which it slows and halts."""
LIMIT_MARGIN = 0.1
"""Servo's ``joint_limit_margins``: it halts this close to the end of a joint [rad]."""
_PROBE_S = 0.01


class ToolKinematics(Protocol):
    """What there is to know about the arm."""

    @property
    def lower(self) -> Vector:
        """Least joint positions [rad]."""

    @property
    def upper(self) -> Vector:
        """Greatest joint positions [rad]."""

    def jacobian(self, joints: Vector) -> NDArray[np.float64]:
        """Velocity of the tool, linear then angular, in base axes, by joint velocity."""


@dataclass(frozen=True)
class Twist:
    """A velocity of the tool.

    Attributes:
        stamp_ns: When it was sent.
        frame: Whose axes it is given in.
        values: Linear [m/s], then angular [rad/s].
    """

    stamp_ns: int
    frame: str
    values: tuple[float, float, float, float, float, float]


class ServoTwistController:
    """Follows the newest twist while it is young, from the last command on.

    Args:
        kinematics: Of the arm.
        speeds: Greatest speed of each joint [rad/s].
        frame: The base frame, the only one whose axes twists may be given in.
        period_ns: Time between cycles.
    """

    def __init__(
        self, kinematics: ToolKinematics, speeds: Vector, frame: str, period_ns: int
    ) -> None:
        """Command nothing until something comes."""
        self._kinematics, self._speeds, self._frame = kinematics, speeds, frame
        self._period_s = period_ns * 1e-9
        self._twist: Twist | None = None
        self._position: Vector | None = None

    def submit(self, twist: Twist) -> None:
        """Take a twist for the next cycles.

        Raises:
            CommandRefusedError: The old command stays, as long as it is young.
        """
        if twist.frame != self._frame:
            raise CommandRefusedError(f'a twist in {twist.frame!r}, known is {self._frame!r}')
        if not np.isfinite(twist.values).all():
            raise CommandRefusedError(f'a value is not finite: {list(twist.values)}')
        self._twist = twist

    def activate(self, measured: Motion) -> None:  # noqa: ARG002  joints stay as they are
        """Command nothing until something comes."""
        self._twist = self._position = None

    def deactivate(self) -> None:
        """Nothing ends: there are no goals."""

    def update(self, now_ns: int, measured: Motion) -> Vector | None:
        """Where the joints are to be [rad]; None while nothing has come."""
        twist = self._twist
        if twist is None:
            return self._position
        if self._position is None:
            self._position = measured.positions.copy()
        if now_ns - twist.stamp_ns >= COMMAND_TIMEOUT_NS:
            self._twist = None
            return self._position
        self._position = self._position + self._velocity(twist, self._position) * self._period_s
        return self._position

    def _velocity(self, twist: Twist, position: Vector) -> Vector:
        """Joint velocity, slowed or halted as Servo does."""
        jacobian = self._kinematics.jacobian(position)
        velocity: Vector = np.linalg.pinv(jacobian) @ np.array(twist.values)
        excess = float(np.max(np.abs(velocity) / self._speeds))
        velocity = velocity / max(1.0, excess) * self._near_singularity(position, velocity)
        at_lower = (position < self._kinematics.lower + LIMIT_MARGIN) & (velocity < 0)
        at_upper = (position > self._kinematics.upper - LIMIT_MARGIN) & (velocity > 0)
        return np.zeros_like(velocity) if (at_lower | at_upper).any() else velocity

    def _near_singularity(self, position: Vector, velocity: Vector) -> float:
        """Part of the speed that is left on the way towards a singularity; 1 away from it."""
        here = np.linalg.cond(self._kinematics.jacobian(position))
        ahead = np.linalg.cond(self._kinematics.jacobian(position + velocity * _PROBE_S))
        if here <= SLOW_CONDITION or ahead <= here:
            return 1.0
        room = (HARD_STOP_CONDITION - here) / (HARD_STOP_CONDITION - SLOW_CONDITION)
        return float(np.clip(room, 0.0, 1.0))
