# SPDX-License-Identifier: Apache-2.0
"""Outputs to the gripper's controller, one class for each kind."""

from typing import Any, Protocol

from builtin_interfaces.msg import Duration
from rclpy.action.client import ActionClient
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bridge.topics import COMMAND
from vla_contract.errors import VlaError
from vla_contract.robot import Gripper, GripperKind


class GripperOutput(Protocol):
    """One way to move a gripper."""

    def send(self, position: float) -> None:
        """Move the gripper's joint to a position [unit of the joint]."""


def gripper_output(node: LifecycleNode, gripper: Gripper) -> GripperOutput:
    """The output for the gripper's kind of controller."""
    if gripper.kind is GripperKind.JOINT_TRAJECTORY:
        return TrajectoryGripper(node, gripper)
    if gripper.kind is GripperKind.FORWARD_POSITION:
        return ForwardGripper(node, gripper)
    return ActionGripper(node, gripper)


class ForwardGripper:
    """forward_command_controller: the position as it is."""

    def __init__(self, node: LifecycleNode, gripper: Gripper) -> None:
        """Publish on the controller's topic."""
        self._publisher = node.create_publisher(Float64MultiArray, gripper.target, COMMAND)

    def send(self, position: float) -> None:
        """Move the gripper's joint."""
        self._publisher.publish(Float64MultiArray(data=[position]))


class TrajectoryGripper:
    """joint_trajectory_controller: one point, as far away in time as the gripper's speed asks."""

    def __init__(self, node: LifecycleNode, gripper: Gripper) -> None:
        """Publish on the controller's topic."""
        self._gripper = gripper
        self._publisher = node.create_publisher(JointTrajectory, gripper.target, COMMAND)

    def send(self, position: float) -> None:
        """Move the gripper's joint; stamp 0 starts from wherever it is."""
        seconds = abs(self._gripper.open - self._gripper.closed) / self._gripper.speed
        whole = int(seconds)
        point = JointTrajectoryPoint(
            positions=[position],
            velocities=[0.0],
            time_from_start=Duration(sec=whole, nanosec=int((seconds - whole) * 1e9)),
        )
        self._publisher.publish(JointTrajectory(joint_names=[self._gripper.joint], points=[point]))


class ActionGripper:
    """GripperCommand or ParallelGripperCommand: the newest goal preempts the one before."""

    def __init__(self, node: LifecycleNode, gripper: Gripper) -> None:
        """Make a client of the action, whose type comes with control_msgs."""
        try:
            from control_msgs.action import GripperCommand, ParallelGripperCommand
        except ImportError as error:
            raise VlaError(
                f'gripper kind {gripper.kind} needs the ROS package control_msgs, which is not '
                'installed; install it or use forward_position or joint_trajectory'
            ) from error
        self._gripper = gripper
        self._node = node
        self._parallel = gripper.kind is GripperKind.PARALLEL_GRIPPER_COMMAND
        self._type: Any = ParallelGripperCommand if self._parallel else GripperCommand
        self._client = ActionClient(node, self._type, gripper.target)

    def send(self, position: float) -> None:
        """Ask for a position; an absent server is reported, and the next command tries again."""
        if not self._client.server_is_ready():
            self._node.get_logger().error(
                f'no action server {self._gripper.target}: the gripper does not move',
                throttle_duration_sec=1.0,
            )
            return
        self._client.send_goal_async(self._goal(position)).add_done_callback(self._accepted)

    def _goal(self, position: float) -> Any:  # noqa: ANN401 - either action's goal
        goal = self._type.Goal()
        if self._parallel:
            goal.command.name = [self._gripper.joint]
            goal.command.position = [position]
            goal.command.effort = [self._gripper.max_effort] if self._gripper.max_effort else []
        else:
            goal.command.position = position
            goal.command.max_effort = self._gripper.max_effort
        return goal

    def _accepted(self, future: Any) -> None:  # noqa: ANN401 - rclpy's future is not typed
        if not future.result().accepted:
            self._node.get_logger().error(
                f'{self._gripper.target} refused a goal: the gripper does not move'
            )
