# SPDX-License-Identifier: Apache-2.0
"""A motion cut into intervals, each with the box of postures that it cannot leave."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vla_safety.motion import Array, Motion


def _halving() -> tuple[Array, Array]:
    """De Casteljau at the middle: control points of each half from those of the whole."""
    rows = np.eye(6)
    left, right = [rows[0]], [rows[-1]]
    while len(rows) > 1:
        rows = (rows[:-1] + rows[1:]) / 2
        left.append(rows[0])
        right.append(rows[-1])
    return np.array(left), np.array(right[::-1])


_LEFT, _RIGHT = _halving()


@dataclass(frozen=True)
class Interval:
    """Part of a motion, with what else may be anywhere within a spread meanwhile.

    Attributes:
        start_ns: Its beginning, from the motion's own; not whole deep inside a segment.
        middle: Of the box of postures.
        half: From the middle to each face of the box.
    """

    start_ns: float
    middle: Array
    half: Array
    _times: Array
    _points: Array
    _shift: Array
    _spread: Array

    @classmethod
    def of(cls, motion: Motion, spread: Array) -> 'Interval':
        """The whole motion, which has two knots or more."""
        times = (motion.times_ns - motion.start_ns).astype(np.float64)
        return cls._over(times, motion.bezier, np.zeros_like(spread), spread)

    @classmethod
    def _over(cls, times: Array, points: Array, shift: Array, spread: Array) -> 'Interval':
        flat = points.reshape(-1, points.shape[2])
        low, high = flat.min(axis=0), flat.max(axis=0)
        middle, half = (low + high) / 2 + shift, (high - low) / 2 + spread
        return cls(float(times[0]), middle, half, times, points, shift, spread)

    def halves(self, radii: Array) -> Iterator['Interval']:
        """Two that cover it, the later in time first; what moves shapes farthest is halved."""
        wide = radii * self._spread
        if 2 * wide.sum() > float(radii @ self.half):
            yield from self._spread_halves(int(wide.argmax()))
            return
        times, points, rest = self._times, self._points, (self._shift, self._spread)
        if len(points) > 1:
            cut = len(points) // 2
            yield Interval._over(times[cut:], points[cut:], *rest)
            yield Interval._over(times[: cut + 1], points[:cut], *rest)
            return
        middle = (times[0] + times[1]) / 2
        yield Interval._over(np.array([middle, times[1]]), (_RIGHT @ points[0])[None], *rest)
        yield Interval._over(np.array([times[0], middle]), (_LEFT @ points[0])[None], *rest)

    def _spread_halves(self, number: int) -> Iterator['Interval']:
        spread = self._spread.copy()
        spread[number] /= 2
        for side in (-1.0, 1.0):
            shift = self._shift.copy()
            shift[number] += side * spread[number]
            yield Interval._over(self._times, self._points, shift, spread)
