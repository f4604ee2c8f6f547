# SPDX-License-Identifier: Apache-2.0
"""A subscription to news of the scene, of which none may be lost, from publishers of both kinds.

A publisher that keeps its last message for newcomers ("latched", transient local) may have spoken
once, long before this node came; one that keeps nothing can only be heard by those who ask for
nothing kept. So both are asked for.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

_DEPTH = 50


def listen(node: Node, message_type: type, topic: str, tell: Callable[[Any], None]) -> None:
    """Call ``tell`` with every message once, and so that the newest of a publisher comes last.

    Args:
        node: Listens.
        message_type: Of the topic.
        topic: Where.
        tell: Takes a message. What was kept may arrive after what is new, which is then told again.
    """
    order = _Order()
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)

    def subscribe(durability: DurabilityPolicy) -> None:
        kept = durability is DurabilityPolicy.TRANSIENT_LOCAL

        def on_message(message: Any, info: dict[str, int]) -> None:  # noqa: ANN401
            sent = (info['source_timestamp'], info['publication_sequence_number'])
            if order.wants(sent, kept=kept):
                tell(message)

        callback: Any = on_message  # rclpy declares those of one argument only
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=durability,
        )
        node.create_subscription(message_type, topic, callback, profile, event_callbacks=quiet)

    subscribe(DurabilityPolicy.VOLATILE)
    subscribe(DurabilityPolicy.TRANSIENT_LOCAL)


class _Order:
    """Which of the messages that arrive twice are to be told."""

    def __init__(self) -> None:
        """None was told yet."""
        self._told: deque[tuple[int, int]] = deque(maxlen=4 * _DEPTH)
        self._newest_ns = 0
        self._behind = False

    def wants(self, sent: tuple[int, int], *, kept: bool) -> bool:
        """It is new, or what was kept and is older was told after it.

        Args:
            sent: Time of sending and number, which together are a message's own.
            kept: It came from the subscription to what is kept.
        """
        if sent in self._told and not (kept and self._behind):
            return False
        self._told.append(sent)
        if kept:
            self._behind = sent[0] < self._newest_ns
        self._newest_ns = max(self._newest_ns, sent[0])
        return True
