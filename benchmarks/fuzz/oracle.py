# SPDX-License-Identifier: Apache-2.0
"""Judges an episode by what was commanded, and by nothing that the motion filter says.

Shares no code with vla_safety: limits come from the robot file and the URDF, motion from the
messages' own quintics, distances from MuJoCo.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from benchmarks.fuzz.bodies import Bodies
from benchmarks.fuzz.playback import STEP_NS, Path, executed, whole
from benchmarks.fuzz.record import NS, Array, Record, Scene, Sent
from benchmarks.fuzz.sweep import approaches
from vla_contract.robot import Robot

SLACK = 1e-3
"""Relative excess of a rate that finite differences may show."""
AT_REST = 1e-6
EXCUSED_NS = 3 * NS // 5
"""What appears in the way may be met for so long: nobody can stop at once."""
EXCUSED_M = 0.001
"""After that, nothing comes nearer to it than this, or than it is."""
_POINT_SAMPLES = 4


class Violation(NamedTuple):
    """Something that must not happen, and did.

    Attributes:
        check: Which rule it breaks.
        time_ns: When.
        text: What.
    """

    check: str
    time_ns: int
    text: str


@dataclass(frozen=True)
class Bounds:
    """Of the joints: the tighter of the robot file and the URDF."""

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    jerk: Array

    @classmethod
    def of(cls, robot: Robot, bodies: Bodies) -> 'Bounds':
        """Read both."""
        lower, upper, velocity = bodies.limits
        ranges = [joint.position or (-np.inf, np.inf) for joint in robot.joints]
        return cls(
            np.maximum(lower, [low for low, _ in ranges]),
            np.minimum(upper, [high for _, high in ranges]),
            np.minimum(velocity, [joint.velocity for joint in robot.joints]),
            np.array([joint.acceleration for joint in robot.joints]),
            np.array([joint.jerk for joint in robot.joints]),
        )


class Oracle:
    """Of one robot and the things that may be around it."""

    def __init__(self, robot: Robot, bodies: Bodies) -> None:
        """Judge with this model."""
        self._robot, self._bodies = robot, bodies
        self._bounds = Bounds.of(robot, bodies)

    def judge(self, record: Record, tails: tuple[int, ...] = ()) -> list[Violation]:
        """All violations of an episode.

        Args:
            record: The episode.
            tails: Messages whose collisions are looked for to their very end, as if nothing had
                come after them.
        """
        path = executed(record.cycles, record.sent, record.start)
        found = [Violation('fault', fault.time_ns, fault.text) for fault in record.faults]
        for message in record.sent:
            found.extend(self._message(message))
        if not np.isfinite(path.q).all():
            return [*found, Violation('finite', 0, 'a command is not finite')]
        found.extend(self._commands(path, record))
        found.extend(self._rates(path, late=record.late))
        found.extend(self._places(path, record))
        found.extend(self._collisions(path, record))
        found.extend(self._standstill(path, record))
        found.extend(self._gripper(record))
        for index in tails:
            found.extend(self._tail(record.sent[index], record))
        return found

    def _message(self, message: Sent) -> Iterator[Violation]:
        """Every message is complete, in order, of numbers, within limits, and ends at rest."""
        parts = (message.q, message.v, message.a)
        if message.names != self._robot.joint_names:
            yield Violation('message', message.sent_ns, f'joints {message.names}')
        if not all(np.isfinite(part).all() for part in parts):
            yield Violation('message', message.sent_ns, 'not finite')
            return
        if not (np.diff(message.times_ns) > 0).all():
            yield Violation('message', message.sent_ns, 'times do not increase')
            return
        if np.abs(message.v[-1]).max() > 0 or np.abs(message.a[-1]).max() > 0:
            yield Violation('terminal', message.sent_ns, f'ends at speed {message.v[-1]}')
        if message.times_ns[0] > message.sent_ns:
            yield Violation('message', message.sent_ns, 'begins later than it is sent')
        yield from self._rates(whole(message), late=False)

    def _commands(self, path: Path, record: Record) -> Iterator[Violation]:
        """The controller's stand-in commands just what the messages say."""
        per_cycle = len(path.q) // len(record.cycles)
        ends = path.q[per_cycle - 1 :: per_cycle]
        error = np.abs(ends - np.array([cycle.command for cycle in record.cycles])).max(axis=1)
        worst = int(error.argmax())
        if not error[worst] <= 1e-6:
            yield Violation(
                'command', record.cycles[worst].time_ns, f'{error[worst]:.3g} beside the message'
            )

    def _rates(self, path: Path, *, late: bool) -> Iterator[Violation]:
        """Ranges, and speeds, accelerations and jerks by finite differences."""
        bounds, step_s = self._bounds, STEP_NS / NS
        beyond = np.maximum(bounds.lower - path.q, path.q - bounds.upper)
        yield from self._worst('position', path, beyond, np.full_like(bounds.lower, 1e-6))
        if late or len(path.q) < 3:
            return
        steps_s = np.diff(path.times_ns)[:, None] / NS
        rates = (
            ('velocity', np.abs(np.diff(path.q, axis=0)) / steps_s, bounds.velocity),
            ('speed', np.abs(path.v), bounds.velocity),
            ('acceleration', np.abs(np.diff(path.v, axis=0)) / steps_s, bounds.acceleration),
            ('bend', np.abs(path.a), bounds.acceleration),
            ('jerk', np.abs(np.diff(path.a, axis=0)) / steps_s, bounds.jerk),
        )
        for name, values, bound in rates:
            rounding = 1e-9 / step_s if name == 'velocity' else 1e-6
            yield from self._worst(name, path, values, bound * (1 + SLACK) + rounding)

    def _worst(self, check: str, path: Path, values: Array, most: Array) -> Iterator[Violation]:
        excess = values / np.maximum(most, 1e-12)
        if check == 'position':
            excess = values - most + 1
        row, joint = np.unravel_index(int(np.nanargmax(excess)), excess.shape)
        if excess[row, joint] > 1 or not np.isfinite(excess).all():
            text = (
                f'{self._robot.joint_names[joint]} {values[row, joint]:.6g}, '
                f'at most {most[joint]:.6g}'
            )
            yield Violation(check, int(path.times_ns[row]), text)

    def _places(self, path: Path, record: Record) -> Iterator[Violation]:
        """Tool and joints are slow enough; a tool that was in the workspace stays there."""
        moved = np.abs(np.diff(path.q, axis=0)).max(axis=1) > 1e-9
        if not moved.any():
            return
        last = min(int(np.flatnonzero(moved)[-1]) + 2, len(path.q))
        rows = np.arange(0, last, _POINT_SAMPLES)
        points = np.array([self._bodies.points(q) for q in path.q[rows]])
        if len(points) > 1:
            lengths = np.linalg.norm(np.diff(points, axis=0), axis=2)
            speeds = lengths * NS / (STEP_NS * _POINT_SAMPLES)
            worst = int(speeds.max(axis=1).argmax())
            if not record.late and speeds[worst].max() > record.tool_speed * (1 + SLACK):
                text = f'{speeds[worst].max():.3f} m/s, at most {record.tool_speed:g}'
                yield Violation('tool_speed', int(path.times_ns[rows[worst]]), text)
        outside = self._outside(points[:, 0])
        if outside[0] <= 0 and outside.max() > 1e-4:
            worst = int(outside.argmax())
            x, y, z = points[worst, 0]
            text = f'tool at ({x:.3f}, {y:.3f}, {z:.3f}), {outside[worst] * 1e3:.1f} mm outside'
            yield Violation('workspace', int(path.times_ns[rows[worst]]), text)

    def _outside(self, points: Array) -> Array:
        """Of the nearest workspace box [m]."""
        distances = []
        for box in self._robot.workspace.boxes:
            low, high = np.array(box.min), np.array(box.max)
            beyond = np.maximum(np.maximum(low - points, points - high), 0)
            distances.append(np.linalg.norm(beyond, axis=1))
        return np.asarray(np.min(distances, axis=0))

    def _collisions(self, path: Path, record: Record) -> Iterator[Violation]:
        """Scene by scene."""
        per_cycle = len(path.q) // len(record.cycles)
        opening = np.repeat([cycle.opening for cycle in record.cycles], per_cycle)
        scenes = np.array([cycle.scene for cycle in record.cycles])[path.cycle]
        for index, rows in groupby(range(len(path.q)), key=lambda row: scenes[row]):
            part = np.fromiter(rows, dtype=np.intp)
            cut = Path(path.times_ns[part], path.q[part], path.v[part], path.a[part], path.cycle)
            yield from self._met(cut, opening[part], record.scenes[index], record)

    def _met(self, path: Path, opening: Array, scene: Scene, record: Record) -> Iterator[Violation]:
        self._bodies.place(scene.things)
        excused = {thing.name for thing in scene.things if thing.excused}
        others = {thing.name for thing in scene.things if not thing.excused}
        for hit in approaches(self._bodies, path.q, opening, record.kept_m, excused):
            if hit.distance_m >= 0 and record.late:
                continue
            check = 'collision' if hit.distance_m < 0 else 'margin'
            text = (
                f'{hit.pair.names[0]} {hit.distance_m * 1e3:.2f} mm from {hit.pair.names[1]}, '
                f'at least {hit.floor_m * 1e3:.2f}'
            )
            yield Violation(check, int(path.times_ns[hit.sample]), text)
        late = path.times_ns >= scene.from_ns + EXCUSED_NS
        if excused and late.any() and np.abs(path.v[late]).max() > AT_REST:
            kept_m = min(record.kept_m, EXCUSED_M)
            for hit in approaches(self._bodies, path.q[late], opening[late], kept_m, others):
                text = f'went on towards {" or ".join(hit.pair.names)}: {hit.distance_m:.4f} m'
                yield Violation('evasion', int(path.times_ns[late][hit.sample]), text)

    def _standstill(self, path: Path, record: Record) -> Iterator[Violation]:
        """At rest in time after all sources have fallen silent."""
        after = path.times_ns > record.rest_by_ns
        if not after.any():
            yield Violation('standstill', record.rest_by_ns, 'the episode ended before')
            return
        speed = float(np.abs(path.v[after]).max())
        if speed > AT_REST:
            yield Violation('standstill', record.rest_by_ns, f'still moves at {speed:.4g}')

    def _gripper(self, record: Record) -> Iterator[Violation]:
        gripper = self._robot.gripper
        if gripper is None:
            return
        low, high = sorted((gripper.open, gripper.closed))
        wrong = [value for value in record.gripper if not low - 1e-9 <= value <= high + 1e-9]
        if wrong:
            yield Violation('gripper', 0, f'sent to {wrong[0]}, outside [{low:g}, {high:g}]')

    def _tail(self, message: Sent, record: Record) -> Iterator[Violation]:
        """What the arm would do if nothing came after this message."""
        path = whole(message)
        now = int(np.searchsorted(path.times_ns, message.sent_ns))
        if now >= len(path.q) - 1:
            return
        part = slice(now, None)
        rest = Path(path.times_ns[part], path.q[part], path.v[part], path.a[part], path.cycle)
        opening = np.full(len(rest.q), _opening_at(record, message.sent_ns))
        scene = record.scenes[message.scene]
        if any(thing.excused for thing in scene.things):
            return
        for violation in self._met(rest, opening, scene, record):
            yield Violation('tail ' + violation.check, violation.time_ns, violation.text)


def _opening_at(record: Record, time_ns: int) -> float:
    first = record.cycles[0].time_ns
    period = record.cycles[1].time_ns - first
    index = min(max((time_ns - first) // period, 0), len(record.cycles) - 1)
    return record.cycles[int(index)].opening
