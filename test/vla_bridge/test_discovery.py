# SPDX-License-Identifier: Apache-2.0
"""Nodes of one machine learn soon that another is gone, and find one that was only asleep."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

FORGOTTEN_S = 10.0
"""Half of what Fast DDS takes by default, and three times of what ours should take."""
ASLEEP_S = 5.0
WAIT_S = 20.0
TALKER = """
import rclpy
from std_msgs.msg import Bool

rclpy.init()
node = rclpy.create_node('talker')
node.create_publisher(Bool, 'said', 1)
rclpy.spin(node)
"""


@pytest.fixture
def talker(ros_domain: int) -> Iterator[subprocess.Popen[bytes]]:
    """A node with a publisher, in a process of its own."""
    del ros_domain
    process = subprocess.Popen([sys.executable, '-c', TALKER])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def node(ros_context: Context) -> Iterator[Node]:
    """Who looks for the talker."""
    node = rclpy.create_node('looker', context=ros_context)
    yield node
    node.destroy_node()


def until_known(node: Node, publishers: int) -> float:
    """Wait until so many publishers are known; how long that took [s]."""
    start = time.monotonic()
    while len(node.get_publishers_info_by_topic('said')) != publishers:
        assert time.monotonic() - start < WAIT_S
        time.sleep(0.05)
    return time.monotonic() - start


def test_a_node_that_was_killed_is_soon_forgotten(
    talker: subprocess.Popen[bytes], node: Node
) -> None:
    """A guard that was started again counted as a second publisher, until the first was forgotten.

    For twenty seconds the arm could not be armed.
    """
    until_known(node, 1)
    talker.kill()
    assert until_known(node, 0) < FORGOTTEN_S


def test_a_node_that_was_asleep_for_longer_than_that_is_found_again(
    talker: subprocess.Popen[bytes], node: Node
) -> None:
    """Suspended, or starved, it is forgotten, and back as soon as it speaks."""
    until_known(node, 1)
    talker.send_signal(signal.SIGSTOP)
    time.sleep(ASLEEP_S)
    talker.send_signal(signal.SIGCONT)
    until_known(node, 1)
    time.sleep(1.0)
    assert until_known(node, 1) < FORGOTTEN_S
