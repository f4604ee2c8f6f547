# SPDX-License-Identifier: Apache-2.0
"""Sign of life of a node, sent from its callback thread: a stuck or dead node falls silent."""

from rclpy.node import Node
from std_msgs.msg import Header

from vla_bridge.topics import SENSOR

RATE_HZ = 25.0


class Heartbeat:
    """Publishes at a fixed rate from creation to close()."""

    def __init__(self, node: Node, topic: str, session: str = '') -> None:
        """Begin.

        Args:
            node: Whose life it is.
            topic: Where to say so.
            session: Sent along as frame_id.
        """
        self._node = node
        self.session = session
        self._publisher = node.create_publisher(Header, topic, SENSOR)
        self._timer = node.create_timer(1.0 / RATE_HZ, self._beat)

    def close(self) -> None:
        """Fall silent."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _beat(self) -> None:
        stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(Header(stamp=stamp, frame_id=self.session))
