# SPDX-License-Identifier: Apache-2.0
"""The fastest stop that keeps acceleration and jerk limits, joint by joint.

Each joint stops in its own least time, so none travels further than it must: a motion that itself
comes to rest inside position limits has every one of its braking tails inside them too.

A stop has three phases: the acceleration ramps to its opposite peak, stays there, and ramps to
zero. Phases are rounded up to a common grid and the peak solved again, so that the knots of all
joints fall together and every segment is exactly a cubic.
"""

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_safety.limits import TOLERANCE, Limits
from vla_safety.motion import NS, Array, Motion, State

GRID_NS = 4_000_000
_GRID_S = GRID_NS / NS
_ATTEMPTS = 25


class BrakingError(VlaError):
    """No stop keeps the limits from this state."""


def brake(state: State, start_ns: int, limits: Limits) -> Motion:
    """Motion from a state to rest.

    Raises:
        BrakingError: No stop keeps acceleration and jerk limits; carries joint and values.
    """
    if not np.any(state.v) and not np.any(state.a):
        return Motion.still(start_ns, state.q)
    _refuse_no_numbers(state, limits)
    ticks = _least_phases(state, limits)
    for _ in range(_ATTEMPTS):
        peak = _peak(state, ticks)
        excess = _excess(state, ticks, peak, limits)
        if not np.any(excess):
            return _motion(state, start_ns, ticks, peak, limits)
        ticks = ticks + excess
    joint = int(np.argmax(excess))
    raise BrakingError(
        f'cannot brake {limits.names[joint]} from velocity {state.v[joint]:.4f} and acceleration '
        f'{state.a[joint]:.4f} within acceleration {limits.acceleration[joint]:.4f} '
        f'and jerk {limits.jerk[joint]:.4f}'
    )


def _refuse_no_numbers(state: State, limits: Limits) -> None:
    for what, values in (('position', state.q), ('velocity', state.v), ('acceleration', state.a)):
        if not np.isfinite(values).all():
            joint = int(np.argmin(np.isfinite(values)))
            raise BrakingError(f'cannot brake {limits.names[joint]} from {what} {values[joint]}')


def _least_phases(state: State, limits: Limits) -> NDArray[np.int64]:
    """Grid steps of the three phases of each joint's time-optimal stop, 3 by joints."""
    jerk = limits.jerk
    bound = np.maximum(limits.acceleration, np.abs(state.a))
    coasting = state.v + state.a * np.abs(state.a) / (2 * jerk)
    sign = np.where(coasting >= 0, 1.0, -1.0)
    v, a = sign * state.v, sign * state.a
    free = v + a * a / (2 * jerk)
    peak = np.minimum(np.sqrt(np.maximum(jerk * free, a * a / 2)), bound)
    hold = np.maximum(free - peak * peak / jerk, 0.0) / np.maximum(peak, 1e-9)
    phases = np.stack([(a + peak) / jerk, hold, peak / jerk])
    ticks = np.ceil(phases / _GRID_S - TOLERANCE).astype(np.int64)
    moving = (state.v != 0) | (state.a != 0)
    ticks[[0, 2]] = np.maximum(ticks[[0, 2]], 1)
    return np.where(moving, ticks, 0)


def _peak(state: State, ticks: NDArray[np.int64]) -> Array:
    """Acceleration in the middle phase that ends with no velocity after these phases."""
    ramp, hold, release = ticks * _GRID_S
    lever = np.maximum(ramp / 2 + hold + release / 2, _GRID_S)
    return np.asarray(-(state.v + state.a * ramp / 2) / lever)


def _excess(
    state: State, ticks: NDArray[np.int64], peak: Array, limits: Limits
) -> NDArray[np.int64]:
    """Grid steps to add to each phase of a joint that is still beyond a limit."""
    ramp, _, release = np.maximum(ticks, 1) * _GRID_S
    allowed = 1 + TOLERANCE / 2
    too_bent = np.abs(peak) > np.maximum(limits.acceleration, np.abs(state.a)) * allowed
    rough_in = np.abs(peak - state.a) / ramp > limits.jerk * allowed
    rough_out = np.abs(peak) / release > limits.jerk * allowed
    return np.stack([rough_in, too_bent, rough_out]).astype(np.int64)


def _fastest(
    state: State, ticks: NDArray[np.int64], peak: Array, limits: Limits
) -> NDArray[np.int64]:
    """Grid steps about the moment at which a joint is fastest, where it still gains much speed.

    A segment is judged by its control points, which lie beyond it: without a knot there, a joint
    near its speed limit would seem to break it.
    """
    ramp = ticks[0] * _GRID_S
    gains = (state.v * state.a > 0) & (
        np.abs(state.v) + np.abs(state.a) * ramp / 2 > limits.velocity
    )
    share = np.abs(state.a) / np.maximum(np.abs(state.a - peak), 1e-9)
    moment = np.floor(share * ticks[0])[gains].astype(np.int64)
    return np.concatenate([moment, moment + 1])


def _motion(
    state: State, start_ns: int, ticks: NDArray[np.int64], peak: Array, limits: Limits
) -> Motion:
    """Sample every joint's three cubics at the phase ends of all joints."""
    ends = np.cumsum(ticks, axis=0)
    fastest = _fastest(state, ticks, peak, limits)
    grid = np.unique(np.concatenate([[0], ends.ravel(), fastest]))
    ramp, hold, release = ticks * _GRID_S
    jerk_in = (peak - state.a) / np.maximum(ramp, _GRID_S)
    jerk_out = -peak / np.maximum(release, _GRID_S)
    t = grid[:, None] * _GRID_S
    q, v, a = state.q[None], state.v[None], state.a[None]
    start = np.zeros_like(ramp)
    for length, jerk in ((ramp, jerk_in), (hold, np.zeros_like(peak)), (release, jerk_out)):
        dt = np.clip(t - start, 0.0, length)
        q = q + v * dt + a * dt**2 / 2 + jerk * dt**3 / 6
        v = v + a * dt + jerk * dt**2 / 2
        a = a + jerk * dt
        start = start + length
    stopped = grid[:, None] >= ends[-1]
    return Motion(
        start_ns + grid * GRID_NS, q, np.where(stopped, 0.0, v), np.where(stopped, 0.0, a)
    )
