# SPDX-License-Identifier: Apache-2.0
"""A cubic spline through points: of its own, since importing scipy's takes a node a second."""

import numpy as np

from vla_safety.motion import Array, State


class CubicSpline:
    """Twice continuously differentiable; "not a knot": the first two pieces are one cubic."""

    def __init__(self, x: Array, y: Array) -> None:
        """Pass through the points.

        Args:
            x: Two places or more, increasing, (N,).
            y: What there is at each, (N, D).
        """
        self._x, self._y = x, y
        self._width = np.diff(x)[:, None]
        self._rise = np.diff(y, axis=0) / self._width
        self._slope = _slopes(x, self._width, self._rise)

    def at(self, x: Array) -> State:
        """Values and first two derivatives at places between the first point and the last."""
        piece = np.clip(np.searchsorted(self._x, x, side='right') - 1, 0, len(self._width) - 1)
        t = x[:, None] - self._x[piece, None]
        width, rise = self._width[piece], self._rise[piece]
        begin, end = self._slope[piece], self._slope[piece + 1]
        cubic = (begin + end - 2 * rise) / width**2
        square = (3 * rise - 2 * begin - end) / width
        return State(
            self._y[piece] + t * (begin + t * (square + t * cubic)),
            begin + t * (2 * square + t * 3 * cubic),
            2 * square + t * 6 * cubic,
        )


def _slopes(x: Array, width: Array, rise: Array) -> Array:
    """First derivatives at the points: those that make the second ones continuous."""
    count = len(x)
    if count == 2:
        return np.repeat(rise, 2, axis=0)
    if count == 3:
        bend = (rise[1] - rise[0]) / (x[2] - x[0])
        begin = rise[0] - bend * width[0]
        parabola: Array = begin + 2 * bend * (x - x[0])[:, None]
        return parabola
    matrix = np.zeros((count, count))
    inner = np.arange(1, count - 1)
    before, after = width[:-1, 0], width[1:, 0]
    matrix[inner, inner - 1] = after
    matrix[inner, inner] = 2 * (before + after)
    matrix[inner, inner + 1] = before
    right = np.empty((count, rise.shape[1]))
    right[inner] = 3 * (width[1:] * rise[:-1] + width[:-1] * rise[1:])
    matrix[0, :2], right[0] = _end(width[0, 0], width[1, 0], rise[0], rise[1])
    matrix[-1, :-3:-1], right[-1] = _end(width[-1, 0], width[-2, 0], rise[-1], rise[-2])
    return np.linalg.solve(matrix, right).astype(np.float64)


def _end(
    outer: np.float64, inner: np.float64, outermost: Array, next_to_it: Array
) -> tuple[Array, Array]:
    """Equation of an end: the third derivative does not jump at the point next to it."""
    both = outer + inner
    right: Array = (outer + 2 * both) * inner * outermost + outer * outer * next_to_it
    return np.array([inner, both]), right / both
