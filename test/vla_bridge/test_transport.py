# SPDX-License-Identifier: Apache-2.0
"""Pictures get from process to process whole and in number, which by default they do not."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from vla_bridge.transport import make_room, share_no_memory

DDS = Path(__file__).resolve().parents[2] / 'config' / 'dds'
WAIT_S = 20.0
BURST = 6
BEST_EFFORT = QoSProfile(depth=BURST, reliability=ReliabilityPolicy.BEST_EFFORT)
CAMERA = f"""
import array, time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vla_bridge.transport import make_room

make_room()
rclpy.init()
node = rclpy.create_node('camera')
qos = QoSProfile(depth={BURST}, reliability=ReliabilityPolicy.BEST_EFFORT)
publisher = node.create_publisher(Image, 'image', qos)
image = Image(height=480, width=640, encoding='rgb8', step=1920)
image.data = array.array('B', bytes(480 * 1920))
for burst in range(40):
    image.header.frame_id = str(burst)
    for _ in range({BURST}):
        publisher.publish(image)
    time.sleep(0.5)
"""


def test_a_burst_of_pictures_arrives_whole(ros_context: Context) -> None:
    """Six of 640x480 pixels in a row: ten times what the default has room for."""
    node = rclpy.create_node('listener', context=ros_context)
    bursts: Counter[str] = Counter()

    def count(image: Image) -> None:
        bursts[image.header.frame_id] += 1

    node.create_subscription(Image, 'image', count, BEST_EFFORT)
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(node)
    camera = subprocess.Popen([sys.executable, '-c', CAMERA], stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + WAIT_S
        while max(bursts.values(), default=0) < BURST:
            assert time.monotonic() < end, bursts
            executor.spin_once(timeout_sec=0.1)
    finally:
        camera.kill()
        _, complaints = camera.communicate()
        node.destroy_node()
    assert complaints == ''


def test_the_users_own_profiles_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under either name; ours for nodes without pictures gives way."""
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.setattr(os, 'environ', {variable: 'mine.xml'})
        make_room()
        assert os.environ == {variable: 'mine.xml'}
    for before in ({}, {'FASTRTPS_DEFAULT_PROFILES_FILE': str(DDS / 'local.xml')}):
        monkeypatch.setattr(os, 'environ', before)
        make_room()
        assert set(os.environ.values()) == {str(DDS / 'camera.xml')}


CALM = """
import rclpy
from std_msgs.msg import Header
from vla_bridge.transport import share_no_memory

share_no_memory()
rclpy.init()
node = rclpy.create_node('calm')
answers = node.create_publisher(Header, 'answers', 10)

def answer(question):
    mapped = sum('/dev/shm/fastrtps' in line for line in open('/proc/self/maps'))
    answers.publish(Header(frame_id=f'{question.frame_id} {mapped}'))

node.create_subscription(Header, 'questions', answer, 10)
rclpy.spin(node)
"""


def test_a_process_without_shared_memory_talks_to_others_all_the_same(
    ros_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It maps none of Fast DDS: nobody who is suspended holds a lock that it waits for."""
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    node = rclpy.create_node('asker', context=ros_context)
    heard: list[str] = []

    def hear(answer: Header) -> None:
        heard.append(answer.frame_id)

    node.create_subscription(Header, 'answers', hear, 10)
    questions = node.create_publisher(Header, 'questions', 10)
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(node)
    calm = subprocess.Popen([sys.executable, '-c', CALM])
    try:
        end = time.monotonic() + WAIT_S
        while not heard:
            assert time.monotonic() < end
            questions.publish(Header(frame_id='mapped?'))
            executor.spin_once(timeout_sec=0.1)
    finally:
        calm.kill()
        calm.wait()
        node.destroy_node()
    assert heard[0] == 'mapped? 0'


def test_beyond_this_machine_only_the_transport_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Range and peers are the user's, and so is a profile."""
    for before in (
        {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'},
        {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_STATIC_PEERS': '10.0.0.2'},
        {},
    ):
        monkeypatch.setattr(os, 'environ', dict(before))
        share_no_memory()
        assert os.environ == before | {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    chosen = {'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'}
    monkeypatch.setattr(os, 'environ', dict(chosen))
    share_no_memory()
    assert os.environ == chosen


def test_the_memory_of_a_picture_is_used_again() -> None:
    """Counted in page faults, of which each picture of 900 kB would cost up to 225."""
    code = """
import resource
from vla_bridge.transport import keep_pages
keep_pages()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
picture = b'x' * 921600
del picture
before = faults()
for _ in range(100):
    picture = b'x' * 921600
    del picture
print(faults() - before)
"""
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, check=True)
    assert int(found.stdout) < 100
