# SPDX-License-Identifier: Apache-2.0
"""Joint limits in force, and whether a motion keeps them everywhere, not only at its knots."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.motion import Array, Motion

TOLERANCE = 1e-6
"""Relative excess that rounding may cause."""


class Use(NamedTuple):
    """How much of a limit is used: 1 is all of it."""

    ratio: float
    what: str


@dataclass(frozen=True)
class Limits:
    """Limits of the arm's joints, in the robot's order and units.

    Attributes:
        names: Joints.
        lower: Least position.
        upper: Greatest position.
        velocity: Greatest speed.
        acceleration: Greatest acceleration.
        jerk: Greatest jerk.
        margin: Kept from the position limits by what a policy asks for.
        seam_jump: Greatest distance that is bridged from the motion in execution to a chunk.
    """

    names: tuple[str, ...]
    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    jerk: Array
    margin: float
    seam_jump: float

    @classmethod
    def of(cls, robot: Robot, lower: Array, upper: Array, velocity: Array) -> 'Limits':
        """The tighter of the robot file and the URDF.

        Args:
            robot: The robot file.
            lower: Least positions in the URDF.
            upper: Greatest positions in the URDF.
            velocity: Greatest speeds in the URDF.
        """
        low, high = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
        for index, joint in enumerate(robot.joints):
            if joint.position is not None:
                low[index] = max(low[index], joint.position[0])
                high[index] = min(high[index], joint.position[1])
            if not low[index] + 2 * robot.margins.position < high[index]:
                raise VlaError(
                    f'{robot.name}: joint {joint.name} has no room: lower {low[index]:g}, upper '
                    f'{high[index]:g}, margin {robot.margins.position:g} at each end'
                )
        return cls(
            names=robot.joint_names,
            lower=low,
            upper=high,
            velocity=np.minimum(velocity, [joint.velocity for joint in robot.joints]),
            acceleration=np.array([joint.acceleration for joint in robot.joints]),
            jerk=np.array([joint.jerk for joint in robot.joints]),
            margin=robot.margins.position,
            seam_jump=robot.margins.seam_jump,
        )

    def position_excess(self, q: Array) -> Array:
        """Distance beyond the position limits, 0 inside; same shape as q."""
        return np.maximum(np.maximum(self.lower - q, q - self.upper), 0.0)

    def ratios(self, motion: Motion) -> tuple[float, float, float]:
        """Greatest velocity, acceleration and jerk of a motion over their limits."""
        velocity, acceleration, jerk = (peaks.max() for _, peaks in self._peaks(motion))
        return float(velocity), float(acceleration), float(jerk)

    def use(self, motion: Motion) -> Use:
        """The limit that a motion uses most. Sound: control points bound the polynomial."""
        worst = Use(0.0, '')
        for what, peaks in self._peaks(motion):
            joint = int(np.argmax(peaks))
            if not peaks[joint] <= worst.ratio:
                worst = Use(float(peaks[joint]), f'{what} {self.names[joint]}')
        return worst

    def leaves_range(self, motion: Motion) -> str:
        """Empty where every position is within limits, else which joint goes where.

        A joint that begins outside goes no farther out.
        """
        points = motion.bezier if len(motion.times_ns) > 1 else motion.q[None]
        excess = self.position_excess(points).max(axis=(0, 1))
        further = excess - self.position_excess(motion.q[0])
        joint = int(np.argmax(further))
        if further[joint] <= TOLERANCE:
            return ''
        return (
            f'{self.names[joint]} goes {excess[joint]:.4f} beyond '
            f'[{self.lower[joint]:.4f}, {self.upper[joint]:.4f}]'
        )

    def _peaks(self, motion: Motion) -> Iterator[tuple[str, Array]]:
        """Greatest use of each rate limit, by joint."""
        bounds = (
            ('velocity', self.velocity),
            ('acceleration', self.acceleration),
            ('jerk', self.jerk),
        )
        if len(motion.times_ns) < 2:
            yield from ((what, np.zeros_like(bound)) for what, bound in bounds)
            return
        points = motion.bezier
        h = motion.durations_s[:, None, None]
        for degree, (what, bound) in zip((5, 4, 3), bounds, strict=True):
            points = np.diff(points, axis=1) * degree / h
            yield what, np.abs(points).max(axis=(0, 1)) / bound
