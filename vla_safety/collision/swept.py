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
from vla_safety.motion import NS, Array, Motion
from vla_safety.reasons import Finding, Reason

RESOLUTION_M = 0.002
"""A motion that keeps this more than the margin is free; one that keeps less may be refused [m]."""
ESCAPE_TOLERANCE_M = 1e-4
"""How much nearer a motion that starts too near may come, for rounding [m]."""
MOST_QUERIES = 20_000
"""Postures looked at before a motion counts as too long to check."""


@dataclass(frozen=True)
class OtherMotion:
    """What another arm does meanwhile.

    Attributes:
        motion: Of its joints, on the same clock; at rest before and after.
        opening: Least and greatest opening of its gripper.
    """

    motion: Motion
    opening: tuple[float, float] = (0.0, 1.0)


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
        joined = self._joined(motion)
        if isinstance(joined, Finding):
            return joined
        whole, openings = joined
        if not np.isfinite(whole.q).all():
            return Finding(Reason.COLLISION, 'the motion has positions that are not finite')
        near = self._near(whole.q[0], openings)
        return self._escape(whole, openings, near) if near else self._first(whole, openings)

    def _joined(self, motion: Motion) -> tuple[Motion, Array] | Finding:
        """One motion of all numbers of the posture, and how far openings are from its own."""
        layout = self._checker.layout
        missing = [arm.name for arm in layout.others if arm.name not in self.others]
        if missing:
            return Finding(Reason.COLLISION, f'what arm {missing[0]} does is not known')
        parts = [OtherMotion(motion, self.opening)]
        parts += [self.others[arm.name] for arm in layout.others]
        times_ns = motion.times_ns
        for part in parts[1:]:
            within = (part.motion.times_ns > motion.start_ns) & (
                part.motion.times_ns < motion.end_ns
            )
            times_ns = np.union1d(times_ns, part.motion.times_ns[within])
        shape = (len(times_ns), len(layout.names))
        q, v, a = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        openings = np.zeros(shape[1])
        for arm, part in zip(layout.arms, parts, strict=True):
            sampled = (
                (motion.q, motion.v, motion.a)
                if len(times_ns) == len(motion.times_ns) and part is parts[0]
                else part.motion.sample(times_ns)
            )
            q[:, arm.joints], v[:, arm.joints], a[:, arm.joints] = sampled
            if arm.opening is not None:
                low, high = part.opening
                q[:, arm.opening] = (low + high) / 2
                openings[arm.opening] = (high - low) / 2
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
        try:
            contacts = self._checker.contacts(
                interval.middle, self._margin.plus(2 * self._resolution_m)
            )
        except VlaError as error:
            return Finding(Reason.COLLISION, f'after {at_s:.3f} s: {error}', safe_ns)
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
        previous_ns = motion.start_ns
        for time_ns in self._steps(motion):
            posture = motion.at(time_ns).q
            if time_ns > motion.start_ns and not self._near(posture, openings):
                finding = self._first(motion.until(time_ns), openings, near)
                return finding or self._first(motion.since(time_ns), openings)
            for pair, enough in near.items():
                distance = min(
                    self._checker.distance(opened, pair) for opened in _openings(posture, openings)
                )
                if distance < min(farthest[pair] - ESCAPE_TOLERANCE_M, enough):
                    return self._nearing(pair, distance, farthest[pair], previous_ns)
                farthest[pair] = max(distance, farthest[pair])
            previous_ns = time_ns
        return self._first(motion, openings, near)

    def _steps(self, motion: Motion) -> list[int]:
        """Times so close that nothing travels farther than half the resolution between them."""
        if len(motion.times_ns) < 2:
            return [motion.start_ns]
        travel = np.abs(np.diff(motion.bezier, axis=1)).sum(axis=1) @ self._checker.radii
        counts = np.ceil(2 * travel / self._resolution_m).clip(1, MOST_QUERIES).astype(int)
        parts = [
            np.linspace(start, end, count, endpoint=False)
            for start, end, count in zip(
                motion.times_ns[:-1] - motion.start_ns,
                motion.times_ns[1:] - motion.start_ns,
                counts,
                strict=True,
            )
        ]
        offsets = np.concatenate([*parts, [motion.end_ns - motion.start_ns]])
        return [motion.start_ns + int(offset) for offset in offsets]

    def _nearing(self, pair: Pair, distance: float, farthest: float, safe_ns: int) -> Finding:
        names = ' and '.join(sorted(pair))
        text = (
            f'{names} are too near each other and would come from {farthest * 1000:.1f} mm to '
            f'{distance * 1000:.1f} mm; only away is allowed'
        )
        return Finding(Reason.COLLISION, text, safe_ns)


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
