# SPDX-License-Identifier: Apache-2.0
"""Who else publishes on a controller's topic: living twins and strangers, not the dead."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from std_msgs.msg import Bool

from vla_bridge import topics
from vla_bridge.controllers.rivals import NAMED_S, OtherPublishers
from vla_bridge.heartbeat import LIVING_S, Heartbeat
from vla_bridge.publishers import UNKNOWN

if TYPE_CHECKING:
    from rclpy.context import Context

TOPIC = 'arm_controller/commands'
WAIT_S = 20.0
NAMESPACE, NAME = UNKNOWN.split('/')


class Bench:
    """A safety node, and others that publish on the controller's topic."""

    def __init__(self, context: 'Context') -> None:
        """Only the safety node, which is asked for the first time."""
        self._context = context
        self._executor = SingleThreadedExecutor(context=context)
        self.safety = LifecycleNode('safety_node', context=context)
        self._nodes: list[Node] = [self.safety]
        self._executor.add_node(self.safety)
        self.safety.create_publisher(Bool, TOPIC, 1)
        Heartbeat(self.safety, topics.SAFETY_HEARTBEAT)
        self.others = OtherPublishers(self.safety, TOPIC)
        self.until(lambda: not self.others.words())
        self.spin(2 * LIVING_S)

    def join(self, name: str, beats: str = '') -> Node:
        """Another publisher, seen by the safety node when this returns, and where it beats."""
        known = self.safety.count_publishers(TOPIC)
        node = Node(name, context=self._context)
        self._nodes.append(node)
        self._executor.add_node(node)
        if beats:
            Heartbeat(node, beats)
        node.create_publisher(Bool, TOPIC, 1)
        self.until(lambda: self.safety.count_publishers(TOPIC) > known)
        return node

    def adopt(self, node: Node) -> None:
        """Take it down with the others."""
        self._nodes.append(node)

    def until(self, done: Callable[[], object]) -> None:
        """Spin until something is true."""
        end = time.monotonic() + WAIT_S
        while not done():
            assert time.monotonic() < end, self.others.words()
            self._executor.spin_once(timeout_sec=0.02)

    def spin(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        """Take the nodes down."""
        self._executor.shutdown()
        for node in self._nodes:
            node.destroy_node()


@pytest.fixture
def bench(ros_context: 'Context') -> Iterator[Bench]:
    """In a domain of its own."""
    bench = Bench(ros_context)
    yield bench
    bench.close()


def test_one_guard_is_no_rival_and_a_stranger_is_one_at_once(bench: Bench) -> None:
    """Whether it beats or not."""
    bench.join('guard_node', topics.GUARD_HEARTBEAT)
    assert bench.others.words() == ''
    bench.join('intruder')
    assert bench.others.words() == f'/intruder also publishes on {TOPIC}'


class Nameless(LifecycleNode):
    """A node that sees one publisher of which DDS knows the topic and not yet the node."""

    nameless = True

    def get_publishers_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[Any]:
        """As rclpy does where the name has not come."""
        del topic_name, no_mangle
        unknown = SimpleNamespace(node_namespace=NAMESPACE, node_name=NAME)
        return [unknown] if self.nameless else []


def test_a_publisher_without_a_name_is_a_rival_if_none_comes(bench: Bench) -> None:
    """A guard that has just started was taken for a stranger, for want of its name, and latched."""
    node = Nameless('nameless', context=bench.safety.context)
    others = OtherPublishers(node, TOPIC)
    assert others.words() == ''
    node.nameless = False
    bench.spin(NAMED_S)
    assert others.words() == ''
    node.nameless = True
    assert others.words() == ''
    bench.spin(1.2 * NAMED_S)
    assert others.words() == f'{UNKNOWN} also publishes on {TOPIC}'
    bench.adopt(node)


@pytest.mark.parametrize(
    ('name', 'beats'),
    [('guard_node', topics.GUARD_HEARTBEAT), ('safety_node', topics.SAFETY_HEARTBEAT)],
)
def test_a_twin_that_lives_is_a_rival(bench: Bench, name: str, beats: str) -> None:
    """Two of one name, each with a heartbeat of its own."""
    bench.join('guard_node', topics.GUARD_HEARTBEAT)
    bench.join(name, beats)
    bench.until(bench.others.words)
    assert bench.others.words() == f'/{name} also publishes on {TOPIC}'


def test_what_a_killed_node_left_in_the_graph_is_no_rival_of_the_one_in_its_place(
    bench: Bench,
) -> None:
    """For twenty seconds DDS shows its publisher, and the arm could not be armed."""
    bench.join('guard_node')
    bench.join('guard_node', topics.GUARD_HEARTBEAT)
    bench.join('safety_node')
    for _ in range(10):
        bench.spin(0.05)
        assert bench.others.words() == ''


def test_as_long_as_nothing_can_be_known_a_twin_is_a_rival(bench: Bench) -> None:
    """A safety node that has just started does not take the silence for a death."""
    bench.join('guard_node')
    bench.join('guard_node')
    fresh = OtherPublishers(bench.safety, TOPIC)
    assert '/guard_node' in fresh.words()
    bench.until(lambda: not fresh.words())
