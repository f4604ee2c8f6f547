# SPDX-License-Identifier: Apache-2.0
"""From the motion in execution into the rows of a chunk, within limits and without a step.

The rows' own spline is the aim. What separates it from the motion in execution at the seam (an
offset in position, velocity and acceleration) fades to nothing over the first rows; later rows
are passed to the last bit. If the limits do not allow the rows' speed, time is stretched from the
seam on: the path stays, the pace does not. The least stretch is taken, and with it the shortest
fade.
"""

from dataclasses import dataclass

import numpy as np

from vla_safety.limits import Limits
from vla_safety.motion import NS, Motion, State, Times
from vla_safety.reasons import Reason, RefusedError
from vla_safety.rows import RowPath

HEADROOM = 0.97
"""Part of each rate limit that planning uses; the rest is for rounding and braking."""
SLOWEST = 0.1
_SHORTEST_NS = 2_000_000
_EASE = 0.75
_FADES = (1, 2, 3, 5, 8, 13, 21, 50, 100)


@dataclass(frozen=True)
class Spliced:
    """A motion from the seam through the rows.

    Attributes:
        motion: From the seam to the last row; it need not end at rest.
        scale: Pace, 1 as the rows ask, less where time is stretched.
        first_row: First row of the chunk that is not past.
        faded: Rows over which the offset fades.
    """

    motion: Motion
    scale: float
    first_row: int
    faded: int

    @property
    def fade_end_ns(self) -> int:
        """When the offset has faded."""
        return int(self.motion.times_ns[self.faded])

    def phase_ns(self, time_ns: int) -> int:
        """Nominal time of the rows that is reached at a time: behind it where time is stretched."""
        start_ns = self.motion.start_ns
        return start_ns + round(max(time_ns - start_ns, 0) * self.scale)

    def row_at(self, time_ns: int) -> int:
        """Row in execution at a time."""
        passed = int(np.searchsorted(self.motion.times_ns, time_ns, side='right')) - 1
        return self.first_row + max(passed - 1, 0)


def splice(
    seam: State,
    seam_ns: int,
    rows: RowPath,
    limits: Limits,
    most_scale: float = 1.0,
    least_fade_ns: int = 0,
) -> Spliced:
    """Leave a state at a time and follow the rows that are still to come.

    Args:
        seam: State of the motion in execution at the seam.
        seam_ns: When the new motion starts.
        rows: Rows at their nominal times.
        limits: Rates to keep.
        most_scale: Pace not to exceed, for limits that are not the joints'.
        least_fade_ns: The offset fades no faster, for the same; all rows are long enough.

    Raises:
        RefusedError: ELAPSED where every row is past; INFEASIBLE where no pace keeps the limits.
    """
    first = rows.first_after(seam_ns + _SHORTEST_NS)
    if first == len(rows.times_ns):
        late = (seam_ns - int(rows.times_ns[-1])) / NS
        raise RefusedError(
            Reason.ELAPSED,
            f'the last of {first} rows was due {late:.3f} s before the motion could start',
        )
    scale, last = min(most_scale, _greatest_scale(rows, first, limits)), len(rows.times_ns) - first
    while scale >= SLOWEST:
        stretched = _Stretch(seam, seam_ns, rows, first, scale)
        for faded in _fades(last):
            too_soon = stretched.fade_ns(faded) < least_fade_ns
            if (faded < last and too_soon) or stretched.is_hopeless(faded, limits):
                continue
            if limits.use(stretched.head(faded)).ratio <= HEADROOM + 1e-9:
                return Spliced(stretched.whole(faded), scale, first, faded)
        scale *= _EASE
    raise RefusedError(Reason.INFEASIBLE, _why_infeasible(seam, seam_ns, rows, limits))


class _Stretch:
    """The rows to come at one pace, and the offset between them and the seam."""

    def __init__(self, seam: State, seam_ns: int, rows: RowPath, first: int, scale: float) -> None:
        self._seam_ns = seam_ns
        nominal = rows.times_ns[first:]
        self._times_ns: Times = (
            nominal
            if scale == 1.0
            else seam_ns + np.round((nominal - seam_ns) / scale).astype('i8')
        )
        state = rows.at(np.concatenate([[seam_ns], nominal]))
        v, a = state.v * scale, state.a * scale**2
        self._q, self._v, self._a = rows.q[first:], v[1:], a[1:]
        self._seam = seam
        self._offset = State(seam.q - state.q[0], seam.v - v[0], seam.a - a[0])

    def fade_ns(self, faded: int) -> int:
        """How long the offset takes to fade over so many rows."""
        return int(self._times_ns[faded - 1]) - self._seam_ns

    def is_hopeless(self, faded: int, limits: Limits) -> bool:
        """Whether the offset alone asks for more jerk than rows within limits could take away."""
        h, offset = self.fade_ns(faded) / NS, self._offset
        starting = 60 * offset.q / h**3 + 36 * offset.v / h**2 + 9 * offset.a / h
        ending = 60 * offset.q / h**3 + 24 * offset.v / h**2 + 3 * offset.a / h
        jerk = np.maximum(np.abs(starting), np.abs(ending))
        return bool((jerk > 2 * limits.jerk).any())

    def head(self, faded: int) -> Motion:
        """The part over which the offset fades, and no more."""
        return self._motion(faded, faded)

    def whole(self, faded: int) -> Motion:
        """All rows, the offset fading over the first of them."""
        return self._motion(faded, len(self._times_ns))

    def _motion(self, faded: int, count: int) -> Motion:
        zero = np.zeros_like(self._seam.q)
        ends = np.array([self._seam_ns, self._times_ns[faded - 1]])
        fade = Motion(
            ends,
            np.stack([self._offset.q, zero]),
            np.stack([self._offset.v, zero]),
            np.stack([self._offset.a, zero]),
        )
        times_ns = np.concatenate([[self._seam_ns], self._times_ns[:count]])
        offsets = fade.sample(times_ns[1:faded])
        seam, rows = (self._seam.q, self._seam.v, self._seam.a), (self._q, self._v, self._a)
        parts = [np.vstack([first, row[:count]]) for first, row in zip(seam, rows, strict=True)]
        for part, offset in zip(parts, offsets, strict=True):
            part[1:faded] += offset
        return Motion(times_ns, *parts)


def _fades(count: int) -> list[int]:
    """Lengths of fade to try, shortest first."""
    return [fade for fade in _FADES if fade < count] + [count]


def _greatest_scale(rows: RowPath, first: int, limits: Limits) -> float:
    """Pace at which the rows' own spline just keeps every rate limit."""
    start = max(first - 1, 0)
    times_ns = rows.times_ns[start:]
    state = rows.at(times_ns)
    own = Motion(times_ns, rows.q[start:], state.v, state.a)
    scale = 1.0
    for order, ratio in enumerate(limits.ratios(own), start=1):
        if ratio > HEADROOM:
            scale = min(scale, (HEADROOM / ratio) ** (1 / order))
    return scale


def _why_infeasible(seam: State, seam_ns: int, rows: RowPath, limits: Limits) -> str:
    jump = np.abs(rows.at(np.array([seam_ns])).q[0] - seam.q)
    joint = int(np.argmax(jump))
    return (
        f'no pace down to {SLOWEST:g} of the asked one leads into the rows within limits; '
        f'the greatest offset is {jump[joint]:.4f} at {limits.names[joint]}'
    )
