# SPDX-License-Identifier: Apache-2.0
"""The trajectory controller's topics and action, in front of its stand-in."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from rclpy.lifecycle import LifecycleNode
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.simulation.conversion import trajectory_message
from vla_bridge.simulation.quiet import QUIET_S
from vla_bridge.topics import COMMAND
from vla_contract.errors import VlaError
from vla_sim.controllers.joint_trajectory import JointTrajectoryController

FOLLOW = 'follow_joint_trajectory'
"""The action's name, beside the topic."""


@dataclass(frozen=True)
class Access:
    """How callbacks reach a controller that another thread runs.

    Attributes:
        lock: Held while the controller is used.
        now_ns: ROS time, on the clock of the controller's cycles.
    """

    lock: threading.Lock
    now_ns: Callable[[], int]


class StateStream(Protocol):
    """Publishes what a controller does."""

    def publish(self) -> None:
        """Publish its last cycle, if there was one."""


def has_control_msgs() -> bool:
    """Are the messages of the actions and of the controller's state installed?"""
    return find_spec('control_msgs') is not None


class TrajectoryInterface:
    """Takes trajectories from a topic; with control_msgs also from an action, and tells its state.

    Args:
        node: Whose topics they are.
        topic: Of the trajectories; the action ``follow_joint_trajectory`` is beside it.
        state_topic: Empty: ``controller_state`` beside the topic.
        controller: Behind them.
        access: To the controller.
    """

    def __init__(
        self,
        node: LifecycleNode,
        topic: str,
        state_topic: str,
        controller: JointTrajectoryController,
        access: Access,
    ) -> None:
        """Open the interfaces."""
        self._node, self._topic, self._controller = node, topic, controller
        self._lock, self._now_ns = access.lock, access.now_ns
        self._subscription = node.create_subscription(
            JointTrajectory, topic, self._on_trajectory, COMMAND
        )
        self.state: StateStream | None = None
        if not has_control_msgs():
            node.get_logger().warning(
                f'{topic}: control_msgs is not installed: no action and no controller state'
            )
            return
        from vla_bridge.simulation.follow_trajectory import ControllerState, FollowTrajectory

        self._action = FollowTrajectory(node, beside(topic, FOLLOW), controller, access)
        state_topic = state_topic or beside(topic, 'controller_state')
        self.state = ControllerState(node, state_topic, controller)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        try:
            trajectory = trajectory_message(message, self._topic)
            with self._lock:
                self._controller.submit(trajectory, self._now_ns())
        except VlaError as error:
            self._node.get_logger().error(
                f'{self._topic}: refused, the old motion continues: {error}',
                throttle_duration_sec=QUIET_S,
            )


def beside(topic: str, name: str) -> str:
    """A name next to a topic: ``controller/joint_trajectory`` → ``controller/name``."""
    parent, _, _ = topic.rpartition('/')
    return f'{parent}/{name}' if parent else name
