# SPDX-License-Identifier: Apache-2.0
"""Where joints are and how they move at one instant, and the spline between two instants."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Positions, and derivatives where they are known.

    Attributes:
        positions: By joint [rad or m].
        velocities: By joint [rad/s or m/s], None for unknown.
        accelerations: By joint [rad/s² or m/s²], None for unknown.
    """

    positions: Vector
    velocities: Vector | None = None
    accelerations: Vector | None = None

    def at_least_as(self, other: 'Motion') -> 'Motion':
        """The same motion with zeros for derivatives that the other has and this one lacks."""
        zeros = np.zeros_like(self.positions)
        velocities, accelerations = self.velocities, self.accelerations
        if velocities is None and other.velocities is not None:
            velocities = zeros
        if accelerations is None and other.accelerations is not None:
            accelerations = zeros
        return Motion(self.positions, velocities, accelerations)

    def complete(self) -> 'Motion':
        """The same motion with zeros for every unknown derivative."""
        zeros = np.zeros_like(self.positions)
        return self.at_least_as(Motion(zeros, zeros, zeros))


def interpolate(a: Motion, b: Motion, duration_s: float, elapsed_s: float) -> Motion:
    """Motion at a time between two known ones.

    Linear, cubic or quintic, by what both ends give: positions, velocities, accelerations.
    Accelerations without velocities give **zeros**, positions too: that is what
    joint_trajectory_controller does.

    Args:
        a: At the start.
        b: At the end.
        duration_s: Time between the two [s], above 0.
        elapsed_s: Time since the start [s].
    """
    if a.velocities is not None and b.velocities is not None:
        if a.accelerations is not None and b.accelerations is not None:
            ends = (a.velocities, a.accelerations, b.velocities, b.accelerations)
            return _evaluate(_quintic(a.positions, b.positions, *ends, duration_s), elapsed_s)
        cubic = _cubic(a.positions, b.positions, a.velocities, b.velocities, duration_s)
        return _evaluate(cubic, elapsed_s)
    if a.accelerations is not None and b.accelerations is not None:
        return Motion(np.zeros_like(a.positions)).complete()
    return _evaluate((a.positions, (b.positions - a.positions) / duration_s), elapsed_s)


def _cubic(p: Vector, q: Vector, v: Vector, w: Vector, t: float) -> tuple[Vector, ...]:
    """Coefficients of the cubic with positions p, q and velocities v, w at times 0 and t."""
    mean = (q - p) / t
    return p, v, (3.0 * mean - 2.0 * v - w) / t, (v + w - 2.0 * mean) / t**2


def _quintic(
    p: Vector, q: Vector, v: Vector, a: Vector, w: Vector, b: Vector, t: float
) -> tuple[Vector, ...]:
    """Coefficients of the quintic with velocities v, w and accelerations a, b at 0 and t."""
    # what the end asks beyond constant acceleration from the start, in units of position
    d = q - p - v * t - 0.5 * a * t**2
    e = (w - v - a * t) * t
    f = (b - a) * t**2
    third = (20.0 * d - 8.0 * e + f) / (2.0 * t**3)
    fourth = (-30.0 * d + 14.0 * e - 2.0 * f) / (2.0 * t**4)
    fifth = (12.0 * d - 6.0 * e + f) / (2.0 * t**5)
    return p, v, 0.5 * a, third, fourth, fifth


def _evaluate(coefficients: tuple[Vector, ...], t: float) -> Motion:
    """Value and first two derivatives of a polynomial, by Horner's rule."""
    value = np.zeros_like(coefficients[0])
    first = np.zeros_like(value)
    half_second = np.zeros_like(value)
    for coefficient in reversed(coefficients):
        half_second = half_second * t + first
        first = first * t + value
        value = value * t + coefficient
    return Motion(value, first, 2.0 * half_second)
