# SPDX-License-Identifier: Apache-2.0
"""Whether anything comes too near along a sampled motion: no pair is trusted beyond its distance.

A pair that is d apart cannot meet before the joints have travelled d, so it is looked at again
only then. That holds between samples as well as at them.
"""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.fuzz.bodies import FARTHEST_M, Bodies, Pair
from benchmarks.fuzz.record import Array

ROUNDING_M = 3e-4
"""What two collision libraries may differ by [m]."""
_LEAST_M = 2e-4


@dataclass(frozen=True)
class Approach:
    """Two things that came too near.

    Attributes:
        sample: Index of the sample.
        pair: Which.
        distance_m: How near; negative is overlap.
        floor_m: How near they might have come.
    """

    sample: int
    pair: Pair
    distance_m: float
    floor_m: float


def approaches(
    bodies: Bodies,
    q: Array,
    opening: Array,
    kept_m: float,
    skipped: Collection[str] = (),
) -> Iterator[Approach]:
    """The first time that each pair comes too near, and the first time that it touches.

    Args:
        bodies: With the scene in place.
        q: Samples by joints.
        opening: Of the gripper, by sample.
        kept_m: Distance kept from the scene; what begins nearer may only go away.
        skipped: Things that do not count.
    """
    joints = np.column_stack([q, opening])
    steps = np.abs(np.diff(joints, axis=0, prepend=joints[:1]))
    pairs = [pair for pair in bodies.pairs if not skipped or not _named(pair, skipped)]
    travelled = np.cumsum(steps @ np.array([pair.travel for pair in pairs]).T, axis=0)
    floors: dict[int, float] = {}
    due = [(0, k) for k in range(len(pairs))]
    at = -1
    while due:
        sample, k = heapq.heappop(due)
        if sample != at:
            bodies.put(q[sample], opening[sample])
            at = sample
        distance = bodies.distance(pairs[k])
        if k not in floors:
            floors[k] = _floor(pairs[k], distance, kept_m)
        if distance < floors[k]:
            yield Approach(sample, pairs[k], distance, floors[k])
            if distance < 0:
                continue
            floors[k] = -ROUNDING_M  # too near already: from now on, contact alone is news
        spare = max(distance - floors[k], _LEAST_M)
        after = int(np.searchsorted(travelled[:, k], travelled[sample, k] + spare, side='right'))
        if after < len(q):
            heapq.heappush(due, (max(after, sample + 1), k))


def _floor(pair: Pair, distance: float, kept_m: float) -> float:
    """The least distance allowed to a pair that begins at a distance."""
    kept = 0.0 if pair.own else kept_m
    if distance >= FARTHEST_M:
        return kept - ROUNDING_M
    return min(kept, distance) - ROUNDING_M


def _named(pair: Pair, names: Collection[str]) -> bool:
    return not set(names).isdisjoint(pair.names)
