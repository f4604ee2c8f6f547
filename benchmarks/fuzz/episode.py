# SPDX-License-Identifier: Apache-2.0
"""One episode: a robot in a scene, chunks of all kinds, and everything that can go wrong beside."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.fuzz.bodies import Bodies
from benchmarks.fuzz.kinds import KINDS
from benchmarks.fuzz.record import NS, Array, Fault, Record, Scene, Thing, Verdict
from benchmarks.fuzz.rig import CYCLE_NS, START_NS, Rig, parts
from benchmarks.fuzz.view import TASK, View
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.robot import Box, Robot, Workspace
from vla_contract.scene import Collision
from vla_contract.scene import Scene as RobotScene
from vla_contract.scene import SceneObject as Standing
from vla_safety.reasons import Reason, RefusedError

ROBOTS = ('sim_ur5e', 'sim_ur5e', 'sim_ur5e', 'sim_ur5e', 'ur5e', 'franka', 'xarm6', 'so101')
POOL = 6
CLEAR_M = 0.02
"""What appears is at least so far from all that the arm is about to do [m]."""
_ROOM = Box(name='room', min=(-1.2, -1.2, -0.3), max=(1.2, 1.2, 1.5))
_TRIES = 200
_STRAYS = 0.2
_WAITS = (
    (0.6, 0.3, 0.1, 0.0, 0.0),  # a storm
    (0.1, 0.3, 0.58, 0.0, 0.02),
    (0.0, 0.1, 0.3, 0.55, 0.05),  # chunks are followed far
)


@dataclass(frozen=True)
class Episode:
    """What an episode was.

    Attributes:
        robot: With the episode's changes.
        bodies: The same with its things.
        record: What happened.
    """

    robot: Robot
    bodies: Bodies
    record: Record


def run_episode(seed: Sequence[int], chunks: int) -> Episode:
    """Play one, the same for the same seed."""
    rng = np.random.default_rng(seed)
    name = ROBOTS[int(rng.integers(len(ROBOTS)))]
    robot = _changed(parts(name).robot, rng)
    pool = [_thing(f'thing {index}', rng) for index in range(POOL)]
    carried = _load(rng) if name == 'sim_ur5e' and rng.random() < 0.1 else None
    bodies = Bodies(robot, parts(name).path, pool, carried)
    start = _start(robot, bodies, rng)
    things = [thing for thing in pool[:3] if _is_clear(bodies, start, thing)]
    record = Record(
        start=start,
        kept_m=robot.collision.margin + robot.collision.tracking,
        tool_speed=robot.workspace.tool_speed,
        late=bool(rng.random() < 0.1),
        carried=carried,
        scenes=[Scene(START_NS, ())],
    )
    rig = Rig(name, robot, record)
    try:
        _Player(rng, rig, bodies, pool, things).play(chunks)
    finally:
        rig.release()
    return Episode(robot, bodies, record)


class _Player:
    """Draws what happens next, and lets it happen."""

    def __init__(
        self,
        rng: np.random.Generator,
        rig: Rig,
        bodies: Bodies,
        pool: Sequence[Thing],
        things: Sequence[Thing],
    ) -> None:
        self._rng, self._rig, self._bodies = rng, rig, bodies
        self._pool = {thing.name: thing for thing in pool}
        self._things = list(things)
        self._goal = rig.q
        self._kind, self._left, self._run = '', 0, 0
        self._from_q, self._from_ns = rig.q, rig.now_ns
        self._last: ActionChunk | None = None
        self._sequence = 0
        self._style = int(rng.choice(3, p=[0.35, 0.5, 0.15]))

    def play(self, chunks: int) -> None:
        """Arm, send so many chunks, fall silent, and wait for the end."""
        rig = self._rig
        self._guarded(lambda: rig.see(self._things))
        rig.run(2)
        self._guarded(self._arm)
        rig.filter.tool_speed.reduced = bool(self._rng.random() < 0.1)
        if rig.filter.tool_speed.reduced:
            rig.record.tool_speed = min(rig.record.tool_speed, rig.robot.separation.reduced_speed)
        for _ in range(chunks):
            self._guarded(self._happen)
            self._guarded(self._wait)
            self._guarded(self._send)
        self._guarded(self._fall_silent)

    def _guarded(self, step: object) -> None:
        """Whatever the filter raises, but for a refusal, is a fault; that is what this is for."""
        try:
            step()  # type: ignore[operator]
        except RefusedError:
            return
        except Exception:  # noqa: BLE001 (any at all is what the campaign looks for)
            fault = Fault(self._rig.now_ns, traceback.format_exc(limit=-3))
            self._rig.record.faults.append(fault)

    def _send(self) -> None:
        rng, rig = self._rng, self._rig
        if self._left <= 0:
            names = list(KINDS)
            weights = np.array([weight for weight, _ in KINDS.values()], dtype=np.float64)
            self._kind = str(rng.choice(names, p=weights / weights.sum()))
            self._left = int(rng.choice([1, 1, 2, 5, 10, 20]))
            self._goal = _anywhere(self._bodies, rng, rig.q)
            self._begin()
        self._left -= 1
        self._sequence += 1
        chunk = self._made()
        if chunk.space is ActionSpace.JOINT_POSITION and self._left and self._strays(chunk):
            self._begin()
            chunk = self._made()
        self._last = chunk
        try:
            rig.filter.on_chunk(chunk, rig.instant)
        except RefusedError as refusal:
            self._answered(str(refusal.reason), followed=False)
        except Exception:
            self._answered('an exception', followed=False)
            raise
        else:
            self._answered(str(rig.filter.finding.reason), followed=True)

    def _begin(self) -> None:
        """A run of chunks of one kind starts here."""
        self._run = int(self._rng.integers(2**32))
        self._from_q, self._from_ns = self._rig.q, self._rig.now_ns

    def _made(self) -> ActionChunk:
        """The next chunk of the run."""
        view = View(
            np.random.default_rng(self._run),
            self._rig.robot,
            self._bodies,
            self._from_q,
            (self._rig.now_ns - self._from_ns) / NS,
            self._rig.now_ns,
            tuple(self._things),
            self._goal,
            self._last,
            self._sequence,
        )
        return KINDS[self._kind][1](view)

    def _strays(self, chunk: ActionChunk) -> bool:
        """The arm was slower than the run: a policy would see that."""
        joints = len(self._rig.q)
        if chunk.values.ndim != 2 or chunk.values.shape[1] < joints or not len(chunk.values):
            return False
        return bool(np.abs(chunk.values[0, :joints] - self._rig.q).max() > _STRAYS)

    def _answered(self, reason: str, *, followed: bool) -> None:
        verdict = Verdict(self._rig.now_ns, self._kind, reason, followed)
        self._rig.record.verdicts.append(verdict)

    def _wait(self) -> None:
        """Mostly as long as policies take; sometimes no time at all, or until all is over."""
        draws = ((0, 1), (1, 4), (4, 14), (14, 40), (50, 120))
        low, high = draws[int(self._rng.choice(5, p=_WAITS[self._style]))]
        self._rig.run(int(self._rng.integers(low, high)))

    def _happen(self) -> None:
        """Something beside the chunks."""
        rig, draw = self._rig, self._rng.random()
        self._recover()
        if draw < 0.08:
            self._appear()
        elif draw < 0.10 and self._things:
            self._things.pop(int(self._rng.integers(len(self._things))))
            rig.see(self._things)
        elif draw < 0.13:
            self._stall()
        elif draw < 0.15:
            self._interfere()
        elif draw < 0.16:
            rig.sensors = False
            rig.run(int(self._rng.integers(1, 30)))
            rig.sensors = True
        elif draw < 0.17:
            name = str(self._rng.choice(sorted(rig.alive)))
            rig.alive.discard(name)
            rig.run(int(self._rng.integers(1, 30)))
            rig.alive.add(name)
        elif draw < 0.35:
            most = 80_000_000 if rig.record.late else 10_000_000
            rig.delay_ns = int(self._rng.integers(0, most + 1))
            rig.losing = rig.record.late and bool(self._rng.random() < 0.3)

    def _recover(self) -> None:
        """After a stop: wait for rest, and arm again."""
        rig = self._rig
        if rig.filter.mode.takes_chunks:
            return
        rig.run(60)
        rig.deliver(rig.filter.emergency_stop(False, rig.instant))
        self._arm()

    def _arm(self) -> None:
        self._rig.filter.arm(self._rig.instant)
        self._rig.filter.set_task(TASK)
        self._rig.run(1)

    def _stall(self) -> None:
        """The filter's process stands still."""
        self._rig.ticking = False
        self._rig.run(int(self._rng.choice([2, 4, 6, 10, 30, 60])))
        self._rig.ticking = True

    def _interfere(self) -> None:
        """A person, or the guard, or another task."""
        rig, now = self._rig, self._rig.instant
        which = int(self._rng.integers(5))
        if which == 0:
            rig.filter.hold(Reason.HOLD_ASKED, 'by hand', now)
        elif which == 1:
            rig.deliver(rig.filter.protect(Reason.STOP_ASKED, 'by hand', now))
        elif which == 2:
            rig.deliver(rig.filter.emergency_stop(True, now))
        elif which == 3:
            rig.deliver(rig.filter.disarm(now, Reason.STOP_ASKED, 'by hand'))
        else:
            rig.filter.set_task('another')
            rig.run(3)
            rig.filter.set_task(TASK)

    def _appear(self) -> None:
        """A thing comes or moves: clear of what the arm is about to do, or seldom in its way."""
        rig, rng = self._rig, self._rng
        name = str(rng.choice(list(self._pool)))
        others = [thing for thing in self._things if thing.name != name]
        excused = bool(rng.random() < 0.15)
        ahead = self._ahead()
        for _ in range(10):
            thing = _placed(self._pool[name], self._spot(), rng)
            if self._avoidable(thing, ahead):
                break
        else:
            if not excused:
                return
        moving = _is_clear(self._bodies, rig.q, thing, rig.opening)
        if not moving:
            return
        excused = not self._avoidable(thing, ahead)
        self._things = [*others, replace(thing, excused=excused)]
        rig.see(self._things)

    def _avoidable(self, thing: Thing, ahead: Sequence[Array]) -> bool:
        """Whether a thing is clear of the arm's way, and of that of fingers already on theirs."""
        openings = np.linspace(self._rig.opening, self._rig.opening_wanted, 5).tolist()
        return all(
            _is_clear(self._bodies, q, thing, opening) for q in ahead for opening in set(openings)
        )

    def _ahead(self) -> list[Array]:
        """Where the arm is, and will be if nothing changes."""
        rig = self._rig
        if not rig.record.sent:
            return [rig.q]
        sent = rig.record.sent[-1]
        coming = sent.q[sent.times_ns >= rig.now_ns - 2 * CYCLE_NS]
        return [rig.q, *coming]

    def _spot(self) -> Array:
        """A place that the arm may soon want to go to."""
        goal = self._goal if self._rng.random() < 0.6 else _near(self._rig.q, self._rng)
        points = self._bodies.points(goal)
        return np.asarray(points[int(self._rng.integers(len(points)))])

    def _fall_silent(self) -> None:
        """Something dies; the arm must come to rest in time."""
        rig, timing = self._rig, self._rig.robot.timing
        rig.delay_ns, rig.losing = 0, False
        which = int(self._rng.integers(4))
        if which == 0:
            rig.ticking = False
        elif which == 1:
            rig.sensors = False
        elif which == 2:
            rig.alive.discard(str(self._rng.choice(sorted(rig.alive))))
        longest = [joint.velocity / joint.acceleration for joint in rig.robot.joints]
        eases = [2 * joint.acceleration / joint.jerk for joint in rig.robot.joints]
        silence = max(timing.heartbeat_timeout_s, timing.joint_state_max_age_s)
        rest_s = silence + timing.lead_s + timing.commit_s + max(longest) + max(eases) + 0.15
        if which == 3:
            rest_s += timing.horizon_max_s + timing.observation_max_age_s
            rest_s = min(rest_s, 3.0)
            rig.filter.set_task(None)
            rest_s = 1.0
        rig.record.rest_by_ns = rig.now_ns + round(rest_s * NS)
        rig.run(round(rest_s * NS / CYCLE_NS) + 5)


def _changed(robot: Robot, rng: np.random.Generator) -> Robot:
    """The robot file with other distances, workspace and surroundings."""
    margin = float(rng.choice([0.003, 0.01, 0.02]))
    slow_from = float(rng.choice([0.0, 0.0, 0.1]))
    changes: dict[str, object] = {
        'collision': Collision(margin=margin, slow_from=slow_from, slowest=0.3)
    }
    if rng.random() < 0.7:
        speed = float(rng.choice([0.5, 1.0, 2.0]))
        changes['workspace'] = Workspace(boxes=(_ROOM,), tool_speed=speed)
    table = Standing(name='table', box=(1.2, 1.24, 0.04), position=(0.32, 0.0, -0.03))
    floor = Standing(name='floor', plane=True, position=(0.0, 0.0, -0.02))
    changes['scene'] = RobotScene(objects=(table if rng.random() < 0.6 else floor,))
    return robot.model_copy(update=changes)


def _start(robot: Robot, bodies: Bodies, rng: np.random.Generator) -> Array:
    """Home or near it, or anywhere that is free."""
    home = np.array(robot.home)
    by = float(rng.choice([0.0, 0.3, 3.0]))
    low, high, _ = bodies.limits
    low, high = np.maximum(low, -3.0) + 0.02, np.minimum(high, 3.0) - 0.02
    for _ in range(_TRIES if by else 0):
        q = np.clip(home + rng.uniform(-by, by, len(home)), low, high)
        if _inside(robot, bodies.tool(q)[0]) and bodies.is_clear(q, 1.0, CLEAR_M):
            return np.asarray(q)
    return home


def _inside(robot: Robot, point: Array) -> bool:
    boxes = robot.workspace.boxes
    return any(
        (point > np.array(box.min)).all() and (point < np.array(box.max)).all() for box in boxes
    )


def _anywhere(bodies: Bodies, rng: np.random.Generator, q: Array) -> Array:
    """A place for a run of chunks to go to, free or not."""
    if rng.random() < 0.5:
        return _near(q, rng)
    low, high, _ = bodies.limits
    return np.asarray(np.clip(rng.uniform(-3, 3, len(q)), np.maximum(low, -7), np.minimum(high, 7)))


def _near(q: Array, rng: np.random.Generator) -> Array:
    return np.asarray(q + rng.uniform(-1.2, 1.2, len(q)))


def _thing(name: str, rng: np.random.Generator) -> Thing:
    """A shape somewhere: blocks, balls, poles as thin as a finger, plates as thin as paper."""
    shapes: tuple[tuple[str, tuple[float, ...]], ...] = (
        ('box', tuple(rng.uniform(0.02, 0.3, 3))),
        ('sphere', (float(rng.uniform(0.005, 0.12)),)),
        ('cylinder', (float(rng.uniform(0.005, 0.08)), float(rng.uniform(0.05, 0.5)))),
        ('cylinder', (0.0025, 0.8)),
        ('box', (0.002, 0.4, 0.4)),
    )
    kind, size = shapes[int(rng.integers(len(shapes)))]
    return _placed(Thing(name, kind, size, (0.0, 0.0, 0.0)), rng.uniform(-0.7, 0.9, 3), rng)


def _placed(thing: Thing, place: Array, rng: np.random.Generator) -> Thing:
    turn = rng.normal(size=4)
    turn /= np.linalg.norm(turn)
    x, y, z = (place + rng.normal(0, 0.03, 3)).tolist()
    a, b, c, d = turn.tolist()
    return replace(thing, position=(x, y, z), orientation=(a, b, c, d), excused=False)


def _load(rng: np.random.Generator) -> Thing:
    """A block between the fingers."""
    x, y, z = rng.uniform(0.02, 0.08, 3).tolist()
    return Thing('load', 'box', (x, y, z), (0.0, 0.0, float(rng.uniform(0.0, 0.03))))


def _is_clear(bodies: Bodies, q: Array, thing: Thing, opening: float = 1.0) -> bool:
    """Whether a thing keeps away from the arm where it is."""
    bodies.place([thing])
    return bodies.is_clear(q, opening, CLEAR_M, thing.name)
