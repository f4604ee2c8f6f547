# SPDX-License-Identifier: Apache-2.0
"""Smooth motion of the joints along a path, as fast as gentle limits allow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from vla_contract.robot import Robot

Array = NDArray[np.float64]

VELOCITY_SHARE = 0.6
ACCELERATION_SHARE = 0.5
JERK_SHARE = 0.5
TOOL_SPEED_SHARE = 0.6
SHORTEST_S = 0.3
_DEGREE = 5
_SAMPLES = 120
_MINIMUM_JERK = Polynomial((0.0, 0.0, 0.0, 10.0, -15.0, 6.0))
"""Way by time, both from 0 to 1, starting and ending at rest."""
_WAY = (_MINIMUM_JERK, _MINIMUM_JERK.deriv(1), _MINIMUM_JERK.deriv(2))


@dataclass(frozen=True)
class JointState:
    """Of all arm joints [rad, rad/s, rad/s²]."""

    positions: Array
    velocities: Array
    accelerations: Array

    @classmethod
    def at_rest(cls, positions: Array) -> 'JointState':
        """Standing still."""
        still = np.zeros_like(positions)
        return cls(positions.copy(), still, still)


@dataclass(frozen=True)
class Gentleness:
    """What a motion keeps to: shares of the robot's limits.

    Attributes:
        velocity: By joint [rad/s].
        acceleration: By joint [rad/s²].
        jerk: By joint [rad/s³].
        tool_speed: Of the tool [m/s].
    """

    velocity: Array
    acceleration: Array
    jerk: Array
    tool_speed: float

    @classmethod
    def of(cls, robot: Robot) -> 'Gentleness':
        """The demonstrator's shares of a robot's limits."""
        return cls(
            VELOCITY_SHARE * np.array([joint.velocity for joint in robot.joints]),
            ACCELERATION_SHARE * np.array([joint.acceleration for joint in robot.joints]),
            JERK_SHARE * np.array([joint.jerk for joint in robot.joints]),
            TOOL_SPEED_SHARE * robot.workspace.tool_speed,
        )

    def at_speed(self, tool_speed: float) -> 'Gentleness':
        """The same with a slower tool."""
        return Gentleness(self.velocity, self.acceleration, self.jerk, tool_speed)


class JointMotion:
    """From rest to rest along joint positions that a curve follows, rounding corners."""

    def __init__(
        self,
        way_points: Sequence[Array],
        gentleness: Gentleness,
        tool: Callable[[Array], Array],
    ) -> None:
        """Choose the duration.

        Args:
            way_points: Joint positions from start to goal [rad].
            gentleness: What to keep to.
            tool: Position of the tool [m] at joint positions.
        """
        points = _at_least(np.array(way_points), _DEGREE + 1)
        inner = np.linspace(0.0, 1.0, len(points) - _DEGREE + 1)
        knots = np.concatenate([np.zeros(_DEGREE), inner, np.ones(_DEGREE)])
        self._curve = BSpline(knots, points, _DEGREE)
        self._slope = self._curve.derivative(1)
        self._bend = self._curve.derivative(2)
        self.duration_s = self._duration(gentleness, tool)

    def at(self, time_s: float) -> JointState:
        """State at a time since the start; at rest before and after."""
        share = min(max(time_s / self.duration_s, 0.0), 1.0)
        way, speed, rise = (float(part(share)) for part in _WAY)
        speed, rise = speed / self.duration_s, rise / self.duration_s**2
        slope, bend = self._slope(way), self._bend(way)
        return JointState(self._curve(way), slope * speed, slope * rise + bend * speed**2)

    def _duration(self, gentleness: Gentleness, tool: Callable[[Array], Array]) -> float:
        """The shortest that keeps to every limit [s]."""
        share = np.linspace(0.0, 1.0, _SAMPLES + 1)
        positions = self._curve(_MINIMUM_JERK(share))
        step = 1.0 / _SAMPLES
        velocity = np.diff(positions, axis=0) / step
        acceleration = np.diff(velocity, axis=0) / step
        jerk = np.diff(acceleration, axis=0) / step
        places = np.array([tool(row) for row in positions])
        speed = np.linalg.norm(np.diff(places, axis=0), axis=1).max() / step
        return float(
            max(
                SHORTEST_S,
                (np.abs(velocity) / gentleness.velocity).max(),
                np.sqrt((np.abs(acceleration) / gentleness.acceleration).max()),
                np.cbrt((np.abs(jerk) / gentleness.jerk).max()),
                speed / gentleness.tool_speed,
            )
        )


def _at_least(points: Array, count: int) -> Array:
    """The same polyline with at least so many points."""
    while len(points) < count:
        middle = (points[:-1] + points[1:]) / 2
        mixed = np.empty((len(points) + len(middle), points.shape[1]))
        mixed[::2], mixed[1::2] = points, middle
        points = mixed
    return points
