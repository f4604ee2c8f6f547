# SPDX-License-Identifier: Apache-2.0
"""What a trajectory controller does with messages: quintics in absolute time, densely sampled.

Each cycle commands the next one's setpoint of the message it has. Between cycles the setpoint is
taken to go on along that message.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.record import NS, Array, Cycle, Sent

STEP_NS = 1_000_000


@dataclass(frozen=True)
class Path:
    """A motion, sampled.

    Attributes:
        times_ns: Of the samples.
        q: Positions, samples by joints.
        v: Velocities.
        a: Accelerations.
        cycle: Index of the cycle whose command each sample leads to.
    """

    times_ns: NDArray[np.int64]
    q: Array
    v: Array
    a: Array
    cycle: NDArray[np.intp]


def executed(cycles: list[Cycle], sent: list[Sent], start: Array) -> Path:
    """All that was commanded, from the first cycle to the last."""
    period_ns = cycles[1].time_ns - cycles[0].time_ns
    steps = np.arange(STEP_NS, period_ns + 1, STEP_NS)
    offsets = np.array([cycle.time_ns for cycle in cycles])
    times_ns = (offsets[:, None] + steps).ravel()
    which = np.repeat(np.arange(len(cycles)), len(steps))
    q = np.repeat(start[None], len(times_ns), axis=0)
    v, a = np.zeros_like(q), np.zeros_like(q)
    messages = np.array([cycle.message for cycle in cycles])[which]
    cuts = np.flatnonzero(np.diff(messages)) + 1
    for part in np.split(np.arange(len(times_ns)), cuts):
        if messages[part[0]] >= 0:
            message = sent[messages[part[0]]]
            q[part], v[part], a[part] = evaluate(message, times_ns[part])
    return Path(times_ns, q, v, a, which)


def whole(message: Sent) -> Path:
    """One message from its first point to its last."""
    first, last = int(message.times_ns[0]), int(message.times_ns[-1])
    times_ns = np.append(np.arange(first, last, STEP_NS), last)
    q, v, a = evaluate(message, times_ns)
    return Path(times_ns, q, v, a, np.zeros(len(times_ns), dtype=np.intp))


def evaluate(message: Sent, times_ns: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Position, velocity and acceleration of a message's quintics; still outside of them."""
    knots = message.times_ns
    if len(knots) == 1:
        q = np.repeat(message.q, len(times_ns), axis=0)
        return q, np.zeros_like(q), np.zeros_like(q)
    inside = np.clip(times_ns, knots[0], knots[-1])
    k = np.clip(np.searchsorted(knots, inside, side='right') - 1, 0, len(knots) - 2)
    h = ((knots[k + 1] - knots[k]) / NS)[:, None]
    t = ((inside - knots[k]) / NS)[:, None]
    c = _coefficients(message, k, h)
    q = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
    v = c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
    a = 2 * c[2] + t * (6 * c[3] + t * (12 * c[4] + t * 20 * c[5]))
    moving = ((times_ns >= knots[0]) & (times_ns <= knots[-1]))[:, None]
    return q, np.where(moving, v, 0.0), np.where(moving, a, 0.0)


def _coefficients(message: Sent, k: NDArray[np.intp], h: Array) -> tuple[Array, ...]:
    """Of the quintic through both ends of segments, in powers of the time since their start."""
    q0, v0, a0 = message.q[k], message.v[k], message.a[k]
    far = message.q[k + 1] - (q0 + v0 * h + a0 * h**2 / 2)
    fast = message.v[k + 1] - (v0 + a0 * h)
    bent = message.a[k + 1] - a0
    third = 10 * far / h**3 - 4 * fast / h**2 + bent / (2 * h)
    fourth = -15 * far / h**4 + 7 * fast / h**3 - bent / h**2
    fifth = 6 * far / h**5 - 3 * fast / h**4 + bent / (2 * h**3)
    return q0, v0, a0 / 2, third, fourth, fifth
