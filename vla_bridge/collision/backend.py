# SPDX-License-Identifier: Apache-2.0
"""The collision checking that a robot file asks for, or an error: never another in its place."""

from vla_contract.deployment import Deployment
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
    if robot.collision.backend is CollisionBackend.NONE:
        return None
    fixed = surroundings(robot, deployment.robot_path)
    return Avoidance(_checker(deployment), robot, fixed)


def _checker(deployment: Deployment) -> CollisionChecker:
    robot, urdf, srdf = deployment.robot, deployment.urdf_path, deployment.srdf_path
    if robot.collision.backend is CollisionBackend.MOVEIT:
        from vla_bridge.collision.moveit import load_moveit_checker

        return load_moveit_checker(robot, urdf, srdf)
    return EmbeddedChecker(Arm(robot, urdf, srdf))
