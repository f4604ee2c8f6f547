# SPDX-License-Identifier: Apache-2.0
"""Which shapes are compared, and how far two of them can approach while a posture travels."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from vla_safety.collision.bounds import Radii
from vla_safety.collision.checker import Margin, Pair
from vla_safety.collision.srdf import LinkPair
from vla_safety.motion import Array

ROUNDING_M = 1e-4
"""Added to every margin: at a margin of 0, coal took shapes 1 mm deep in each other for apart."""


class Pairs:
    """All pairs of shapes that can meet and may not.

    Shapes that move come first, then those of the scene. Joints that move both shapes of a pair
    do not change the distance between them, so they do not count in its bound.

    Attributes:
        wanted: Shapes by shapes, true above the diagonal where they are compared.
        first: Index of the first shape of each pair.
        second: Index of the second, which is greater.
        own: Whether a pair is of two parts of one arm, what it carries included.
        reach: Farthest that each number of a posture moves each moving shape [m/unit].
    """

    def __init__(
        self,
        names: Sequence[str],
        arm_of: Sequence[int],
        touching: Sequence[frozenset[str]],
        radii: Radii,
        absolute: Array,
        allowed: frozenset[LinkPair],
        among_arms: bool = False,
    ) -> None:
        """Decide what is compared.

        Args:
            names: Link or object of each shape.
            arm_of: Arm of each moving shape; 0 is checked.
            touching: What each shape may touch.
            radii: How joints move the moving shapes.
            absolute: Greatest change of each joint by each number of a posture.
            allowed: Pairs of links that may touch.
            among_arms: Only arms with each other.
        """
        self._names = tuple(names)
        moving = self._moving = len(radii.radius)
        self.reach = radii.radius @ absolute
        self.wanted = np.zeros((len(names), len(names)), dtype=bool)
        relative = np.zeros((moving, moving, absolute.shape[1]))
        for i in range(moving):
            for j in range(i + 1, moving):
                if (arm_of[i] and arm_of[j]) or (among_arms and arm_of[i] == arm_of[j]):
                    continue
                relative[i, j] = _approach(radii, i, j) @ absolute
                self.wanted[i, j] = relative[i, j].any() and not self._may(i, j, touching, allowed)
            if not arm_of[i] and self.reach[i].any():
                for j in range(moving, len(names)):
                    self.wanted[i, j] = not self._may(i, j, touching, allowed)
        self.first, self.second = np.nonzero(self.wanted)
        among = self.second < moving
        rows, columns = self.first[among], self.second[among]
        arms = np.array(arm_of)
        self.own = np.zeros(len(self.first), dtype=bool)
        self.own[among] = arms[rows] == arms[columns]
        self._own = self.own[among]
        self._approach = np.concatenate([self.reach, relative[rows, columns]])
        self._margins = np.zeros(self.wanted.shape)
        self._scene = self._margins[:moving, moving:]
        self._flat = self._margins.reshape(-1)
        self._places = rows * len(names) + columns

    def margins(self, margin: Margin, travel: Array | None) -> Array:
        """Distance at which each pair counts as touching, shapes by shapes; valid until next.

        Args:
            margin: Least distances.
            travel: What each number of the posture may change by besides.
        """
        if travel is None:
            self._scene.fill(margin.scene_m + ROUNDING_M)
            among = np.where(self._own, margin.own_m, margin.scene_m)
            self._flat[self._places] = among + ROUNDING_M
            return self._margins
        approach = self._approach @ travel
        approach += margin.scene_m + ROUNDING_M
        moving = self._moving
        self._scene[:] = approach[:moving, None]
        among = approach[moving:]
        if margin.own_m != margin.scene_m:
            among[self._own] += margin.own_m - margin.scene_m
        self._flat[self._places] = among
        return self._margins

    def of(self, pair: Pair) -> tuple[int, ...]:
        """Indices of the pairs of shapes between two things."""
        return self._by_name.get(pair, ())

    def name(self, k: int) -> Pair:
        """What a pair of shapes belongs to."""
        return frozenset(self.ends(k))

    def ends(self, k: int) -> tuple[str, str]:
        """What each shape of a pair belongs to."""
        return self._names[self.first[k]], self._names[self.second[k]]

    @cached_property
    def _by_name(self) -> dict[Pair, tuple[int, ...]]:
        found: dict[Pair, list[int]] = {}
        for k in range(len(self.first)):
            found.setdefault(self.name(k), []).append(k)
        return {pair: tuple(indices) for pair, indices in found.items()}

    def _may(
        self,
        i: int,
        j: int,
        touching: Sequence[frozenset[str]],
        allowed: frozenset[LinkPair],
    ) -> bool:
        a, b = self._names[i], self._names[j]
        return a in touching[j] or b in touching[i] or frozenset((a, b)) in allowed


def _approach(radii: Radii, i: int, j: int) -> Array:
    """How much nearer two shapes can come by a change of each joint by 1."""
    only_i = radii.moved[i] & ~radii.moved[j] & ~radii.around[j]
    only_j = radii.moved[j] & ~radii.moved[i] & ~radii.around[i]
    return np.asarray(np.where(only_i, radii.radius[i], 0) + np.where(only_j, radii.radius[j], 0))
