# SPDX-License-Identifier: Apache-2.0
"""Subscribes to topics as bytes and hands them to a writer. Finds types and offers in the graph.

Messages are fetched many at a time: waking the executor for each of them costs several times more
than keeping them, and on a busy machine the newest would wait behind the oldest.
"""

import importlib
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription
from typing_extensions import override

from vla_bridge.recording.qos import matching, offered
from vla_bridge.recording.writer import EpisodeWriter
from vla_contract.errors import VlaError

RATE_WINDOW_NS = 1_000_000_000
UNPUBLISHED = 'has no publisher'
"""What is said of a topic that nobody has published: a deployment need not use every topic."""


class Unattended(CallbackGroup):
    """Keeps its subscriptions out of the executor: somebody fetches their messages."""

    @override
    def can_execute(self, _entity: object) -> bool:
        return False

    @override
    def beginning_execution(self, _entity: object) -> bool:
        return False

    @override
    def ending_execution(self, _entity: object) -> None:
        return


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
    _group: Unattended = field(default_factory=Unattended)
    _waiting: list[tuple[int, str, bytes]] = field(default_factory=list)
    _totals: deque[tuple[int, dict[str, int]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Received times are the system's; where time is simulated, fetching gives the time."""
        self._simulated = bool(self.node.get_parameter('use_sim_time').value)

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

    def fetch(self) -> None:
        """Write what has come, in the order of its coming."""
        now_ns = self.node.get_clock().now().nanoseconds
        for topic, subscription in self._subscriptions.items():
            self._fetch(topic, subscription)
        self._waiting.sort(key=lambda entry: entry[0])
        # What came while we fetched may be newer than what the next round finds elsewhere.
        due = bisect_right(self._waiting, now_ns, key=lambda entry: entry[0])
        self._write(due)

    def _write(self, count: int) -> None:
        """Write the oldest of what was fetched."""
        try:
            for stamp_ns, topic, message in self._waiting[:count]:
                self.writer.write(topic, stamp_ns, message)
        except OSError as error:
            self.failure = f'{self.writer.folder} cannot be written: {error}'
        del self._waiting[:count]

    def checkpoint(self) -> None:
        """Make what has come so far survive the death of this process."""
        try:
            self.writer.checkpoint()
        except OSError as error:
            self.failure = f'{self.writer.folder} cannot be written: {error}'

    def close(self) -> None:
        """Write the last messages, stop listening, and note the topics that never came."""
        self.fetch()
        self._write(len(self._waiting))
        for topic, subscription in self._subscriptions.items():
            self.node.destroy_subscription(subscription)
            if not self.writer.count(topic):
                self.problems.setdefault(topic, 'has a publisher that published nothing')
        for topic in self.wanted:
            if topic not in self._subscriptions:
                self.problems.setdefault(topic, UNPUBLISHED)

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

        self._subscriptions[topic] = self.node.create_subscription(
            message_class,
            topic,
            lambda _: None,
            matching(offers),
            callback_group=self._group,
            raw=True,
        )

    def _fetch(self, topic: str, subscription: Subscription) -> None:
        """Take all that waits for one subscription, with the time it was received."""
        take = subscription.handle.take_message
        with subscription.handle:
            while (taken := take(subscription.msg_type, True)) is not None:
                message, info = taken
                stamp_ns = info['received_timestamp']
                if self._simulated or not stamp_ns:
                    stamp_ns = self.node.get_clock().now().nanoseconds
                self._waiting.append((stamp_ns, topic, message))


def _message_class(type_name: str) -> type:
    """The Python class of ``package/msg/Name``."""
    package, _, name = type_name.split('/')
    try:
        found: type = getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        raise VlaError(f'has type {type_name}, which is not installed here') from error
    return found
