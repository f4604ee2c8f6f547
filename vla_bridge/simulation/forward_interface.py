# SPDX-License-Identifier: Apache-2.0
"""The topic of a forward controller, of positions or velocities, in front of its stand-in."""

import threading
from collections.abc import Sequence
from typing import Protocol

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Float64MultiArray

from vla_bridge.simulation.quiet import QUIET_S
from vla_bridge.topics import COMMAND
from vla_sim.controllers.refusal import CommandRefusedError


class ForwardController(Protocol):
    """Takes one value a joint."""

    def submit(self, values: Sequence[float]) -> None:
        """Take values for the next cycle, or raise CommandRefusedError."""


class ForwardInterface:
    """Takes values by joint from a topic.

    Args:
        node: Whose topic it is.
        topic: Of the values.
        controller: Behind it.
        lock: Held while the controller is used.
    """

    def __init__(
        self,
        node: LifecycleNode,
        topic: str,
        controller: ForwardController,
        lock: threading.Lock,
    ) -> None:
        """Open the topic."""
        self._node, self._topic, self._controller, self._lock = node, topic, controller, lock
        self._subscription = node.create_subscription(
            Float64MultiArray, topic, self._on_command, COMMAND
        )

    def _on_command(self, message: Float64MultiArray) -> None:
        try:
            with self._lock:
                self._controller.submit(message.data)
        except CommandRefusedError as error:
            self._node.get_logger().error(
                f'{self._topic}: dropped, the old command stands: {error}',
                throttle_duration_sec=QUIET_S,
            )
