# SPDX-License-Identifier: Apache-2.0
"""`vla doctor`: what is installed, and what of a robot is in the ROS graph."""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

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
from vla_bridge.cli.moveit_findings import moveit_asked_for, moveit_findings
from vla_contract.deployment import load_robot
from vla_contract.scene import CollisionBackend

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
    assert 'for collision.backend: moveit' in output.getvalue()


@contextmanager
def modules_forgotten() -> Iterator[None]:
    """What of MoveIt is imported in here is not there afterwards, and what was before is again."""

    def of_moveit() -> dict[str, ModuleType]:
        ours = ('moveit', 'moveit_msgs')
        return {name: each for name, each in sys.modules.items() if name.split('.')[0] in ours}

    before = of_moveit()
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in of_moveit():
            del sys.modules[name]
        sys.modules.update(before)


def folder_of_moveit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that can be imported, of a version, and bindings that cannot."""
    (folder / 'moveit_msgs' / 'srv').mkdir(parents=True)
    (folder / 'moveit_msgs' / '__init__.py').touch()
    (folder / 'moveit_msgs' / 'msg.py').touch()
    (folder / 'moveit_msgs' / 'srv' / '__init__.py').write_text('GetStateValidity = object\n')
    information = folder / 'moveit_msgs-2.6.0.dist-info'
    information.mkdir()
    (information / 'METADATA').write_text('Name: moveit_msgs\nVersion: 2.6.0\n')
    (folder / 'moveit').mkdir()
    (folder / 'moveit' / '__init__.py').write_text('raise ImportError("libmoveit.so: missing")\n')
    monkeypatch.syspath_prepend(folder)


def test_doctor_says_whether_moveit_is_there_and_what_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version, what is wrong with it, or that it is not installed, which is no fault."""
    with modules_forgotten(), monkeypatch.context() as patch:
        folder_of_moveit(tmp_path, patch)
        found = {finding.what: finding for finding in moveit_findings()}
    assert found['moveit_msgs'].verdict is Verdict.GOOD
    assert found['moveit_msgs'].found == '2.6.0, for collision.auditor and scene.planning_scene'
    assert found['MoveIt'].verdict is Verdict.WARNING
    assert 'libmoveit.so: missing; for collision.backend: moveit' in found['MoveIt'].found
    assert 'moveit-py' in found['MoveIt'].advice
    with modules_forgotten(), monkeypatch.context() as patch:
        hide_moveit(patch)
        found = {finding.what: finding for finding in moveit_findings()}
    assert {finding.verdict for finding in found.values()} == {Verdict.NOTE}
    assert found['MoveIt'].found == 'not installed (no moveit_msgs); for collision.backend: moveit'
    assert found['moveit_msgs'].found.startswith('not installed; for')


def hide_moveit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without it."""

    class Nowhere(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            """None of MoveIt."""
            if name in ('moveit', 'moveit_msgs'):
                raise ModuleNotFoundError(f'No module named {name!r}', name=name)

    monkeypatch.setattr(sys, 'meta_path', [Nowhere(), *sys.meta_path])


def test_moveit_that_a_robot_asks_for_and_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The safety node would refuse to start."""
    robot = load_robot(ROBOTS / 'sim_ur5e.yaml')
    with modules_forgotten():
        hide_moveit(monkeypatch)
        assert not list(moveit_asked_for(robot))
        changes = {'backend': CollisionBackend.MOVEIT, 'auditor': 'check_state_validity'}
        asking = robot.model_copy(update={'collision': robot.collision.model_copy(update=changes)})
        found = list(moveit_asked_for(asking))
        assert [finding.what for finding in found] == ['MoveIt', 'moveit_msgs']
        assert {finding.verdict for finding in found} == {Verdict.BAD}
        assert 'collision.auditor of sim_ur5e asks for it' in found[1].found


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
