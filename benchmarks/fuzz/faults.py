# SPDX-License-Identifier: Apache-2.0
"""Chunks with something wrong: numbers, names, units, times, or where they come from."""

from dataclasses import replace

import numpy as np

from benchmarks.fuzz.motions import line, smooth, tool_delta, towards, wave
from benchmarks.fuzz.view import View, late_ns
from vla_contract.action import ActionChunk, ActionSpace

NO_NUMBERS = (np.nan, np.inf, -np.inf)
HUGE = (1e2, 999.0, 1e3, 1e4, 1e9, 1e154, 1e300, -1e300, 1.7e308)
TINY = (5e-324, -5e-324, 1e-300, -0.0)


def no_number(view: View) -> ActionChunk:
    """NaN or infinity somewhere, or everywhere."""
    return _sprinkled(view, NO_NUMBERS)


def huge(view: View) -> ActionChunk:
    """Absurd magnitudes."""
    return _sprinkled(view, HUGE)


def tiny(view: View) -> ActionChunk:
    """Denormal numbers and negative zeros."""
    return _sprinkled(view, TINY)


def degrees(view: View) -> ActionChunk:
    """Degrees under the name of radians."""
    chunk = wave(view)
    chunk.values[:, : len(view.q)] = np.degrees(chunk.values[:, : len(view.q)])
    return chunk


def misread(view: View) -> ActionChunk:
    """Rows of one space under the name of another."""
    space = [ActionSpace.JOINT_POSITION, ActionSpace.JOINT_DELTA, ActionSpace.JOINT_VELOCITY]
    chunk = smooth(view)
    other = view.chunk(chunk.values[:, : len(view.q)], 0.05, space[int(view.rng.integers(1, 3))])
    if view.rng.random() < 0.5:
        return other
    chunk.values[:, : len(view.q)] *= 0.01
    return chunk


def permuted(view: View) -> ActionChunk:
    """Joints in another order, in the names or only in the values."""
    chunk = towards(view)
    order = view.rng.permutation(len(view.q))
    if view.rng.random() < 0.5:
        names = tuple(chunk.columns[i] for i in order)
        return replace(chunk, columns=(*names, *chunk.columns[len(order) :]))
    chunk.values[:, : len(order)] = chunk.values[:, order]
    return chunk


def misshapen(view: View) -> ActionChunk:
    """Empty, too wide, too narrow, too long, flat."""
    chunk = smooth(view)
    values = chunk.values
    shapes = (
        values[:0],
        values[:, :0],
        values[:, :-1],
        np.hstack([values, values]),
        values.ravel(),
        np.zeros((5000, values.shape[1])),
        np.zeros((0, 0)),
        np.array(1.0),
        values[None],
    )
    chosen = shapes[int(view.rng.integers(len(shapes)))]
    columns = () if view.rng.random() < 0.1 else chunk.columns
    units = chunk.units[: len(columns)]
    if columns == () and view.rng.random() < 0.5:
        chosen = values[:, :0]
    return replace(chunk, values=chosen, columns=columns, units=units)


def misnamed(view: View) -> ActionChunk:
    """Unknown, doubled or prefixed names, other units, another frame."""
    chunk = line(view) if view.rng.random() < 0.3 else smooth(view)
    names, units = chunk.columns, chunk.units
    changes: tuple[dict[str, object], ...] = (
        {'columns': ('left_' + names[0], *names[1:])},
        {'columns': (names[1], *names[1:])},
        {'columns': names[::-1]},
        {'units': ('deg',) * len(units)},
        {'units': ('mm', *units[1:])},
        {'units': units[:-1]},
        {'frame': 'world', 'space': ActionSpace.POSE},
        {'space': ActionSpace.POSE_DELTA},
        {'space': ActionSpace.JOINT_VELOCITY},
    )
    return replace(chunk, **changes[int(view.rng.integers(len(changes)))])  # type: ignore[arg-type]


def misgripped(view: View) -> ActionChunk:
    """A gripper in millimetres, of another sign, or of no number."""
    chunk = view.chunk(smooth(view).values[:, : len(view.q)], 0.05, opening=0.5)
    if chunk.values.shape[1] > len(view.q):
        wrong = view.rng.choice([40.0, -1.0, np.nan, 1.04, -0.04, 1e300])
        chunk.values[view.rng.integers(len(chunk.values)), -1] = wrong
    return chunk


def misturned(view: View) -> ActionChunk:
    """Quaternions that are no rotation, and increments that are too much of one."""
    if view.rng.random() < 0.3:
        chunk = tool_delta(view)
        chunk.values[:, 3:6] *= 100.0
        return chunk
    chunk = line(view)
    chunk.values[view.rng.integers(len(chunk.values)), 3:7] *= view.rng.choice([0.0, 0.5, 2, 1.005])
    return chunk


def bad_grid(view: View) -> ActionChunk:
    """Steps and starts that make no time."""
    chunk = smooth(view)
    if view.rng.random() < 0.7:
        steps = (0.0, -0.05, np.nan, np.inf, 1e-9, 3600.0, 0.0019, 1.0, 1e300, 5e-324)
        return replace(chunk, step_s=float(view.rng.choice(steps)))
    starts = (0, -1, 2**62, 2**63 - 1, -(2**63), 2**70, 1)
    return replace(chunk, start_ns=starts[int(view.rng.integers(len(starts)))])


def stale(view: View) -> ActionChunk:
    """Seen too long ago, or with rows that are past."""
    chunk = smooth(view)
    by_ns = late_ns(float(view.rng.choice([0.2, 0.9, 1.01, 3.0, 1000.0])))
    if view.rng.random() < 0.5:
        return replace(chunk, observation_stamp_ns=chunk.observation_stamp_ns - by_ns)
    return replace(chunk, start_ns=chunk.start_ns - by_ns)


def future(view: View) -> ActionChunk:
    """Seen, or beginning, later than now."""
    chunk = smooth(view)
    by_ns = late_ns(float(view.rng.choice([0.02, 0.06, 0.3, 0.49, 2.0, 1e6])))
    if view.rng.random() < 0.5:
        return replace(chunk, observation_stamp_ns=view.now_ns + by_ns)
    return replace(chunk, start_ns=view.now_ns + by_ns)


def foreign(view: View) -> ActionChunk:
    """Of another session, task or order, or the last one again."""
    if view.last is not None and view.rng.random() < 0.3:
        return view.last
    changes: tuple[dict[str, object], ...] = (
        {'session': ''},
        {'task_id': 'yesterday'},
        {'task_id': ''},
        {'sequence': 0},
        {'sequence': -5},
        {'sequence': view.sequence - 1},
    )
    which = int(view.rng.integers(len(changes)))
    return replace(smooth(view), **changes[which])  # type: ignore[arg-type]


def _sprinkled(view: View, values: tuple[float, ...]) -> ActionChunk:
    """Some of these values in some places of some space."""
    makers = (smooth, line, tool_delta)
    chunk = makers[int(view.rng.choice(3, p=[0.6, 0.2, 0.2]))](view)
    share = float(view.rng.choice([0.0, 0.05, 1.0]))
    places = view.rng.random(chunk.values.shape) < share
    places.flat[view.rng.integers(places.size)] = True
    chunk.values[places] = view.rng.choice(values, int(places.sum()))
    return chunk
