# SPDX-License-Identifier: Apache-2.0
"""News of the scene over real DDS: from those who speak once, and from those who go on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from vla_bridge.collision.news import listen

if TYPE_CHECKING:
    from rclpy.context import Context

KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_who_spoke_once_before_and_who_keeps_nothing_are_both_heard(
    ros_context: 'Context',
) -> None:
    """Everything once, and each publisher's last word last."""
    speaker = rclpy.create_node('speaker', context=ros_context)
    kept = speaker.create_publisher(Header, 'scene', KEPT)
    plain = speaker.create_publisher(Header, 'scene', 10)
    kept.publish(Header(frame_id='long ago'))
    hearer = rclpy.create_node('hearer', context=ros_context)
    heard: list[str] = []
    listen(hearer, Header, 'scene', lambda message: heard.append(message.frame_id))
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(hearer)

    def until(done: Callable[[], object]) -> None:
        for _ in range(500):
            if done():
                return
            executor.spin_once(timeout_sec=0.02)
        raise AssertionError(heard)

    until(lambda: heard == ['long ago'])
    until(lambda: plain.get_subscription_count() == 1)
    for number in range(8):
        kept.publish(Header(frame_id=f'kept {number}'))
        plain.publish(Header(frame_id=f'plain {number}'))
    until(lambda: len(heard) >= 17)
    for _ in range(10):
        executor.spin_once(timeout_sec=0.02)
    assert len(heard) == len(set(heard)) == 17
    assert [name for name in heard if name.startswith('kept')][-1] == 'kept 7'
    speaker.destroy_node()
    hearer.destroy_node()
