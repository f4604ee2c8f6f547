# SPDX-License-Identifier: Apache-2.0
"""Outputs to the arm's controller: a verified motion in, whatever its kind of controller takes.

There is one way to stop an arm, whoever does it: to send a motion that ends at rest.
"""

from pathlib import Path
from typing import Protocol

from rclpy.lifecycle import LifecycleNode

from vla_bridge.controllers.cartesian_pose import PoseSetpoints
from vla_bridge.controllers.follow_joint_trajectory import FollowJointTrajectoryOutput
from vla_bridge.controllers.forward_position import PositionSetpoints
from vla_bridge.controllers.forward_velocity import VelocitySetpoints
from vla_bridge.controllers.joint_trajectory import JointTrajectoryOutput
from vla_bridge.controllers.pursuit import Pursuit
from vla_bridge.controllers.servo_twist import TwistSetpoints
from vla_bridge.controllers.setpoints import Setpoints
from vla_bridge.controllers.standby import StandbyOutput
from vla_bridge.controllers.streamed import StreamedOutput
from vla_bridge.topics import SAFETY_PLAN
from vla_contract.robot import ArmControllerKind, Robot
from vla_safety.kinematics import Kinematics
from vla_safety.motion import Motion


class ArmOutput(Protocol):
    """The safety node's way to move and to stop an arm."""

    def send(self, motion: Motion) -> None:
        """Execute a motion from now on, instead of the one before."""

    def finish(self) -> None:
        """Return once the arm needs nothing more from this process to come to rest."""

    def listeners(self) -> int:
        """How many controllers there are to hear."""

    def rivals(self) -> str:
        """Who else moves the controller, in words; empty for nobody."""


class StopOutput(Protocol):
    """The guard's way to stop an arm."""

    def send(self, motion: Motion) -> None:
        """Execute a motion from now on, instead of the one before."""

    def stand_by(self, plan: Motion) -> None:
        """See to it that this plan is executed to its end, whether or not its sender lives."""

    def finish(self) -> None:
        """Return once the arm needs nothing more from this process to come to rest."""


def plan_topic(robot: Robot) -> str:
    """Where motions can be read as whole trajectories, for the guard and the recorder."""
    if robot.controller.kind is ArmControllerKind.JOINT_TRAJECTORY:
        return robot.controller.topic
    return SAFETY_PLAN


def arm_output(node: LifecycleNode, robot: Robot, urdf: Path) -> ArmOutput:
    """The safety node's output for the robot's kind of controller."""
    if robot.controller.kind is ArmControllerKind.JOINT_TRAJECTORY:
        return JointTrajectoryOutput(node, robot)
    if robot.controller.kind is ArmControllerKind.FOLLOW_JOINT_TRAJECTORY:
        return FollowJointTrajectoryOutput(node, robot, tell_plan=True)
    return StreamedOutput(node, robot, _setpoints(node, robot, urdf))


def stop_output(node: LifecycleNode, robot: Robot, urdf: Path) -> StopOutput:
    """The guard's output for the robot's kind of controller."""
    if robot.controller.kind is ArmControllerKind.JOINT_TRAJECTORY:
        return JointTrajectoryOutput(node, robot)
    if robot.controller.kind is ArmControllerKind.FOLLOW_JOINT_TRAJECTORY:
        return FollowJointTrajectoryOutput(node, robot, tell_plan=False)
    return StandbyOutput(node, robot, _setpoints(node, robot, urdf))


def _setpoints(node: LifecycleNode, robot: Robot, urdf: Path) -> Setpoints:
    kind = robot.controller.kind
    if kind is ArmControllerKind.FORWARD_POSITION:
        return PositionSetpoints()
    if kind is ArmControllerKind.FORWARD_VELOCITY:
        return VelocitySetpoints(Pursuit(node, robot))
    kinematics = Kinematics(robot, urdf)
    if kind is ArmControllerKind.CARTESIAN_POSE:
        return PoseSetpoints(kinematics, robot.base_frame)
    return TwistSetpoints(Pursuit(node, robot), kinematics, robot.base_frame)
