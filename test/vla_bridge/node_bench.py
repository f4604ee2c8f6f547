# SPDX-License-Identifier: Apache-2.0
"""One node of ours, alive, and a probe beside it that plays the rest of the graph."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future

from vla_bridge import topics
from vla_bridge.lifecycle_node import VlaNode

WAIT_S = 20.0

NodeT = TypeVar('NodeT', bound=VlaNode)


class NodeBench(Generic[NodeT]):
    """Starts a node in this process and spins it, and its probe, when the test says so."""

    def __init__(self, domain: int, make: Callable[[], NodeT], *parameters: str) -> None:
        """Start the node with parameters such as ``robot:=sim_ur5e``, and activate it."""
        arguments = [part for parameter in parameters for part in ('-p', parameter)]
        rclpy.init(args=['--ros-args', *arguments], domain_id=domain)
        with ExitStack() as stack:
            stack.callback(rclpy.shutdown)
            self.node = make()
            _start(self.node)
            stack.pop_all()
        self.probe = rclpy.create_node('probe')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._executor.add_node(self.probe)

    def add(self, other: Node) -> None:
        """Spin another node, too."""
        self._executor.add_node(other)

    def until(self, condition: Callable[[], object]) -> None:
        """Spin until something is true."""
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, 'it never became true'
            self._executor.spin_once(timeout_sec=0.05)

    def spin(self, seconds: float) -> None:
        """Spin for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def answer(self, future: Future) -> Any:  # noqa: ANN401 - by future
        """Spin until a future is done."""
        self.until(future.done)
        return future.result()

    def hear(self, kind: type, topic: str, qos: QoSProfile = topics.SENSOR) -> list[Any]:
        """Keep every message of a topic."""
        heard: list[Any] = []
        self.probe.create_subscription(kind, topic, heard.append, qos)
        return heard

    def close(self) -> None:
        """End everything."""
        _end(self.node)
        self.probe.destroy_node()
        rclpy.try_shutdown()


def _start(node: VlaNode) -> None:
    node.trigger_configure()
    node.trigger_activate()
    assert node.refusal is None


def _end(node: VlaNode) -> None:
    node.trigger_shutdown()
    node.destroy_node()
