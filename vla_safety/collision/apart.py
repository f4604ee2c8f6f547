# SPDX-License-Identifier: Apache-2.0
"""A motion against other arms, wherever they are on theirs.

Nothing is taken from when they are where. So it does not matter how long their news was under way,
how far clocks are apart, or whether an arm is late, slows down or stops half-way: as long as both
keep to their paths they do not meet. Plans end a fraction of a second ahead, so this costs little.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vla_contract.errors import VlaError
from vla_safety.collision.checker import CollisionChecker, Margin
from vla_safety.collision.interval import Interval
from vla_safety.collision.swept import OtherMotion, SweptCheck, credible
from vla_safety.motion import Array, Motion
from vla_safety.reasons import Finding, Reason

RESOLUTION_M = 0.005
"""Motions that keep this more than the margin are free; what keeps less may be refused [m]."""
MOST_QUERIES = 2_000
"""Pairs of stretches looked at before two motions count as too near each other to tell."""
_INSTANT_NS = 1_000_000

Stretches = tuple[Interval, ...]
"""A part of the motion of each arm, in the order of the posture."""


class ApartCheck:
    """Whether arms keep their distance.

    Attributes:
        queries: Postures looked at for the last motion.
    """

    def __init__(self, checker: CollisionChecker, resolution_m: float = RESOLUTION_M) -> None:
        """Check with this checker, which compares arms with each other and nothing else."""
        self.queries = 0
        self._checker = checker
        self._resolution_m = resolution_m

    def find(
        self, mine: OtherMotion, others: Mapping[str, OtherMotion], kept_m: float
    ) -> Finding | None:
        """The first place on a motion from which another arm is too near on its own.

        Args:
            mine: Our motion.
            others: Of every other arm.
            kept_m: Least distance, beside what early stops leave their paths by.
        """
        self.queries = 0
        margin = Margin(kept_m + mine.aside_m + sum(other.aside_m for other in others.values()))
        missing = [arm.name for arm in self._checker.layout.others if arm.name not in others]
        if missing:
            return Finding(Reason.COLLISION, f'what arm {missing[0]} does is not known')
        try:
            if all(_still(other.motion) for other in others.values()):
                return self._find_beside(mine, others, margin)
            return self._find(mine, others, margin)
        except VlaError as error:
            return Finding(Reason.COLLISION, str(error))

    def _find_beside(
        self, mine: OtherMotion, others: Mapping[str, OtherMotion], margin: Margin
    ) -> Finding | None:
        """Arms at rest are like things: from what is too near, the way leads away only."""
        swept = SweptCheck(self._checker, margin, self._resolution_m)
        swept.opening = mine.opening
        swept.others = {
            name: replace(other, motion=_at_end(other)) for name, other in others.items()
        }
        finding = swept.find(mine.motion)
        self.queries = swept.queries
        return finding

    def _find(
        self, mine: OtherMotion, others: Mapping[str, OtherMotion], margin: Margin
    ) -> Finding | None:
        parts = [mine, *(others[arm.name] for arm in self._checker.layout.others)]
        if not all(credible(part.motion) for part in parts):
            return Finding(Reason.COLLISION, 'a motion is not finite, or goes absurdly far')
        arms = self._checker.layout.arms
        gripping = [arm.opening is not None for arm in arms]
        found = self._first(tuple(map(_stretch, parts, gripping)), margin)
        return None if found is None else self._hit(mine.motion, found, margin)

    def _first(self, whole: Stretches, margin: Margin) -> Stretches | None:
        """Halve whatever travels farthest until free, the earliest first."""
        ends = np.cumsum([len(part.half) for part in whole])[:-1]
        radii = np.split(self._checker.radii, ends)
        found: Stretches | None = None
        waiting, likely = [whole], np.inf
        while waiting:
            parts = waiting.pop()
            if found is not None and parts[0].start_ns >= found[0].start_ns:
                continue
            travels = [float(r @ part.half) for r, part in zip(radii, parts, strict=True)]
            travel = sum(travels)
            last = not travel > self._resolution_m or self.queries > MOST_QUERIES
            if last or travel <= 2 * likely:
                self.queries += 1
                if self._is_free(parts, margin):
                    likely = max(likely, travel)
                    continue
                likely = travel / 2
            if last:
                found = parts
                continue
            k = int(np.argmax(travels))
            waiting.extend(
                (*parts[:k], half, *parts[k + 1 :]) for half in parts[k].halves(radii[k])
            )
        return found

    def _is_free(self, parts: Stretches, margin: Margin) -> bool:
        middle = np.concatenate([part.middle for part in parts])
        half = np.concatenate([part.half for part in parts])
        return self._checker.is_free(middle, margin, half)

    def _hit(self, motion: Motion, found: Stretches, margin: Margin) -> Finding:
        safe_ns = motion.start_ns + int(found[0].start_ns)
        middle = np.concatenate([part.middle for part in found])
        near = next(iter(self._checker.contacts(middle, margin.plus(4 * self._resolution_m))), None)
        if near is None or self.queries > MOST_QUERIES:
            text = f'{self.queries} pairs of postures did not show the arms to stay apart'
            return Finding(Reason.COLLISION, text, safe_ns)
        text = (
            f'{near.first} would be {near.distance_m * 1000:.1f} mm from where {near.second} may '
            f'be; {margin.scene_m * 1000:.1f} mm are kept'
        )
        return Finding(Reason.COLLISION, text, safe_ns)


def _still(motion: Motion) -> bool:
    return bool((motion.q == motion.q[0]).all() and not motion.v.any() and not motion.a.any())


def _at_end(other: OtherMotion) -> Motion:
    return Motion.still(other.motion.end_ns, other.motion.q[-1])


def _stretch(part: OtherMotion, gripping: bool) -> Interval:
    """An arm's whole motion, its gripper anywhere between two openings."""
    motion = part.motion
    if len(motion.times_ns) == 1:
        motion = motion.then(_instant(motion))
    if not gripping:
        return Interval.of(motion, np.zeros(motion.q.shape[1]))
    low, high = part.opening
    joints = motion.q.shape[1]
    column = np.zeros((len(motion.times_ns), 1))
    q = np.hstack([motion.q, column + (low + high) / 2])
    rates = (np.hstack([rate, column]) for rate in (motion.v, motion.a))
    spread: Array = np.append(np.zeros(joints), (high - low) / 2)
    return Interval.of(Motion(motion.times_ns, q, *rates), spread)


def _instant(motion: Motion) -> Motion:
    """The same posture for a millisecond: an interval has a beginning and an end."""
    times_ns = motion.end_ns + np.array([0, _INSTANT_NS], dtype=np.int64)
    rest = np.zeros((2, motion.q.shape[1]))
    return Motion(times_ns, np.repeat(motion.q[-1:], 2, axis=0), rest, rest)
