# SPDX-License-Identifier: Apache-2.0
"""The collision checking that a robot file asks for, or an error: never another in its place."""

from pathlib import Path

from vla_contract.deployment import Deployment
from vla_contract.robot import Robot
from vla_contract.scene import CollisionBackend
from vla_safety.avoidance import Avoidance
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import CollisionChecker
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.surroundings import surroundings


def load_avoidance(deployment: Deployment) -> Avoidance | None:
    """Collision checking with the robot file's own scene; None where it asks for none.

    Raises:
        VlaError: What was asked for is not installed, or a file it needs is wrong.
    """
    robot = deployment.robot
    checker = load_checker(robot, deployment.urdf_path, deployment.srdf_path)
    if checker is None:
        return None
    return Avoidance(checker, robot, surroundings(robot, deployment.robot_path))


def load_checker(robot: Robot, urdf: Path, srdf: Path | None) -> CollisionChecker | None:
    """The checker alone, with nothing around the arm; None where the robot file asks for none.

    Raises:
        VlaError: What was asked for is not installed, or a file it needs is wrong.
    """
    if robot.collision.backend is CollisionBackend.NONE:
        return None
    if robot.collision.backend is CollisionBackend.MOVEIT:
        from vla_bridge.collision.moveit import load_moveit_checker

        return load_moveit_checker(robot, urdf, srdf)
    return EmbeddedChecker(Arm(robot, urdf, srdf))
