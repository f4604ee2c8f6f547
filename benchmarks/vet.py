# SPDX-License-Identifier: Apache-2.0
"""How long the motion filter takes over a chunk of 50 rows of 6 joints among 20 boxes.

``vet`` is the whole judgement at once: content, canonical form, splice and pace, then every check
on all of the motion and on the stop after its last row, swept collisions included. What the filter
does live is spread: ``on_chunk`` without the checks, then a tick every 20 ms that checks the next
part and a tail of its own; ``all_ticks`` is the sum over a chunk that is followed to its end.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.record import Record, Scene, Thing
from benchmarks.fuzz.rig import START_NS, Rig, parts
from benchmarks.report import write
from benchmarks.waypoints import check_rows
from vla_contract.action import ActionChunk, ActionSpace
from vla_safety.braking import brake
from vla_safety.command import Command
from vla_safety.motion import Motion, State
from vla_safety.plan import Plan
from vla_safety.reasons import Reason, RefusedError

Array = NDArray[np.float64]
ROBOT, ROWS, STEP_S, BOXES = 'sim_ur5e', 50, 0.05, 20
CHUNKS, WARM_UP = 300, 20
TARGET_P99_MS = 5.0


@dataclass
class Times:
    """One kind of work: wall-clock time and processor time of each piece [s]."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], object]) -> object:
        """Do it once."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return work()
        finally:
            self.cpu.append(time.thread_time() - cpu)
            self.wall.append(time.perf_counter() - wall)

    def add(self, parts: Sequence['Times']) -> None:
        """The last pieces of other work, as one piece of this."""
        self.wall.append(sum(part.wall[-1] for part in parts))
        self.cpu.append(sum(part.cpu[-1] for part in parts))

    def sum_since(self, count: int, other: 'Times') -> None:
        """All pieces of other work since its first so many, as one piece of this."""
        self.wall.append(sum(other.wall[count:]))
        self.cpu.append(sum(other.cpu[count:]))

    def figures(self, prefix: str = '') -> dict[str, object]:
        """Medians and 99th percentiles [ms]."""
        found: dict[str, object] = {}
        for percent in (50, 99):
            found[f'{prefix}p{percent}_ms'] = 1e3 * float(np.percentile(self.wall, percent))
            found[f'{prefix}p{percent}_cpu_ms'] = 1e3 * float(np.percentile(self.cpu, percent))
        return found


def main() -> None:
    """Vet chunks of a policy that streams, and of one that cannot be followed."""
    rng = np.random.default_rng(1)
    rig = armed_rig(rng)
    on_chunk, check, vet, tick, ticks = (Times() for _ in range(5))
    gc.collect()
    gc.disable()
    chunks = []
    for index in range(WARM_UP + CHUNKS):
        if index == WARM_UP:
            on_chunk, check, vet, tick, ticks = (Times() for _ in range(5))
        chunk = a_chunk(rig, index, rng)
        chunks.append(chunk)
        on_chunk.measure(lambda chunk=chunk: rig.filter.on_chunk(chunk, rig.instant))  # type: ignore[misc]
        check.measure(lambda: _check_whole(rig))
        vet.add([on_chunk, check])
        before = len(tick.wall)
        _play(rig, tick, int(rng.integers(8, 40)) if index % 2 else 200)
        if not index % 2:
            ticks.sum_since(before, tick)
    refused = _refusals(rig, rng)
    things = rig.record.scenes[-1].things
    rows = check_rows(ROBOT, things, chunks)
    figures = {
        **vet.figures(),
        **(Times(rows, rows).figures('moveit_rows_') if rows else {}),
        **on_chunk.figures('on_chunk_'),
        **check.figures('check_whole_'),
        **tick.figures('tick_'),
        'tick_max_ms': 1e3 * max(tick.wall),
        **ticks.figures('all_ticks_'),
        **refused.figures('infeasible_'),
        'target_p99_ms': TARGET_P99_MS,
    }
    write('vet', figures, __doc__ or '')


def armed_rig(rng: np.random.Generator) -> Rig:
    """The simulated arm at its home, armed, with boxes around it that it does not meet."""
    own = parts(ROBOT)
    robot = own.robot
    record = Record(
        start=np.array(robot.home),
        kept_m=robot.collision.margin,
        tool_speed=robot.workspace.tool_speed,
        late=False,
        carried=None,
        scenes=[Scene(START_NS, ())],
    )
    rig = Rig(ROBOT, robot, record)
    things: list[Thing] = []
    while len(things) < BOXES:
        x, y, z = rng.uniform((-0.5, -0.9, 0.0), (1.0, 0.9, 0.9)).tolist()
        a, b, c = rng.uniform(0.04, 0.15, 3).tolist()
        thing = Thing(f'box {len(things)}', 'box', (a, b, c), (x, y, z))
        if _is_far(rig, thing):
            things.append(thing)
    rig.see(things)
    rig.run(2)
    rig.filter.arm(rig.instant)
    rig.filter.set_task('task')
    rig.run(2)
    return rig


def _is_far(rig: Rig, thing: Thing) -> bool:
    """Whether a box is clear of all that the chunks will ask for: a third of the pan's range."""
    own = parts(ROBOT)
    radius = float(np.linalg.norm(thing.size)) / 2
    centre = np.array(thing.position)
    for pan in np.linspace(-0.45, 0.45, 10):
        q = rig.q + np.array([pan, 0, 0, 0, 0, 0])
        points = np.vstack(
            [own.kinematics.joint_origins(q), own.kinematics.tool_positions(q[None])]
        )
        if np.linalg.norm(points - centre, axis=1).min() < radius + 0.22:
            return False
    return True


def a_chunk(rig: Rig, index: int, rng: np.random.Generator) -> ActionChunk:
    """Smooth rows about the home, a little beside the arm at their start, 80 ms old."""
    robot = rig.robot
    t = np.arange(ROWS)[:, None] * STEP_S
    home = np.array(robot.home)
    amount = rng.uniform(-1, 1, 6) * (0.35, 0.12, 0.12, 0.3, 0.3, 0.6)
    away = (1 - np.cos(2 * np.pi * t / 2.5)) / 2
    back = np.exp(-3 * t / STEP_S / 10) * (rig.q - home)
    values = home + back + amount * away + rng.normal(0, 0.0005, 6)
    return ActionChunk(
        session='bench',
        sequence=index + 1,
        task_id='task',
        observation_stamp_ns=rig.now_ns - 1,
        start_ns=rig.now_ns - 80_000_000 * (index % 2),
        step_s=STEP_S,
        space=ActionSpace.JOINT_POSITION,
        columns=robot.joint_names,
        units=tuple(str(joint.unit) for joint in robot.joints),
        frame=robot.base_frame,
        values=values,
    )


def _check_whole(rig: Rig) -> None:
    """Every check on all that is intended and the stop after it, at once."""
    plan = _plan(rig)
    reference = plan.pursuit.reference
    if reference is None:
        raise RuntimeError('nothing is intended')
    end = State(reference.q[-1], reference.v[-1], reference.a[-1])
    motion = reference.then(brake(end, reference.end_ns, rig.filter.limits))
    _find(rig, motion.since(motion.apart(rig.now_ns)))


def _find(rig: Rig, motion: Motion) -> None:
    for check in rig.filter.checks:
        finding = check.find(motion)
        if finding is not None:
            raise RuntimeError(f'the benchmark means to measure a free way: {finding.text}')


def _plan(rig: Rig) -> Plan:
    if rig.filter.plan is None:
        raise RuntimeError('nothing is armed')
    return rig.filter.plan


def _play(rig: Rig, tick: Times, ticks: int) -> None:
    """Go on for so many ticks, or until the rows end."""
    for _ in range(ticks):
        rig.ticking = False
        rig.run(2)
        rig.ticking = True
        command = tick.measure(lambda: rig.filter.tick(rig.instant))
        if not isinstance(command, Command):
            raise TypeError('the filter answers ticks with commands')
        rig.deliver(command)
        if not rig.filter.mode.moving:
            rig.run(60)
            return


def _refusals(rig: Rig, rng: np.random.Generator) -> Times:
    """Chunks that no pace leads into, which is the longest search."""
    times = Times()
    rig.run(400)
    for index in range(50):
        rig.run(2)
        chunk = a_chunk(rig, 1_000_000 + index, rng)
        chunk.values[:] += np.where(np.arange(ROWS) % 2, 0.14, -0.14)[:, None]

        def refused(chunk: ActionChunk = chunk) -> None:
            try:
                rig.filter.on_chunk(chunk, rig.instant)
            except RefusedError as refusal:
                if refusal.reason is Reason.INFEASIBLE:
                    return
                raise
            raise RuntimeError('rows to and fro were followed')

        times.measure(refused)
    return times


if __name__ == '__main__':
    main()
