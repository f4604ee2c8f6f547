# SPDX-License-Identifier: Apache-2.0
"""Outputs to the arm's controller: a verified motion in, whatever its kind of controller takes."""

import time
from typing import Protocol

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.controllers.trajectory import to_message
from vla_bridge.topics import COMMAND, SAFETY_PLAN
from vla_contract.robot import ArmControllerKind, Robot
from vla_safety.motion import Motion


class ArmOutput(Protocol):
    """One way to move an arm."""

    def send(self, motion: Motion) -> None:
        """Execute a motion from now on, instead of the one before."""

    def finish(self) -> None:
        """Return once the arm needs nothing more from this process to come to rest."""


def plan_topic(robot: Robot) -> str:
    """Where motions can be read as whole trajectories, for the guard and the recorder."""
    if robot.controller.kind is ArmControllerKind.JOINT_TRAJECTORY:
        return robot.controller.topic
    return SAFETY_PLAN


def arm_output(node: LifecycleNode, robot: Robot) -> ArmOutput:
    """The output for the robot's kind of controller."""
    if robot.controller.kind is ArmControllerKind.JOINT_TRAJECTORY:
        return TrajectoryOutput(node, robot)
    return ForwardOutput(node, robot)


class TrajectoryOutput:
    """joint_trajectory_controller: it holds the whole motion, braking tail included."""

    def __init__(self, node: LifecycleNode, robot: Robot) -> None:
        """Publish on the controller's topic."""
        self._joints = robot.joint_names
        self._publisher: Publisher = node.create_publisher(
            JointTrajectory, robot.controller.topic, COMMAND
        )

    def send(self, motion: Motion) -> None:
        """Replace the trajectory in execution."""
        self._publisher.publish(to_message(self._joints, motion))

    def finish(self) -> None:
        """Nothing to wait for: the controller has the tail."""


class ForwardOutput:
    """forward_command_controller: it knows one position at a time, so the motion is streamed.

    It has no timeout: when the stream ends in mid-motion the arm stops dead. The whole motion is
    published as well, for the guard and the recorder.
    """

    def __init__(self, node: LifecycleNode, robot: Robot) -> None:
        """Stream at the controller's rate."""
        self._node = node
        self._joints = robot.joint_names
        self._motion: Motion | None = None
        self._publisher = node.create_publisher(Float64MultiArray, robot.controller.topic, COMMAND)
        self._plan = node.create_publisher(JointTrajectory, SAFETY_PLAN, COMMAND)
        self._period_s = 1.0 / robot.controller.rate_hz
        simulated = node.get_parameter('use_sim_time').value
        clock = node.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(self._period_s, self._stream, clock=clock)

    def send(self, motion: Motion) -> None:
        """Stream this motion from the next setpoint on."""
        self._motion = motion
        self._plan.publish(to_message(self._joints, motion))

    def finish(self) -> None:
        """Stream the rest of the motion, which ends at rest."""
        while self._motion is not None:
            self._stream()
            time.sleep(self._period_s)

    def _stream(self) -> None:
        motion = self._motion
        if motion is None:
            return
        now_ns = int(self._node.get_clock().now().nanoseconds)
        q, _, _ = motion.sample(np.array([now_ns]))
        self._publisher.publish(Float64MultiArray(data=q[0].tolist()))
        if now_ns >= motion.end_ns:
            self._motion = None
