# SPDX-License-Identifier: Apache-2.0
"""The collision checking that a robot file asks for, or an error: never another in its place."""

import secrets
from pathlib import Path

from vla_contract.deployment import Deployment
from vla_contract.description import find_description
from vla_contract.errors import VlaError
from vla_contract.other_arm import Neighbour
from vla_contract.robot import Robot
from vla_contract.scene import CollisionBackend
from vla_safety.avoidance import Avoidance
from vla_safety.beside import Beside, neighbours_of
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import CollisionChecker
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.neighbours import Neighbours
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
    fixed = surroundings(robot, deployment.robot_path)
    return Avoidance(checker, robot, fixed, load_neighbours(deployment))


def load_neighbours(deployment: Deployment) -> Neighbours | None:
    """What keeps the arm from other arms, with either backend; None where there are none.

    Raises:
        VlaError: A file of another arm is wrong, or not on this machine.
    """
    own = Arm(deployment.robot, deployment.urdf_path, deployment.srdf_path)
    return neighbours_of(own, beside(deployment), secrets.randbits(63))


def beside(deployment: Deployment) -> tuple[Beside, ...]:
    """The other arms that a robot file names, or an error where one's URDF is not here."""
    return tuple(map(_found, deployment.neighbours))


def _found(other: Neighbour) -> Beside:
    urdf = find_description(other.robot.urdf, other.path)
    if urdf is None or not urdf.is_file():
        raise VlaError(f'{other.path}: urdf {other.robot.urdf} is not on this machine')
    return Beside(other.said, other.robot, other.path.resolve(), urdf.resolve())


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
