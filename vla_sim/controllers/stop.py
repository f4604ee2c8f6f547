# SPDX-License-Identifier: Apache-2.0
"""The two ways in which the trajectory controller stops by itself."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.trajectory import Trajectory


def hold(motion: Motion) -> Trajectory:
    """Be there at once: a dead stop, and a step back for a joint that has moved on."""
    return Trajectory(0, (0,), (motion,))


def decelerate(
    position: Vector, velocity: Vector, deceleration: Sequence[float], period_ns: int
) -> Trajectory:
    """Slow every joint at its own constant rate, from where it is measured.

    Args:
        position: Measured [rad or m].
        velocity: Measured [rad/s or m/s].
        deceleration: By joint, above 0 [rad/s² or m/s²].
        period_ns: Time between points.
    """
    rate = np.asarray(deceleration, dtype=np.float64)
    stop_s = np.abs(velocity) / rate
    rests_at = position + velocity * stop_s / 2.0
    braking = -np.sign(velocity) * rate
    points, offsets_ns = [], []
    for index in range(ceil(float(np.max(stop_s)) * 1e9 / period_ns) + 1):
        t = index * period_ns * 1e-9
        moving = t < stop_s
        points.append(
            Motion(
                np.where(moving, position + velocity * t + braking * t**2 / 2.0, rests_at),
                np.where(moving, velocity + braking * t, 0.0),
                np.where(moving, braking, 0.0),
            )
        )
        offsets_ns.append(index * period_ns)
    return Trajectory(0, offsets_ns, points)
