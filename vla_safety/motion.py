# SPDX-License-Identifier: Apache-2.0
"""A motion in absolute time: knots with position, velocity and acceleration, quintic between.

This is the interpolant of joint_trajectory_controller when points carry all three, so what is
checked here is what the controller will do, not an approximation of it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Times = NDArray[np.int64]
NS = 1_000_000_000
SAMPLE_S = 0.008
"""Greatest time between samples of checks that cannot be made in closed form [s]."""
_SLIVER_NS = 500_000


@dataclass(frozen=True)
class State:
    """Position, velocity and acceleration of every joint at one moment."""

    q: Array
    v: Array
    a: Array

    @classmethod
    def rest(cls, q: Array) -> 'State':
        """At a position, not moving."""
        zero = np.zeros_like(q)
        return cls(np.asarray(q, dtype=np.float64), zero, zero)


@dataclass(frozen=True)
class Motion:
    """Quintic segments between knots; constant before the first and after the last.

    Attributes:
        times_ns: Strictly increasing, K.
        q: Positions, K by joints.
        v: Velocities, K by joints.
        a: Accelerations, K by joints.
    """

    times_ns: Times
    q: Array
    v: Array
    a: Array

    @classmethod
    def still(cls, start_ns: int, q: Array) -> 'Motion':
        """At rest from a time on, and before it."""
        state = State.rest(q)
        return cls(np.array([start_ns]), state.q[None], state.v[None], state.a[None])

    @property
    def start_ns(self) -> int:
        """Time of the first knot."""
        return int(self.times_ns[0])

    @property
    def end_ns(self) -> int:
        """Time of the last knot."""
        return int(self.times_ns[-1])

    @cached_property
    def durations_s(self) -> Array:
        """Length of each segment [s]."""
        return np.diff(self.times_ns) / NS

    @cached_property
    def bezier(self) -> Array:
        """Position control points, segments by 6 by joints: their hull holds the motion."""
        h = self.durations_s[:, None]
        q0, q1 = self.q[:-1], self.q[1:]
        v0, v1 = self.v[:-1] * h / 5, self.v[1:] * h / 5
        a0, a1 = self.a[:-1] * h * h / 20, self.a[1:] * h * h / 20
        points = (q0, q0 + v0, q0 + 2 * v0 + a0, q1 - 2 * v1 + a1, q1 - v1, q1)
        return np.stack(points, axis=1)

    def at(self, time_ns: int) -> State:
        """State at a time."""
        states = self.sample(np.array([time_ns], dtype=np.int64))
        return State(states[0][0], states[1][0], states[2][0])

    def sample(self, times_ns: Times) -> tuple[Array, Array, Array]:
        """Positions, velocities and accelerations at many times, each times by joints."""
        if len(self.times_ns) == 1:
            q = np.repeat(self.q, len(times_ns), axis=0)
            return q, np.zeros_like(q), np.zeros_like(q)
        inside = np.clip(times_ns, self.start_ns, self.end_ns)
        segment = np.searchsorted(self.times_ns, inside, side='right') - 1
        segment = np.clip(segment, 0, len(self.times_ns) - 2)
        h = self.durations_s[segment][:, None]
        u = ((inside - self.times_ns[segment]) / NS)[:, None] / h
        q, v, a = _evaluate(self.bezier[segment], u, h)
        moving = ((times_ns >= self.start_ns) & (times_ns <= self.end_ns))[:, None]
        return q, np.where(moving, v, 0.0), np.where(moving, a, 0.0)

    def apart(self, time_ns: int) -> int:
        """A time, or the knot right beside it: there a cut leaves no sliver of a segment.

        Over microseconds, rounding of positions alone would look like a jerk without bounds.
        """
        knot = int(self.times_ns[np.abs(self.times_ns - time_ns).argmin()])
        return knot if abs(knot - time_ns) < _SLIVER_NS else time_ns

    @cached_property
    def dense(self) -> tuple[Times, Array, Array]:
        """Times, positions and velocities no more than SAMPLE_S apart, knots included."""
        return self.spread(SAMPLE_S)

    def spread(self, step_s: float) -> tuple[Times, Array, Array]:
        """Times, positions and velocities no more than so far apart [s], knots included."""
        if len(self.times_ns) == 1:
            return self.times_ns, self.q, self.v
        lengths_ns = np.diff(self.times_ns)
        counts = np.maximum(np.ceil(self.durations_s / step_s), 1).astype(np.int64)
        segment = np.repeat(np.arange(len(counts)), counts)
        index = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
        inside = self.times_ns[segment] + lengths_ns[segment] * index // counts[segment]
        times_ns = np.append(inside, self.end_ns)
        q, v, _ = self.sample(times_ns)
        return times_ns, q, v

    def until(self, time_ns: int) -> 'Motion':
        """The part up to a time, which becomes a knot."""
        if time_ns >= self.end_ns:
            return self
        return _with_state(self.times_ns < time_ns, self, time_ns, last=True)

    def since(self, time_ns: int) -> 'Motion':
        """The part from a time on, which becomes a knot."""
        if time_ns >= self.end_ns:
            return Motion.still(time_ns, self.q[-1])
        return _with_state(self.times_ns > time_ns, self, time_ns, last=False)

    def then(self, later: 'Motion') -> 'Motion':
        """This motion and one that starts where it ends; the shared knot is kept once."""
        gap = later.start_ns - self.end_ns
        distance = float(np.max(np.abs(later.q[0] - self.q[-1])))
        if gap != 0 or distance > 1e-9:
            raise ValueError(f'motions do not meet: {gap} ns and {distance:g} apart')
        return Motion(
            np.concatenate([self.times_ns, later.times_ns[1:]]),
            np.concatenate([self.q, later.q[1:]]),
            np.concatenate([self.v, later.v[1:]]),
            np.concatenate([self.a, later.a[1:]]),
        )


def _with_state(keep: NDArray[np.bool_], motion: Motion, time_ns: int, *, last: bool) -> Motion:
    state = motion.at(time_ns)
    parts = [
        (np.array([time_ns]), motion.times_ns[keep]),
        (state.q[None], motion.q[keep]),
        (state.v[None], motion.v[keep]),
        (state.a[None], motion.a[keep]),
    ]
    joined = [np.concatenate(part[::-1] if last else part) for part in parts]
    return Motion(joined[0].astype(np.int64), joined[1], joined[2], joined[3])


def _evaluate(points: Array, u: Array, h: Array) -> tuple[Array, Array, Array]:
    """De Casteljau at u in [0, 1]: position, velocity and acceleration."""
    w = u[:, None]
    while points.shape[1] > 3:
        points = points[:, :-1] * (1 - w) + points[:, 1:] * w
    bend = points[:, 2] - 2 * points[:, 1] + points[:, 0]
    first = points[:, 0] * (1 - u) + points[:, 1] * u
    second = points[:, 1] * (1 - u) + points[:, 2] * u
    return first * (1 - u) + second * u, 5 * (second - first) / h, 20 * bend / (h * h)
