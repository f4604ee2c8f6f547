# SPDX-License-Identifier: Apache-2.0
"""`vla doctor`: what is installed, and what of a robot is in the ROS graph."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rich.console import Console
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.cli import examination, robot_streams
from vla_bridge.cli.findings import Verdict
from vla_contract.deployment import load_robot

ROBOTS = Path(__file__).parents[2] / 'config' / 'robots'


def test_doctor_says_what_to_do_about_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A needed package that is missing is an error with advice; a useful one is a note."""
    output = io.StringIO()
    monkeypatch.setattr(examination, 'NEEDED', ('numpy', 'not-a-package'))
    monkeypatch.setattr(examination, 'USEFUL', ('nor-this',))
    findings = {finding.what: finding for finding in examination._packages()}
    assert findings['numpy'].verdict is Verdict.GOOD
    assert findings['nor-this'].verdict is Verdict.NOTE
    assert 'make setup' in findings['not-a-package'].advice
    assert examination.examine(Console(file=output, width=120), 'nowhere') == examination.ILL
    assert '✘ not-a-package: not installed' in output.getvalue()
    assert 'names known there' in output.getvalue()
    assert 'robot_state_publisher' in output.getvalue()


@contextmanager
def driver(domain: int, listens_to: str) -> Iterator[None]:
    """Another participant: joint states at 50 Hz, and a controller."""
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain)
    node = Node('driver', namespace='left', context=context)
    states = node.create_publisher(JointState, 'joint_states', 10)
    node.create_timer(0.02, lambda: states.publish(JointState()))
    node.create_subscription(JointTrajectory, listens_to, lambda _: None, 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
        node.destroy_node()
        context.try_shutdown()


def test_doctor_sees_which_topics_of_a_robot_are_there_and_how_often(ros_domain: int) -> None:
    """Rates are measured; a silent camera and a controller that nobody runs are marked."""
    robot = load_robot(ROBOTS / 'sim_ur5e.yaml')
    with driver(ros_domain, robot.controller.topic):
        found = robot_streams.observe(robot, 'left')
    seen = {each.stream.topic: each for each in found}
    states = seen['joint_states']
    assert (states.publishers, states.subscribers) == (1, 0)
    assert 20 < states.rate_hz < 75
    assert states.verdict is Verdict.WARNING
    assert states.advice == 'slower than joint_state_rate_hz: 100 of the robot file'
    assert seen[robot.controller.topic].verdict is Verdict.GOOD
    assert seen['wrist_camera/image_raw'].verdict is Verdict.BAD
    assert seen['gripper_controller/commands'].advice == 'nobody listens: is the controller active?'
    output = io.StringIO()
    Console(file=output, width=160).print(robot_streams.table(found))
    assert 'gripper_controller/commands' in output.getvalue()


@pytest.mark.usefixtures('ros_domain')
def test_doctor_says_that_a_robot_is_not_running() -> None:
    """Instead of a table of everything that is not there; that is no fault of the machine."""
    output = io.StringIO()
    console = Console(file=output, width=160)
    assert robot_streams.report(console, load_robot(ROBOTS / 'ur5e.yaml'), 'left/') == []
    assert 'ur5e: not running in namespace /left of this ROS domain' in output.getvalue()
