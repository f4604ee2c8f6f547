# SPDX-License-Identifier: Apache-2.0
"""The topic of MoveIt Servo's twists, in front of its stand-in."""

import threading

from geometry_msgs.msg import TwistStamped
from rclpy.lifecycle import LifecycleNode

from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.simulation.quiet import QUIET_S
from vla_bridge.topics import COMMAND
from vla_contract.errors import VlaError
from vla_sim.controllers.servo_twist import ServoTwistController, Twist


class TwistInterface:
    """Takes twists of the tool from a topic.

    Args:
        node: Whose topic it is.
        topic: Of the twists.
        controller: Behind it.
        lock: Held while the controller is used.
    """

    def __init__(
        self,
        node: LifecycleNode,
        topic: str,
        controller: ServoTwistController,
        lock: threading.Lock,
    ) -> None:
        """Open the topic."""
        self._node, self._topic, self._controller, self._lock = node, topic, controller, lock
        self._subscription = node.create_subscription(
            TwistStamped, topic, self._on_command, COMMAND
        )

    def _on_command(self, message: TwistStamped) -> None:
        linear, angular = message.twist.linear, message.twist.angular
        values = (linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
        try:
            stamp = stamp_ns(message.header.stamp, self._topic)
            with self._lock:
                self._controller.submit(Twist(stamp, message.header.frame_id, values))
        except VlaError as error:
            self._node.get_logger().error(
                f'{self._topic}: dropped, the old command stands: {error}',
                throttle_duration_sec=QUIET_S,
            )
