# SPDX-License-Identifier: Apache-2.0
"""What a safety node tells those of other arms, and what it chooses to tell of its own arm."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_safety.collision.objects import Pose
from vla_safety.collision.swept import OtherMotion
from vla_safety.motion import Array, Motion

_SAME = 1e-3
"""Positions that differ by less than this are one: encoders are never quite still [joint unit]."""


@dataclass(frozen=True)
class SharedPlan:
    """Everywhere an arm may still be, and whose turn it is to add to that.

    Attributes:
        session: Of the safety node.
        sequence: Strictly increasing.
        turns: With each session that it heard of.
        poses: Of the arm of each of them, in the frame of this arm's base.
        motion: The path, with what early stops leave it by.
    """

    session: int
    sequence: int
    turns: Mapping[int, int]
    poses: Mapping[int, Pose]
    motion: OtherMotion


class Path:
    """Where our own arm may still be: its plan as long as that lasts, then where it is measured."""

    def __init__(self, history_ns: int) -> None:
        """Nothing is known.

        Args:
            history_ns: How far the arm may be behind its plan.
        """
        self._history_ns = history_ns
        self._plan: Motion | None = None
        self._told: Motion | None = None

    def at(
        self, plan: Motion | None, lasts: bool, measured: Array | None, now_ns: int
    ) -> Motion | None:
        """The path from now on; None where nothing is known.

        Args:
            plan: In execution; None where it is no longer ours, and ended by somebody else.
            lasts: Whether the arm is held where its plan ends.
            measured: Joints; None where they are not known.
            now_ns: The present.
        """
        self._plan = plan or self._plan
        since_ns = now_ns - self._history_ns
        if self._plan is not None and (
            since_ns < self._plan.end_ns or (lasts and plan is not None)
        ):
            self._told = self._plan.since(self._plan.apart(since_ns))
        elif measured is None:
            return None
        elif self._told is None or np.abs(self._told.q[-1] - measured).max() > _SAME:
            self._told = Motion.still(now_ns, measured)
        elif len(self._told.times_ns) > 1:
            self._told = Motion.still(now_ns, self._told.q[-1])
        return self._told
