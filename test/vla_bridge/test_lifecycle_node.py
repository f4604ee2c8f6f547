# SPDX-License-Identifier: Apache-2.0
"""What all nodes have in common."""

import time

import pytest
from rclpy.event_handler import EventHandler
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from test.vla_bridge.node_bench import NodeBench
from vla_bridge.lifecycle_node import VlaNode


def test_a_publisher_that_does_not_match_is_reported(
    ros_domain: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Although the middleware's reports are looked at now and then only, for a node's speed."""
    bench = NodeBench(ros_domain, lambda: VlaNode('listener'))
    try:
        node, said = bench.node, ''
        node.create_subscription(String, 'words', print, 10)
        careless = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        bench.probe.create_publisher(String, 'words', careless)

        def reported() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return "on topic 'words', offering incompatible QoS" in said

        bench.until(reported)
        counts = set()
        end_s = time.monotonic() + 1.0
        while time.monotonic() < end_s:
            counts.add(sum(isinstance(each, EventHandler) for each in node.waitables))
        assert min(counts) == 0 < max(counts)
    finally:
        bench.close()
