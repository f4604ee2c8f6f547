# SPDX-License-Identifier: Apache-2.0
"""Talks to the safety nodes of other arms, in their namespaces, and listens to their joints."""

import time
from collections.abc import Callable

import numpy as np
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from vla_control.msg import SharedPlan as Message

from vla_bridge.codecs.joint_state import joint_positions
from vla_bridge.collision.shared_plans import from_message, to_message
from vla_bridge.lifecycle_node import VlaNode
from vla_bridge.topics import SENSOR
from vla_contract.errors import VlaError
from vla_contract.other_arm import Neighbour
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.neighbours import Neighbours

NEWEST = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)
"""Each message says all: only the newest counts."""


class OtherArms:
    """Passes on what comes from other arms, and says what ours may still do."""

    def __init__(
        self,
        node: VlaNode,
        others: tuple[Neighbour, ...],
        motion_filter: MotionFilter,
        neighbours: Neighbours,
    ) -> None:
        """Open publisher and subscriptions.

        Args:
            node: Whose they are.
            others: The other arms, as the deployment names them.
            motion_filter: Says what to tell.
            neighbours: Are told.
        """
        self._node, self._filter, self._neighbours = node, motion_filter, neighbours
        self._publisher = node.create_publisher(Message, '~/shared_plan', NEWEST)
        for other in others:
            said = other.said
            node.create_subscription(Message, said.plan, self._meeting(other), NEWEST)
            node.create_subscription(JointState, said.joint_states, self._feeling(other), SENSOR)

    def tell(self, now: Instant) -> None:
        """Say where our arm may still be, and pass the turn on: after every tick."""
        plan = self._filter.share(now)
        if plan is None:
            return
        robot, stamp = self._filter.robot, self._node.get_clock().now().to_msg()
        self._publisher.publish(to_message(plan, robot.joint_names, robot.base_frame, stamp))

    def _meeting(self, other: Neighbour) -> Callable[[Message], None]:
        def meet(message: Message) -> None:
            try:
                plan = from_message(message, other.robot.joint_names, other.said.plan)
                self._neighbours.meet(other.said.name, plan, time.monotonic_ns())
            except VlaError as error:
                self._complain(str(error))

        return meet

    def _feeling(self, other: Neighbour) -> Callable[[JointState], None]:
        """Messages may hold any joints; only those with all of the arm's count."""
        names = other.robot.joint_names

        def feel(message: JointState) -> None:
            try:
                found = joint_positions(message, names, other.said.joint_states)
            except VlaError as error:
                self._complain(str(error))
                return
            if len(found) == len(names):
                q = np.array([found[name] for name in names])
                self._neighbours.feel(other.said.name, q, time.monotonic_ns())

        return feel

    def _complain(self, text: str) -> None:
        """What cannot be read is as good as silence, and stops the arm as that does."""
        self._node.get_logger().error(text, throttle_duration_sec=1.0)
