# SPDX-License-Identifier: Apache-2.0
"""Subscribes to topics as bytes and hands them to a writer. Finds types and offers in the graph."""

import importlib
from collections import deque
from dataclasses import dataclass, field

from rclpy.node import Node
from rclpy.subscription import Subscription

from vla_bridge.recording.qos import matching, offered
from vla_bridge.recording.writer import EpisodeWriter
from vla_contract.errors import VlaError

RATE_WINDOW_NS = 1_000_000_000


@dataclass
class Streams:
    """The topics of one episode, from nodes that may start later than the recorder.

    Attributes:
        node: Subscribes.
        writer: Takes the messages.
        wanted: Full topic names.
        problems: What went wrong, by topic.
        failure: Why nothing more can be written; empty while all is well.
    """

    node: Node
    writer: EpisodeWriter
    wanted: tuple[str, ...]
    problems: dict[str, str] = field(default_factory=dict)
    failure: str = ''
    _subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _totals: deque[tuple[int, dict[str, int]]] = field(default_factory=deque)

    def discover(self) -> None:
        """Subscribe to every wanted topic that has a publisher by now."""
        for topic in self.wanted:
            if topic not in self._subscriptions and topic not in self.problems:
                self._subscribe(topic)

    def rates(self, now_ns: int) -> dict[str, float]:
        """Messages a second by topic, over the second before now; to be called regularly."""
        totals = {topic: self.writer.count(topic) for topic in self._subscriptions}
        self._totals.append((now_ns, totals))
        while len(self._totals) > 2 and now_ns - self._totals[1][0] >= RATE_WINDOW_NS:
            self._totals.popleft()
        then_ns, before = self._totals[0]
        elapsed_s = (now_ns - then_ns) * 1e-9
        if elapsed_s <= 0:
            return dict.fromkeys(totals, 0.0)
        return {topic: (n - before.get(topic, 0)) / elapsed_s for topic, n in totals.items()}

    def checkpoint(self) -> None:
        """Make what has come so far survive the death of this process."""
        try:
            self.writer.checkpoint()
        except OSError as error:
            self.failure = f'{self.writer.folder} cannot be written: {error}'

    def close(self) -> None:
        """Stop listening, and note the topics that never came."""
        for topic, subscription in self._subscriptions.items():
            self.node.destroy_subscription(subscription)
            if not self.writer.count(topic):
                self.problems.setdefault(topic, 'has a publisher that published nothing')
        for topic in self.wanted:
            if topic not in self._subscriptions:
                self.problems.setdefault(topic, 'has no publisher')

    def _subscribe(self, topic: str) -> None:
        publishers = self.node.get_publishers_info_by_topic(topic)
        if not publishers:
            return
        types = sorted({publisher.topic_type for publisher in publishers})
        if len(types) > 1:
            self.problems[topic] = f'is published with different types: {", ".join(types)}'
            return
        offers = [publisher.qos_profile for publisher in publishers]
        try:
            message_class = _message_class(types[0])
            self.writer.add_topic(topic, types[0], [offered(offer) for offer in offers])
        except VlaError as error:
            self.problems[topic] = str(error)
            return

        def keep(message: bytes) -> None:
            try:
                self.writer.write(topic, self.node.get_clock().now().nanoseconds, message)
            except OSError as error:
                self.failure = f'{self.writer.folder} cannot be written: {error}'

        self._subscriptions[topic] = self.node.create_subscription(
            message_class, topic, keep, matching(offers), raw=True
        )


def _message_class(type_name: str) -> type:
    """The Python class of ``package/msg/Name``."""
    package, _, name = type_name.split('/')
    try:
        found: type = getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        raise VlaError(f'has type {type_name}, which is not installed here') from error
    return found
