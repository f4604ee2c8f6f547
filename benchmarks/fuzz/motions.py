# SPDX-License-Identifier: Apache-2.0
"""Chunks that are well formed: motions that are good, rough, too fast, or lead where none may."""

from dataclasses import replace

import mujoco
import numpy as np

from benchmarks.fuzz.record import Array
from benchmarks.fuzz.view import View, eased
from vla_contract.action import ActionChunk, ActionSpace


def smooth(view: View) -> ActionChunk:
    """From rest to rest, not far."""
    count, step_s = view.rows()
    share = eased(view.times(count, step_s) / view.rng.uniform(0.5, 3.0))
    return view.chunk(view.q + share * (view.near(0.6) - view.q), step_s)


def towards(view: View) -> ActionChunk:
    """A run of chunks that go on to one place anywhere."""
    count, step_s = view.rows()
    way = view.goal - view.q
    longest = float(np.abs(way).max())
    speed = view.rng.uniform(0.2, 1.2)
    share = eased(view.times(count, step_s) * speed / max(longest, 1e-6))
    return view.chunk(view.q + share * way, step_s)


def wave(view: View) -> ActionChunk:
    """To and fro, each joint by its own amount."""
    count, step_s = view.rows()
    t = view.times(count, step_s)
    amount = view.rng.uniform(-0.6, 0.6, len(view.q))
    period = view.rng.uniform(0.6, 4.0)
    return view.chunk(view.q + amount * (1 - np.cos(2 * np.pi * t / period)) / 2, step_s)


def delta(view: View) -> ActionChunk:
    """Increments."""
    count, step_s = view.rows()
    bell = np.sin(np.pi * np.minimum(view.times(count, step_s) / 2.0, 1.0))
    steps = bell * view.rng.uniform(-1, 1, len(view.q)) * view.rng.choice([0.003, 0.02, 0.1])
    return view.chunk(steps, step_s, ActionSpace.JOINT_DELTA)


def velocity(view: View) -> ActionChunk:
    """Speeds, within limits or not."""
    count, step_s = view.rows()
    bell = np.sin(np.pi * np.minimum(view.times(count, step_s) / 2.0, 1.0))
    speeds = bell * view.rng.uniform(-1, 1, len(view.q)) * view.rng.choice([0.2, 1.0, 5.0])
    return view.chunk(speeds, step_s, ActionSpace.JOINT_VELOCITY)


def noisy(view: View) -> ActionChunk:
    """As a shaky policy would have it."""
    chunk = wave(view)
    return _with(
        view, chunk, lambda q: q + view.rng.normal(0, view.rng.choice([0.002, 0.05]), q.shape)
    )


def jump(view: View) -> ActionChunk:
    """All rows from one on are elsewhere."""
    chunk = wave(view)
    first = int(view.rng.integers(0, len(chunk.values)))
    by = view.rng.uniform(-1, 1, len(view.q)) * view.rng.choice([0.05, 0.25, 1.0, 3.0])
    return _with(view, chunk, lambda q: q + by * (np.arange(len(q))[:, None] >= first))


def spike(view: View) -> ActionChunk:
    """One value of one row is elsewhere."""

    def change(q: Array) -> Array:
        q[view.rng.integers(len(q)), view.rng.integers(q.shape[1])] += view.rng.normal(0, 1.5)
        return q

    return _with(view, wave(view), change)


def backwards(view: View) -> ActionChunk:
    """The last row first."""
    chunk = smooth(view)
    return _with(view, chunk, lambda q: view.q + 0.5 * (q[::-1] - view.q))


def zigzag(view: View) -> ActionChunk:
    """Every other row on the other side."""
    amount = float(view.rng.choice([0.0005, 0.002, 0.01, 0.2]))

    def change(q: Array) -> Array:
        return np.asarray(q + amount * np.where(np.arange(len(q)) % 2, 1.0, -1.0)[:, None])

    return _with(view, wave(view), change)


def fast(view: View) -> ActionChunk:
    """Far beyond the limits of speed."""
    count, step_s = view.rows()
    share = eased(view.times(count, step_s) / view.rng.uniform(0.05, 0.5))
    return view.chunk(view.q + share * (view.near(2.0) - view.q), step_s / 2)


def still(view: View) -> ActionChunk:
    """Stay."""
    count, step_s = view.rows()
    return view.chunk(np.repeat(view.q[None], count, axis=0), step_s)


def one_row(view: View) -> ActionChunk:
    """A place to go, soon."""
    chunk = view.chunk(view.near(0.2)[None], 0.05)
    return replace(chunk, start_ns=view.now_ns + int(view.rng.integers(0, 450)) * 1_000_000)


def many_rows(view: View) -> ActionChunk:
    """Hundreds of rows, milliseconds apart."""
    count = int(view.rng.integers(200, 800))
    share = eased(view.times(count, 0.004) / view.rng.uniform(1.0, 3.0))
    return view.chunk(view.q + share * (view.near(0.8) - view.q), 0.004)


def into_limit(view: View) -> ActionChunk:
    """One joint to the end of its range and on."""
    count, step_s = view.rows()
    joint = int(view.rng.integers(len(view.q)))
    low, high, _ = view.bodies.limits[:, joint]
    end = view.q.copy()
    end[joint] = np.clip(view.rng.choice([low - 0.3, high + 0.3]), -7, 7)
    share = eased(view.times(count, step_s) / view.rng.uniform(1.0, 4.0))
    return view.chunk(view.q + share * (end - view.q), step_s)


def into_self(view: View) -> ActionChunk:
    """Fold up."""
    count, step_s = view.rows()
    end = view.q.copy()
    joint = int(view.rng.integers(1, len(view.q)))
    end[joint] += view.rng.choice([-1, 1]) * view.rng.uniform(1.0, 3.0)
    share = eased(view.times(count, step_s) / view.rng.uniform(1.0, 4.0))
    return view.chunk(view.q + share * (end - view.q), step_s)


def line(view: View) -> ActionChunk:
    """The tool along a line, and turned."""
    return _tool_line(view, view.rng.uniform(-0.15, 0.15, 3), view.rng.uniform(-0.4, 0.4, 3))


def down(view: View) -> ActionChunk:
    """The tool into the table."""
    return _tool_line(view, np.array([0, 0, -view.rng.uniform(0.1, 0.6)]), np.zeros(3))


def into_thing(view: View) -> ActionChunk:
    """The tool into something."""
    if not view.things:
        return down(view)
    thing = view.things[int(view.rng.integers(len(view.things)))]
    return _tool_line(view, np.array(thing.position) - view.bodies.tool(view.q)[0], np.zeros(3))


def stretched(view: View) -> ActionChunk:
    """The tool outwards, where the arm is straight."""
    place, _ = view.bodies.tool(view.q)
    out = np.array([place[0], place[1], 0.0])
    way = out / max(float(np.linalg.norm(out)), 1e-6) * view.rng.uniform(0.2, 0.8)
    return _tool_line(view, way, np.zeros(3))


def turned(view: View) -> ActionChunk:
    """The tool turned far about its point."""
    return _tool_line(view, np.zeros(3), view.rng.uniform(-3, 3, 3))


def tool_delta(view: View) -> ActionChunk:
    """The tool by increments."""
    count, step_s = view.rows()
    bell = np.sin(np.pi * np.minimum(view.times(count, step_s) / 2.0, 1.0))
    steps = bell * view.rng.uniform(-1, 1, 6) * view.rng.choice([0.001, 0.005, 0.03])
    return view.chunk(steps, step_s, ActionSpace.POSE_DELTA)


def flipping(view: View) -> ActionChunk:
    """Quaternions whose sign changes from row to row."""
    chunk = line(view)
    chunk.values[::2, 3:7] *= -1
    return chunk


def chatter(view: View) -> ActionChunk:
    """The gripper to and fro."""
    chunk = view.chunk(wave(view).values[:, : len(view.q)], 0.05, opening=0.0)
    if chunk.values.shape[1] > len(view.q):
        chunk.values[:, -1] = view.rng.integers(0, 2, len(chunk.values))
    return chunk


def _tool_line(view: View, way: Array, turn: Array) -> ActionChunk:
    count, step_s = view.rows()
    place, rotation = view.bodies.tool(view.q)
    start, angle, whole = np.zeros(4), float(np.linalg.norm(turn)), np.zeros(4)
    mujoco.mju_mat2Quat(start, rotation.ravel())
    rows = []
    for share in eased(view.times(count, step_s) / view.rng.uniform(0.5, 3.0))[:, 0]:
        mujoco.mju_axisAngle2Quat(whole, turn / max(angle, 1e-9), angle * share)
        now = np.zeros(4)
        mujoco.mju_mulQuat(now, whole, start)
        rows.append([*(place + share * way), *now[1:], now[0]])
    return view.chunk(np.array(rows), step_s, ActionSpace.POSE)


def _with(view: View, chunk: ActionChunk, change: object) -> ActionChunk:
    """The same chunk with its joints changed."""
    joints = len(view.q)
    chunk.values[:, :joints] = change(chunk.values[:, :joints].copy())  # type: ignore[operator]
    return chunk
