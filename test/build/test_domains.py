# SPDX-License-Identifier: Apache-2.0
"""Tests that talk ROS do not hear each other."""

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rclpy.context import Context

TALK = """
import rclpy
rclpy.init()
print(rclpy.get_default_context().get_domain_id())
"""


def test_a_claimed_domain_is_not_given_twice(ros_domain: int) -> None:
    """Another process that asks for the same name is refused."""
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with other, pytest.raises(OSError, match='in use'):
        other.bind(f'\0vla-control-domain-{ros_domain}')


def test_context_and_child_processes_are_in_the_domain(ros_context: 'Context') -> None:
    """The fixture reaches both this process and those a test starts."""
    done = subprocess.run(
        [sys.executable, '-c', TALK], capture_output=True, text=True, check=True, timeout=60
    )
    assert ros_context.get_domain_id() == int(os.environ['ROS_DOMAIN_ID'])
    assert int(done.stdout) == ros_context.get_domain_id()
