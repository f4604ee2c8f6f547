# SPDX-License-Identifier: Apache-2.0
"""How far joints may be from a trajectory and from its end, by default and for one goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

ERASED = -1.0
"""In a goal: no tolerance, whatever the default."""


@dataclass(frozen=True)
class Tolerances:
    """Bounds on position errors; 0 everywhere means: none.

    Attributes:
        path: By joint, while moving [rad or m].
        goal: By joint, at the end [rad or m].
        goal_time_s: Time after the end to get within ``goal``; 0 for ever [s].
    """

    path: tuple[float, ...]
    goal: tuple[float, ...]
    goal_time_s: float = 0.0

    @classmethod
    def none(cls, joints: int) -> 'Tolerances':
        """No bounds, which is the controller's default."""
        return cls((0.0,) * joints, (0.0,) * joints)

    def for_goal(
        self,
        joints: Sequence[str],
        path: Mapping[str, float],
        goal: Mapping[str, float],
        goal_time_s: float,
    ) -> 'Tolerances':
        """The defaults, with what a goal asks for; a goal that asks for nonsense gets defaults.

        Args:
            joints: Names, in the order of the defaults.
            path: By joint name: a bound, 0 for the default, or ERASED.
            goal: The same.
            goal_time_s: The same.
        """
        asked = (*path.values(), *goal.values(), goal_time_s)
        names_known = all(name in joints for name in chain(path, goal))
        if not names_known or any(value < 0.0 and value != ERASED for value in asked):
            return self
        return Tolerances(
            tuple(_pick(d, path.get(j, 0.0)) for j, d in zip(joints, self.path, strict=True)),
            tuple(_pick(d, goal.get(j, 0.0)) for j, d in zip(joints, self.goal, strict=True)),
            _pick(self.goal_time_s, goal_time_s),
        )


def exceeded(bounds: Sequence[float], errors: Sequence[float]) -> int | None:
    """Index of the first joint beyond its bound; None where all are within. NaN is within."""
    for index, (bound, error) in enumerate(zip(bounds, errors, strict=True)):
        if bound > 0.0 and abs(error) > bound:
            return index
    return None


def _pick(default: float, asked: float) -> float:
    if asked == ERASED:
        return 0.0
    return asked if asked > 0.0 else default
