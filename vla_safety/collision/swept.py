# SPDX-License-Identifier: Apache-2.0
"""A whole motion against everything it could hit, continuously: nothing is stepped over.

The control points of the controller's own quintic bound each joint over an interval. If everything
is farther apart in the middle of that box of postures than the shapes can travel from there to
its faces, the interval is free; otherwise it is halved. An interval in which nothing travels
farther than the resolution, and that is still not free, is a collision.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from vla_contract.errors import VlaError
from vla_safety.collision.checker import CollisionChecker, Contact, Margin, Pair
from vla_safety.collision.interval import Interval
from vla_safety.motion import NS, Array, Motion, Times
from vla_safety.reasons import Finding, Reason

RESOLUTION_M = 0.002
"""A motion that keeps this more than the margin is free; one that keeps less may be refused [m]."""
ESCAPE_TOLERANCE_M = 1e-4
"""How much nearer a motion that starts too near may come on its way [m]."""
CREEP_M = 2e-6
"""How much nearer it may end, for rounding: motions that follow each other add it up [m]."""
FARTHEST = 50.0
"""Position that no arm is believed to reach [joint unit]."""
_REST = 1e-6
MOST_QUERIES = 20_000
"""Postures looked at before a motion counts as too long to check."""


@dataclass(frozen=True)
class OtherMotion:
    """What another arm does meanwhile.

    Attributes:
        motion: Of its joints, on the same clock; at rest before and after.
        opening: Least and greatest opening of its gripper.
        aside_m: How far any part of it leaves that path if it stops early, with what it carries.
    """

    motion: Motion
    opening: tuple[float, float] = (0.0, 1.0)
    aside_m: float = 0.0

    def covers(self, motion: Motion) -> bool:
        """Whether it is known for all the time of another; where it is shorter, it must rest."""
        ends = (
            (self.motion.start_ns <= motion.start_ns, 0),
            (self.motion.end_ns >= motion.end_ns, -1),
        )
        return all(
            beyond or max(np.abs(self.motion.v[at]).max(), np.abs(self.motion.a[at]).max()) < _REST
            for beyond, at in ends
        )


class SweptCheck:
    """A ``MotionCheck``: everything keeps its distance, between way-points too.

    A motion that starts nearer than the margin may go on as long as what is too near only gets
    farther away.

    Attributes:
        opening: Least and greatest opening of the gripper while the next motion lasts.
        others: What other arms do meanwhile, by name; an arm that is missing stops everything.
        queries: Postures looked at for the last motion.
    """

    def __init__(
        self, checker: CollisionChecker, margin: Margin, resolution_m: float = RESOLUTION_M
    ) -> None:
        """Check with this checker.

        Args:
            checker: Knows the arm and its scene.
            margin: Least distances: static, tracking error and latency together.
            resolution_m: See ``RESOLUTION_M``.
        """
        self.opening = (0.0, 1.0)
        self.others: Mapping[str, OtherMotion] = {}
        self.queries = 0
        self._checker = checker
        self._margin = margin
        self._resolution_m = resolution_m

    def find(self, motion: Motion) -> Finding | None:
        """The first collision of the motion, and until when it is free."""
        self.queries = 0
        try:
            return self._find(motion)
        except VlaError as error:
            return Finding(Reason.COLLISION, str(error))

    def _find(self, motion: Motion) -> Finding | None:
        joined = self._joined(motion)
        if isinstance(joined, Finding):
            return joined
        whole, openings = joined
        if not credible(whole):
            return Finding(Reason.COLLISION, 'the motion is not finite, or goes absurdly far')
        near = self._near(whole.q[0], openings)
        return self._escape(whole, openings, near) if near else self._first(whole, openings)

    def _joined(self, motion: Motion) -> tuple[Motion, Array] | Finding:
        """One motion of all numbers of the posture, and how far openings are from its own."""
        layout = self._checker.layout
        parts = [OtherMotion(motion, self.opening)]
        for arm in layout.others:
            other = self.others.get(arm.name)
            if other is None or not other.covers(motion):
                return Finding(Reason.COLLISION, f'what arm {arm.name} does meanwhile is not known')
            parts.append(other)
        inside = [
            part.motion.times_ns[
                (part.motion.times_ns > motion.start_ns) & (part.motion.times_ns < motion.end_ns)
            ]
            for part in parts[1:]
        ]
        times_ns = np.unique(np.concatenate([motion.times_ns, *inside]))
        q, v, a = (np.zeros((len(times_ns), len(layout.names))) for _ in range(3))
        openings = np.zeros(len(layout.names))
        for arm, part in zip(layout.arms, parts, strict=True):
            own = len(parts) == 1
            sampled = (motion.q, motion.v, motion.a) if own else part.motion.sample(times_ns)
            q[:, arm.joints], v[:, arm.joints], a[:, arm.joints] = sampled
            if arm.opening is not None:
                low, high = part.opening
                q[:, arm.opening], openings[arm.opening] = (low + high) / 2, (high - low) / 2
        return Motion(times_ns, q, v, a), openings

    def _first(
        self, motion: Motion, openings: Array, ignoring: Collection[Pair] = ()
    ) -> Finding | None:
        """Halve until free, the earliest first."""
        if len(motion.times_ns) < 2:
            return None
        radii, found = self._checker.radii, None
        waiting, likely = [Interval.of(motion, openings)], np.inf
        while waiting:
            interval = waiting.pop()
            if found is not None and interval.start_ns >= found.start_ns:
                continue
            travel = float(radii @ interval.half)
            last = not travel > self._resolution_m or self.queries > MOST_QUERIES
            if last or travel <= 2 * likely:
                self.queries += 1
                if self._checker.is_free(interval.middle, self._margin, interval.half, ignoring):
                    likely = max(likely, travel)
                    continue
                likely = travel / 2
            if last:
                found = interval
            else:
                waiting.extend(interval.halves(radii))
        return None if found is None else self._hit(motion, found)

    def _hit(self, motion: Motion, interval: Interval) -> Finding:
        safe_ns, at_s = motion.start_ns + int(interval.start_ns), interval.start_ns / NS
        if self.queries > MOST_QUERIES:
            text = f'{self.queries} postures did not show the motion to be free from {at_s:.3f} s'
            return Finding(Reason.COLLISION, text, safe_ns)
        contacts = self._checker.contacts(
            interval.middle, self._margin.plus(2 * self._resolution_m)
        )
        near = next(iter(contacts), None)
        text = 'it would touch' if near is None else _told(near, self._margin)
        return Finding(Reason.COLLISION, f'after {at_s:.3f} s, {text}', safe_ns)

    def _near(self, posture: Array, openings: Array) -> dict[Pair, float]:
        """What is so near at the start that only leaving it is free, and the distance to keep."""
        close = self._margin.plus(2 * self._resolution_m)
        if self._checker.is_free(posture, close, openings):
            return {}
        near: dict[Pair, float] = {}
        for opened in _openings(posture, openings):
            for contact in self._checker.contacts(opened, close):
                margin_m = self._margin.own_m if contact.own else self._margin.scene_m
                near[contact.pair] = margin_m + self._resolution_m / 2
        return near

    def _escape(
        self, motion: Motion, openings: Array, near: Mapping[Pair, float]
    ) -> Finding | None:
        """Follow what is too near at the start until it is far enough, and only then forget it."""
        farthest = dict.fromkeys(near, -np.inf)
        first, last = dict.fromkeys(near, np.inf), dict.fromkeys(near, np.inf)
        times_ns = self._steps(motion)
        if len(times_ns) > MOST_QUERIES:
            text = f'the way out of a collision is too long: {len(times_ns)} postures'
            return Finding(Reason.COLLISION, text, motion.start_ns)
        for index, posture in enumerate(motion.sample(times_ns)[0]):
            self.queries += 1
            opened = _openings(posture, openings)
            for pair, enough in near.items():
                distance = min(self._checker.distance(one, pair) for one in opened)
                if distance < min(farthest[pair] - ESCAPE_TOLERANCE_M, enough):
                    safe_ns = int(times_ns[max(index - 1, 0)])
                    return self._nearing(pair, distance, farthest[pair], safe_ns)
                farthest[pair] = max(distance, farthest[pair])
                first[pair], last[pair] = first[pair] if index else distance, distance
            far = all(farthest[pair] > enough + self._resolution_m for pair, enough in near.items())
            if far and not self._near(posture, openings):
                finding = self._first(motion.until(int(times_ns[index])), openings, near)
                return finding or self._first(motion.since(int(times_ns[index])), openings)
        for pair, enough in near.items():
            if last[pair] < min(first[pair] - CREEP_M, enough):
                return self._nearing(pair, last[pair], first[pair], motion.start_ns)
        return self._first(motion, openings, near)

    def _steps(self, motion: Motion) -> Times:
        """Times so close that nothing travels farther than half the resolution between them."""
        if len(motion.times_ns) < 2:
            return motion.times_ns
        travel = np.abs(np.diff(motion.bezier, axis=1)).sum(axis=1) @ self._checker.radii
        counts = np.ceil(2 * travel / self._resolution_m).clip(1, MOST_QUERIES + 1).astype(int)
        parts = [
            start + np.arange(count) * (end - start) // count
            for start, end, count in zip(
                motion.times_ns[:-1], motion.times_ns[1:], counts, strict=True
            )
        ]
        return np.concatenate([*parts, motion.times_ns[-1:]])

    def _nearing(self, pair: Pair, distance: float, farthest: float, safe_ns: int) -> Finding:
        names = ' and '.join(sorted(pair))
        text = (
            f'{names} are too near each other and would come from {farthest * 1000:.1f} mm to '
            f'{distance * 1000:.1f} mm; only away is allowed'
        )
        return Finding(Reason.COLLISION, text, safe_ns)


def credible(motion: Motion) -> bool:
    """Whether every position on it, between knots too, is one that an arm can have."""
    if not all(np.isfinite(part).all() for part in (motion.q, motion.v, motion.a)):
        return False
    points = motion.bezier if len(motion.times_ns) > 1 else motion.q
    return bool(np.abs(points).max() <= FARTHEST)


def _told(contact: Contact, margin: Margin) -> str:
    kept_m = margin.own_m if contact.own else margin.scene_m
    return (
        f'{contact.first} would be {contact.distance_m * 1000:.1f} mm from {contact.second}; '
        f'{kept_m * 1000:g} mm are kept'
    )


def _openings(posture: Array, openings: Array) -> list[Array]:
    """A posture with its grippers as they are, and more and less open."""
    if not openings.any():
        return [posture]
    return [posture + part * openings for part in (-1.0, -0.5, 0.0, 0.5, 1.0)]
