# SPDX-License-Identifier: Apache-2.0
"""Sign of life of a node, sent from its callback thread: a stuck or dead node falls silent."""

import time
import uuid

from rclpy.node import Node
from std_msgs.msg import Header

from vla_bridge.topics import SENSOR

RATE_HZ = 25.0
LIVING_S = 0.5
"""Who has not beaten for so long is not there, or can do nothing."""


class Heartbeat:
    """Publishes at a fixed rate from creation to close()."""

    def __init__(self, node: Node, topic: str, session: str = '') -> None:
        """Begin.

        Args:
            node: Whose life it is.
            topic: Where to say so.
            session: Sent along as frame_id; empty: one that no other process has.
        """
        self._node = node
        self.session = session or uuid.uuid4().hex
        self._publisher = node.create_publisher(Header, topic, SENSOR)
        self._timer = node.create_timer(1.0 / RATE_HZ, self._beat)

    def close(self) -> None:
        """Fall silent."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _beat(self) -> None:
        stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(Header(stamp=stamp, frame_id=self.session))


class Pulses:
    """Counts the processes that beat for the same node: more than one is one too many."""

    def __init__(self, node: Node, topic: str) -> None:
        """Listen to their heartbeats.

        Args:
            node: Who listens.
            topic: Where they beat.
        """
        self._since_s = time.monotonic()
        self._heard_s: dict[str, float] = {}
        node.create_subscription(Header, topic, self._on_beat, SENSOR)

    @property
    def alone(self) -> bool:
        """At most one of them lives; false until that can be known."""
        now_s = time.monotonic()
        living = [heard_s for heard_s in self._heard_s.values() if now_s - heard_s < LIVING_S]
        return len(living) <= 1 and now_s - self._since_s > LIVING_S

    def _on_beat(self, beat: Header) -> None:
        now_s = time.monotonic()
        self._heard_s[beat.frame_id] = now_s
        if len(self._heard_s) > 1:
            self._heard_s = {
                session: heard_s
                for session, heard_s in self._heard_s.items()
                if now_s - heard_s < LIVING_S
            }
