# SPDX-License-Identifier: Apache-2.0
"""MoveIt's Python modules where a ROS installation has them, or an error that says what to install.

moveit_py is on no package index: it comes with a ROS installation, and it comes without types.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from vla_contract.errors import VlaError

PACKAGES = 'ros-$ROS_DISTRO-moveit-py ros-$ROS_DISTRO-moveit-msgs'


@dataclass(frozen=True)
class Messages:
    """Modules of message classes.

    Attributes:
        moveit: ``moveit_msgs.msg``.
        shapes: ``shape_msgs.msg``.
        geometry: ``geometry_msgs.msg``.
    """

    moveit: Any
    shapes: Any
    geometry: Any


@dataclass(frozen=True)
class Bindings:
    """What needs no node: the classes of ``moveit.core``.

    Attributes:
        PlanningScene: ``PlanningScene(model, World())``.
        World: Always passed: without it, all scenes would share one.
        RobotModel: ``RobotModel(urdf_path, srdf_path)``.
        AllowedCollisionMatrix: ``AllowedCollisionMatrix(names, allowed)``.
        CollisionRequest: What to look for.
        CollisionResult: What was found.
        messages: Their currency.
    """

    PlanningScene: Any
    World: Any
    RobotModel: Any
    AllowedCollisionMatrix: Any
    CollisionRequest: Any
    CollisionResult: Any
    messages: Messages


def find_messages() -> Messages:
    """MoveIt's message classes, or what to install."""
    try:
        return Messages(
            moveit=import_module('moveit_msgs.msg'),
            shapes=import_module('shape_msgs.msg'),
            geometry=import_module('geometry_msgs.msg'),
        )
    except ImportError as error:
        raise VlaError(_advice(error)) from error


def find_state_validity() -> Any:  # noqa: ANN401 - MoveIt's messages come without types
    """The class of ``/check_state_validity``, or what to install."""
    try:
        return import_module('moveit_msgs.srv').GetStateValidity
    except ImportError as error:
        raise VlaError(_advice(error, 'collision.auditor to nothing')) from error


def find_bindings() -> Bindings:
    """MoveIt's classes, or what to install."""
    messages = find_messages()
    try:
        core = import_module('moveit.core')
        collision = import_module('moveit.core.collision_detection')
        return Bindings(
            PlanningScene=import_module('moveit.core.planning_scene').PlanningScene,
            World=core.World,
            RobotModel=import_module('moveit.core.robot_model').RobotModel,
            AllowedCollisionMatrix=collision.AllowedCollisionMatrix,
            CollisionRequest=collision.CollisionRequest,
            CollisionResult=collision.CollisionResult,
            messages=messages,
        )
    except ImportError as error:
        raise VlaError(_advice(error)) from error


def _advice(error: ImportError, instead: str = 'collision.backend to embedded') -> str:
    return (
        f'MoveIt was asked for and cannot be imported ({error}); install {PACKAGES} and source '
        f'that installation, or set {instead}'
    )
