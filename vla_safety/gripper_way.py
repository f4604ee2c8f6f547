# SPDX-License-Identifier: Apache-2.0
"""The gripper beside the arm: it follows the rows as long as its fingers meet nothing."""

from dataclasses import dataclass

from vla_contract.robot import Gripper
from vla_safety.avoidance import Avoidance
from vla_safety.gripper import GripperFilter
from vla_safety.motion import Array, Motion
from vla_safety.reasons import Finding


@dataclass(frozen=True)
class Blocked:
    """An opening that was asked for and is not commanded.

    Attributes:
        opening: From 0 to 1.
        finding: What the fingers, or what moves on meanwhile, would hit.
    """

    opening: float
    finding: Finding


class GripperWay:
    """What the rows ask of the gripper, and what may be sent of that."""

    def __init__(self, gripper: Gripper, avoidance: Avoidance | None) -> None:
        """Nothing is asked for yet.

        Args:
            gripper: Of the robot file.
            avoidance: Is told how far the gripper may be open; None where nothing is avoided.
        """
        self._filter = GripperFilter(gripper)
        self._avoidance = avoidance
        self._rows: Array | None = None

    def forget(self) -> None:
        """Send the next command whatever it is, as after arming."""
        self._filter.forget()

    def follow(self, opening: Array | None) -> None:
        """The openings that the rows of a chunk ask for; None where it asks for none."""
        self._rows = opening

    def feel(self, measured: float) -> None:
        """How far it is open, from 0 to 1; NaN where that is not known."""
        if self._avoidance is not None:
            self._avoidance.opening = self._filter.between(measured)

    def command(self, row: int, executing: Motion, now_ns: int) -> float | Blocked | None:
        """Joint position to send at a row, if any; or why it is not sent.

        Args:
            row: Of the chunk in execution.
            executing: What the arm does meanwhile.
            now_ns: The present.
        """
        if self._rows is None:
            return None
        asked = float(self._rows[min(row, len(self._rows) - 1)])
        opening = self._filter.wanted(asked, now_ns)
        if opening is None:
            return None
        if self._avoidance is not None:
            ahead = executing.since(executing.apart(now_ns))
            hit = self._avoidance.find_for_gripper(ahead, opening)
            if hit is not None:
                return Blocked(opening, hit)
        return self._filter.command(opening, now_ns)
