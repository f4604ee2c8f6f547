# SPDX-License-Identifier: Apache-2.0
"""What an observer must have seen of the arm. Knows neither ROS nor processes.

Times are seconds of the clock that joint states are stamped by; the observer's own clock is only
used for what it did itself, on the same machine.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.kill.strikes import REST_WITHIN_S, Strike
from vla_safety.limits import Limits
from vla_safety.measured import STANDSTILL
from vla_safety.mode import Mode
from vla_safety.motion import Array

RESTING_S = 0.15
"""No joint moves for this long: the arm is at rest, and not just turning round."""
SPEED_SLACK = 1.05
"""Measured speeds ripple about the commanded ones."""
STEP_SLACK = 1e-3
"""Between two joint states, beyond what the speed limits allow [rad]."""
AFTERMATH_S = 0.5
"""What the safety node may still say after the guard has spoken, or after it was woken."""
GAP_S = 0.05
"""Joint states further apart than this: the simulator itself stood still, and the arm with it."""
RECOVERY_S = 0.5
"""After that the simulated controllers are where their trajectories are by then, by a jump."""


@dataclass(frozen=True)
class Track:
    """Joint states in the order of their stamps.

    Attributes:
        times_s: Stamps.
        positions: Row by row [rad].
        velocities: Row by row [rad/s].
    """

    times_s: Array
    positions: Array
    velocities: Array

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Of each joint state: some joint moves."""
        moving: NDArray[np.bool_] = np.abs(self.velocities).max(axis=1, initial=0.0) > STANDSTILL
        return moving

    @property
    def starved(self) -> bool:
        """There is a gap in it."""
        return bool((np.diff(self.times_s) > GAP_S).any())

    def lost_s(self, begin_s: float, end_s: float) -> float:
        """Time in which the simulator stood still, within these times."""
        gaps = np.diff(self.times_s)
        begins, ends = self.times_s[:-1][gaps > GAP_S], self.times_s[1:][gaps > GAP_S]
        overlap = np.minimum(ends, end_s) - np.maximum(begins, begin_s)
        return float(np.maximum(overlap, 0.0).sum())

    def undisturbed(self) -> list['Track']:
        """What is left of it without gaps and what follows on each."""
        ends = np.flatnonzero(np.diff(self.times_s) > GAP_S) + 1
        pieces, begin_s = [], -np.inf
        for first, last in itertools.pairwise((0, *ends.tolist(), len(self.times_s))):
            times = self.times_s[first:last]
            kept = slice(first + int(np.searchsorted(times, begin_s)), last)
            pieces.append(Track(self.times_s[kept], self.positions[kept], self.velocities[kept]))
            begin_s = self.times_s[min(last, len(self.times_s) - 1)] + RECOVERY_S
        return pieces


@dataclass(frozen=True)
class Report:
    """What the safety node said of its mode, and when."""

    time_s: float
    mode: Mode


@dataclass(frozen=True)
class Scene:
    """All that was seen of one event, from arming to the next arming.

    Attributes:
        strikes: What was done.
        struck_s: When.
        armed_s: When the arm was last allowed to move.
        track: The arm.
        reports: Of the safety node.
        guard_s: When the guard said that it had stopped the arm.
        collisions: Descriptions of those that began meanwhile.
        endings: Nodes that ended otherwise than they should have, in words.
    """

    strikes: tuple[Strike, ...]
    struck_s: float
    armed_s: float
    track: Track
    reports: Sequence[Report]
    guard_s: Sequence[float] = ()
    collisions: Sequence[str] = ()
    endings: Sequence[str] = ()


@dataclass(frozen=True)
class Violation:
    """Something that must never be seen.

    Attributes:
        kind: A word.
        text: What, with values.
    """

    kind: str
    text: str


def standstill_s(track: Track, struck_s: float) -> float | None:
    """Time from an event to the last sign of motion before a rest; None where none came."""
    after = track.times_s > struck_s
    times, moving = track.times_s[after], track.moving[after]
    last_s = struck_s
    for time_s, moves in zip(times, moving, strict=True):
        if moves:
            last_s = time_s
        elif time_s - last_s >= RESTING_S:
            return float(last_s - struck_s)
    return None


def judge(scene: Scene, limits: Limits) -> list[Violation]:
    """Everything that is wrong with what was seen."""
    pieces = scene.track.undisturbed()
    return [
        *(Violation('contact', text) for text in scene.collisions),
        *_no_rest(scene),
        *(found for piece in pieces for found in _outside_limits(piece, limits)),
        *(found for piece in pieces for found in _steps(piece, limits)),
        *_unasked_motion(scene),
        *_armed_by_itself(scene),
        *_went_on_after_guard(scene),
        *(Violation('ending', text) for text in scene.endings),
    ]


def _no_rest(scene: Scene) -> Iterator[Violation]:
    if not any(strike.stops_the_arm for strike in scene.strikes):
        return
    rest_s = standstill_s(scene.track, scene.struck_s)
    if rest_s is None:
        yield Violation('no rest', 'the arm never came to rest')
    elif rest_s > REST_WITHIN_S + scene.track.lost_s(scene.struck_s, scene.struck_s + rest_s):
        yield Violation('no rest', f'at rest after {rest_s:.3f} s; at most {REST_WITHIN_S:g} s')


def _outside_limits(track: Track, limits: Limits) -> Iterator[Violation]:
    excess = limits.position_excess(track.positions)
    if excess.size and excess.max() > 0:
        row, joint = np.unravel_index(int(excess.argmax()), excess.shape)
        where = f'{limits.names[joint]} at {track.times_s[row]:.3f}'
        yield Violation('limits', f'{where}: {excess.max():.4f} rad out of range')
    ratio = np.abs(track.velocities) / limits.velocity
    if ratio.size and ratio.max() > SPEED_SLACK:
        row, joint = np.unravel_index(int(ratio.argmax()), ratio.shape)
        where = f'{limits.names[joint]} at {track.times_s[row]:.3f}'
        yield Violation('limits', f'{where}: {ratio.max():.3f} of its greatest speed')


def _steps(track: Track, limits: Limits) -> Iterator[Violation]:
    """Positions that no motion within the speed limits joins."""
    took_s = np.diff(track.times_s)
    if (took_s <= 0).any():
        yield Violation('step', 'joint states whose stamps do not increase')
    most = limits.velocity * np.maximum(took_s, 0.0)[:, None] * SPEED_SLACK + STEP_SLACK
    beyond = np.abs(np.diff(track.positions, axis=0)) - most
    if beyond.size and beyond.max() > 0:
        row, joint = np.unravel_index(int(beyond.argmax()), beyond.shape)
        step = abs(track.positions[row + 1, joint] - track.positions[row, joint])
        where = f'{limits.names[joint]} at {track.times_s[row + 1]:.3f}'
        yield Violation('step', f'{where}: {step:.4f} rad within {took_s[row]:.4f} s')


def _unasked_motion(scene: Scene) -> Iterator[Violation]:
    """Motion while the safety node has said for longer than a stop takes that there is none."""
    times = scene.track.times_s[scene.track.moving]
    said = np.array([report.time_s for report in scene.reports if report.mode.moving])
    newest = np.searchsorted(said, times, side='right') - 1
    asked = np.where(newest >= 0, said[newest] if len(said) else -np.inf, -np.inf)
    late = times - asked > REST_WITHIN_S
    lost = [
        scene.track.lost_s(t, time_s) for t, time_s in zip(asked[late], times[late], strict=True)
    ]
    alone = times[late][times[late] - asked[late] - lost > REST_WITHIN_S]
    if len(alone):
        text = f'moved at {alone[0]:.3f} and {len(alone) - 1} more, and no chunk was in execution'
        yield Violation('unasked', text)


def _armed_by_itself(scene: Scene) -> Iterator[Violation]:
    """Only a person leads out of a latched stop, or arms a node that has just started."""
    reports = [report for report in scene.reports if report.time_s > scene.armed_s]
    for before, after in itertools.pairwise(reports):
        if after.mode.takes_chunks and not before.mode.takes_chunks:
            text = f'from {before.mode.name} to {after.mode.name} at {after.time_s:.3f}'
            yield Violation('armed itself', text)


def _went_on_after_guard(scene: Scene) -> Iterator[Violation]:
    """The plan that the guard broke off is no longer what the controller holds."""
    if not scene.guard_s:
        return
    woken_s = scene.struck_s + max(strike.pause_s for strike in scene.strikes)
    until_s = max(scene.guard_s[-1], woken_s) + AFTERMATH_S
    later = [r for r in scene.reports if r.time_s > until_s and r.mode.moving]
    if later:
        text = f'{later[0].mode.name} at {later[0].time_s:.3f}; stopped at {scene.guard_s[-1]:.3f}'
        yield Violation('went on', text)
