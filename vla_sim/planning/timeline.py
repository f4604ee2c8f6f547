# SPDX-License-Identifier: Apache-2.0
"""A plan in time: pieces of motion and gripping, one after the other. Knows no task."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_sim.planning.joint_motion import JointMotion, JointState

_SEARCH_STEP_S = 0.01
_NEAR_RAD = 0.02
"""Joints this near the plan follow it, whatever their lag [rad]."""
_LAG_S = 0.12
"""Joints may follow the plan so late without falling behind."""
_ALIKE_RAD = 0.002
"""Where the plan stands, many times fit alike, and the middle one is taken [rad]."""
_OFF_RAD = 0.08
"""Joints this far from every part of the plan do not follow it [rad]."""

BRAKE_S = 0.5
"""A plan that is given up comes to rest within this time."""


class Phase(StrEnum):
    """What a piece of a plan is for."""

    APPROACH = 'approach'
    GRASP = 'grasp'
    CARRY = 'carry'
    RELEASE = 'release'
    PUSH = 'push'
    RETREAT = 'retreat'
    CHANGE = 'change'


@dataclass(frozen=True)
class Ramp:
    """The gripper's opening, 0 closed to 1 open, on its way from one to another.

    Attributes:
        start: Where it begins.
        end: Where it stays.
        rate: How fast it changes [1/s].
    """

    start: float
    end: float
    rate: float

    def at(self, time_s: float) -> float:
        """Opening at a time since the start."""
        reach = self.rate * max(time_s, 0.0)
        return self.start + math.copysign(
            min(abs(self.end - self.start), reach), self.end - self.start
        )


class Piece(Protocol):
    """A part of a plan."""

    @property
    def phase(self) -> Phase:
        """What it is for."""

    @property
    def duration_s(self) -> float:
        """How long it takes."""

    def at(self, time_s: float) -> JointState:
        """Joints at a time since its start."""

    def opening(self, time_s: float) -> float:
        """Gripper at a time since its start."""


@dataclass(frozen=True)
class Move:
    """The arm moves, and the gripper may move with it."""

    phase: Phase
    motion: JointMotion
    ramp: Ramp

    @property
    def duration_s(self) -> float:
        """How long it takes."""
        return self.motion.duration_s

    def at(self, time_s: float) -> JointState:
        """Joints at a time since its start."""
        return self.motion.at(time_s)

    def opening(self, time_s: float) -> float:
        """Gripper at a time since its start."""
        return self.ramp.at(time_s)


@dataclass(frozen=True)
class Grip:
    """The arm stands, the gripper moves after the arm has settled."""

    phase: Phase
    positions: NDArray[np.float64]
    ramp: Ramp
    settle_s: float
    duration_s: float

    def at(self, _time_s: float) -> JointState:
        """Joints at a time since its start."""
        return JointState.at_rest(self.positions)

    def opening(self, time_s: float) -> float:
        """Gripper at a time since its start."""
        return self.ramp.at(time_s - self.settle_s)


@dataclass(frozen=True)
class Excerpt:
    """The part of an earlier plan that runs while a new one is on its way."""

    source: 'Timeline'
    start_s: float
    duration_s: float
    phase: Phase = Phase.CHANGE

    def at(self, time_s: float) -> JointState:
        """Joints at a time since its start."""
        return self.source.at(self.start_s + time_s)

    def opening(self, time_s: float) -> float:
        """Gripper at a time since its start."""
        return self.source.opening(self.start_s + time_s)


@dataclass(frozen=True)
class Brake:
    """An earlier plan comes to rest on its own way, its time running slower and slower."""

    source: 'Timeline'
    start_s: float
    duration_s: float = BRAKE_S
    phase: Phase = Phase.CHANGE

    def at(self, time_s: float) -> JointState:
        """Joints at a time since its start."""
        share = min(max(time_s / self.duration_s, 0.0), 1.0)
        way = share - share**3 + share**4 / 2
        rate = 1.0 - 3.0 * share**2 + 2.0 * share**3
        change = (-6.0 * share + 6.0 * share**2) / self.duration_s
        state = self.source.at(self.start_s + way * self.duration_s)
        velocities = state.velocities * rate
        accelerations = state.accelerations * rate**2 + state.velocities * change
        return JointState(state.positions, velocities, accelerations)

    def opening(self, time_s: float) -> float:
        """Gripper: stays as it is."""
        del time_s
        return self.source.opening(self.start_s)


class Timeline:
    """Pieces in a row; the last one's end lasts for ever."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Put the pieces in a row."""
        self.pieces = tuple(pieces)
        self._starts = np.concatenate([[0.0], np.cumsum([p.duration_s for p in pieces])])

    @property
    def duration_s(self) -> float:
        """Until the last piece ends."""
        return float(self._starts[-1])

    def at(self, time_s: float) -> JointState:
        """Joints at a time since the start."""
        piece, local = self._piece(time_s)
        return piece.at(local)

    def opening(self, time_s: float) -> float:
        """Gripper at a time since the start."""
        piece, local = self._piece(time_s)
        return piece.opening(local)

    def phase(self, time_s: float) -> tuple[Phase, float]:
        """What happens at a time since the start, and for how long it already has [s]."""
        piece, local = self._piece(time_s)
        return piece.phase, local

    def locate(
        self, positions: NDArray[np.float64], earliest_s: float, expected_s: float
    ) -> float | None:
        """The time that joints have reached, between what they had and what they should have.

        Returns:
            The expected time if the joints merely lag, an earlier one if they were held up,
            None if they are not on this timeline.
        """
        expected = self.at(expected_s)
        lag = _NEAR_RAD + _LAG_S * np.abs(expected.velocities)
        recently = np.abs(self.at(expected_s - _LAG_S).positions - expected.positions)
        if (np.abs(positions - expected.positions) <= np.maximum(lag, recently + _NEAR_RAD)).all():
            return expected_s
        count = max(2, math.ceil((expected_s - earliest_s) / _SEARCH_STEP_S))
        times = np.linspace(earliest_s, expected_s, count)
        gaps = np.array([np.abs(self.at(t).positions - positions).max() for t in times])
        alike = np.flatnonzero(gaps <= gaps.min() + _ALIKE_RAD)
        return float(times[alike[len(alike) // 2]]) if gaps.min() <= _OFF_RAD else None

    def _piece(self, time_s: float) -> tuple[Piece, float]:
        index = int(np.searchsorted(self._starts, time_s, side='right')) - 1
        index = min(max(index, 0), len(self.pieces) - 1)
        return self.pieces[index], time_s - float(self._starts[index])
