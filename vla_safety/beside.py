# SPDX-License-Identifier: Apache-2.0
"""Another arm by its files, and all that was heard of it: enough to judge beside it, or again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vla_contract.other_arm import Neighbour, OtherArm
from vla_contract.robot import Robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import Pose
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits
from vla_safety.neighbours import Neighbours


@dataclass(frozen=True)
class Beside:
    """Another arm, all of its files found.

    Attributes:
        said: What our robot file says of it.
        robot: What its own says.
        robot_path: Its own.
        urdf: Its description.
    """

    said: OtherArm
    robot: Robot
    robot_path: Path
    urdf: Path

    @property
    def pose(self) -> Pose:
        """Of its base frame in ours."""
        return Pose(self.said.position, self.said.orientation)


def neighbours_of(own: Arm, others: Sequence[Beside], session: int) -> Neighbours | None:
    """What keeps an arm from others; None where there are none.

    Args:
        own: The arm.
        others: Those beside it.
        session: As ``Neighbours`` takes it.

    Raises:
        VlaError: A file is wrong, or not on this machine.
    """
    if not others:
        return None
    kinematics = Kinematics(own.robot, own.urdf)
    limits = Limits.of(own.robot, kinematics.lower, kinematics.upper, kinematics.velocity)
    arms = [Arm(one.robot, one.urdf, name=one.said.name, pose=one.pose) for one in others]
    checker = EmbeddedChecker(own, arms, among_arms=True)
    known = [Neighbour(one.said, one.robot, one.robot_path) for one in others]
    return Neighbours(own.robot, limits, checker, known, session)
