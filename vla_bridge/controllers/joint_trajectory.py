# SPDX-License-Identifier: Apache-2.0
"""joint_trajectory_controller by its topic: it holds the whole motion, braking tail included."""

from rclpy.lifecycle import LifecycleNode
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.controllers.rivals import ForeignGoals, OtherPublishers
from vla_bridge.controllers.trajectory import to_message
from vla_bridge.publishers import listeners
from vla_bridge.topics import COMMAND
from vla_contract.robot import Robot
from vla_safety.motion import Motion


class JointTrajectoryOutput:
    """Each message replaces the trajectory in execution without a step."""

    def __init__(self, node: LifecycleNode, robot: Robot) -> None:
        """Publish on the controller's topic."""
        self._node, self._joints, self._topic = node, robot.joint_names, robot.controller.topic
        self._publisher = node.create_publisher(JointTrajectory, self._topic, COMMAND)
        parent, _, _ = self._topic.rpartition('/')
        action = f'{parent}/follow_joint_trajectory' if parent else 'follow_joint_trajectory'
        self._goals = ForeignGoals(node, action)
        self._others = OtherPublishers(node, self._topic)

    def send(self, motion: Motion) -> None:
        """Replace the trajectory in execution."""
        self._publisher.publish(to_message(self._joints, motion))

    def stand_by(self, plan: Motion) -> None:
        """Nothing to do: the controller plays the plan to its end by itself."""

    def finish(self) -> None:
        """Nothing to wait for: the controller has the tail."""

    def listeners(self) -> int:
        """Subscriptions of controllers."""
        return listeners(self._node, self._topic)

    def rivals(self) -> str:
        """Other publishers, and goals sent to the controller's action."""
        return self._others.words() or self._goals.words()
