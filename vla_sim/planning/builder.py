# SPDX-License-Identifier: Apache-2.0
"""Puts the pieces of a plan in a row, each from where the last one ends."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vla_sim.inverse_kinematics import InverseKinematics, ToolPose
from vla_sim.planning.joint_motion import Gentleness, JointMotion
from vla_sim.planning.timeline import Grip, Move, Phase, Piece, Ramp

SETTLE_S = 0.12
"""The arm stands so long before the gripper moves."""


class PlanBuilder:
    """Knows where arm and gripper are after the pieces so far.

    Attributes:
        pieces: So far.
        tool: Where the last one ends.
    """

    def __init__(
        self,
        kinematics: InverseKinematics,
        gentleness: Gentleness,
        rate: float,
        joints: NDArray[np.float64],
        opening: float,
    ) -> None:
        """Start at rest.

        Args:
            kinematics: Of the arm.
            gentleness: What motions keep to.
            rate: How fast the gripper's opening changes [1/s].
            joints: Where the arm stands [rad].
            opening: Of the gripper, 0 closed to 1 open.
        """
        self.pieces: list[Piece] = []
        self.tool = kinematics.forward(joints)
        self._kinematics, self._gentleness, self._rate = kinematics, gentleness, rate
        self._joints, self._opening = joints, opening

    def move(
        self,
        phase: Phase,
        poses: Sequence[ToolPose],
        opening: float | None = None,
        gentleness: Gentleness | None = None,
    ) -> None:
        """Follow poses, the gripper changing to an opening on the way.

        Raises:
            VlaError: A pose is out of reach.
        """
        way_points = [self._joints]
        for pose in poses[1:]:
            way_points.append(self._kinematics.solve(pose, way_points[-1]))
        motion = JointMotion(
            way_points,
            gentleness or self._gentleness,
            lambda joints: self._kinematics.forward(joints).position,
        )
        end = self._opening if opening is None else opening
        self.pieces.append(Move(phase, motion, Ramp(self._opening, end, self._rate)))
        self._joints, self._opening, self.tool = way_points[-1], end, poses[-1]

    def grip(self, phase: Phase, opening: float, duration_s: float) -> None:
        """Stand, let the arm settle, and give the gripper time to reach an opening."""
        ramp = Ramp(self._opening, opening, self._rate)
        self.pieces.append(Grip(phase, self._joints, ramp, SETTLE_S, SETTLE_S + duration_s))
        self._opening = opening
