# SPDX-License-Identifier: Apache-2.0
"""Two safety nodes in two namespaces, over real DDS, with arms that follow what they are sent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import ActionChunk, SafetyStatus, Task

from test.graph.conftest import CHECKOUT, PATIENCE_S
from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.cli.main import main
from vla_bridge.collision.backend import load_neighbours
from vla_bridge.controllers.trajectory import from_message
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.rejected_chunks import kept_in
from vla_bridge.resources import config_file
from vla_contract.action import ActionChunk as Chunk
from vla_contract.action import ActionSpace
from vla_contract.deployment import load_deployment
from vla_safety.motion import Motion

if TYPE_CHECKING:
    from rclpy.context import Context

SIDES = ('left', 'right')
MARGIN_M = 0.02
FAR_M = 0.5
ASK_EVERY_S = 1.0
PATIENT = """
  timing: {heartbeat_timeout_s: 0.6, joint_state_max_age_s: 0.6}
"""
"""A busy machine holds an arm now and then; the policy asks again."""
MIDDLE = np.array([-0.2, -1.0, 1.4, -1.97, -1.57, -1.93])
"""So far ahead that both arms cannot be there."""
pytestmark = pytest.mark.graph


def patient(side: str, folder: Path) -> Path:
    """The shipped deployment, for a machine with other things to do."""
    shipped = config_file(f'dual_{side}')
    text = shipped.read_text().replace(': ro', f': {shipped.parent}/ro')
    text = text.replace(': po', f': {shipped.parent}/po').rstrip()
    path = folder / f'{side}.yaml'
    path.write_text(f'{text}\n      max_age_s: 0.6{PATIENT}')
    return path


class FollowingArm:
    """An arm that is exactly where it was told to be, and what else its safety node hears."""

    def __init__(self, node: Node, side: str, deployment: Path) -> None:
        """Begin at home."""
        self.robot = load_deployment(deployment).robot
        self.statuses: list[SafetyStatus] = []
        self._node, self._home = node, np.array(self.robot.home)
        self._plan: Motion | None = None
        self._sequence = 0
        companions = ('policy_node', 'instruction_node', 'guard_node')
        self._beats = [Heartbeat(node, f'{side}/{name}/heartbeat') for name in companions]
        publish = node.create_publisher
        self._joints = publish(JointState, f'{side}/joint_states', topics.SENSOR)
        self._chunks = publish(ActionChunk, f'{side}/{topics.ACTION_CHUNK}', topics.COMMAND)
        self._tasks = publish(Task, f'{side}/{topics.TASK}', topics.LATCHED)
        node.create_subscription(
            JointTrajectory, f'{side}/{self.robot.controller.topic}', self._take, topics.COMMAND
        )
        node.create_subscription(
            SafetyStatus, f'{side}/{topics.SAFETY_STATUS}', self.statuses.append, topics.COMMAND
        )
        node.create_timer(0.02, self._say)
        self._services = {
            name: node.create_client(Trigger, f'{side}/safety_node/{name}')
            for name in ('arm', 'disarm')
        }

    @property
    def q(self) -> NDArray[np.float64]:
        """Where it is now."""
        return self._home if self._plan is None else self._plan.at(self._now_ns()).q

    @property
    def status(self) -> SafetyStatus:
        """The newest."""
        return self.statuses[-1]

    def ask(self, name: str, until: Callable[[Callable[[], object]], None]) -> Trigger.Response:
        """Call a service."""
        until(self._services[name].service_is_ready)
        future = self._services[name].call_async(Trigger.Request())
        until(future.done)
        return future.result()

    def reach(self, target: NDArray[np.float64]) -> None:
        """Ask for a posture, two seconds from now."""
        self._tasks.publish(Task(id='reach', instruction='reach', active=True))
        share = np.linspace(0, 1, 40)[:, None]
        rows = self.q + (target - self.q) * share**3 * (10 - 15 * share + 6 * share**2)
        self._sequence += 1
        now_ns = self._now_ns()
        chunk = Chunk(
            session='test',
            sequence=self._sequence,
            task_id='reach',
            observation_stamp_ns=now_ns,
            start_ns=now_ns,
            step_s=0.05,
            space=ActionSpace.JOINT_POSITION,
            columns=self.robot.joint_names,
            units=('rad',) * 6,
            frame=self.robot.base_frame,
            values=rows,
        )
        self._chunks.publish(encode(chunk))

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _take(self, message: JointTrajectory) -> None:
        self._plan = from_message(self.robot.joint_names, message)

    def _say(self) -> None:
        state = self._plan.at(self._now_ns()) if self._plan else None
        names = [*self.robot.joint_names, 'gripper_finger_joint']
        speeds = np.zeros(6) if state is None else state.v
        message = JointState(name=names, position=[*self.q, 0.04], velocity=[*speeds, 0.0])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._joints.publish(message)


class Cell:
    """Both arms and their safety nodes."""

    def __init__(self, context: 'Context', domain: int, folder: Path) -> None:
        """Start all of it."""
        self.node, self.folder = Node('cell', context=context), folder
        paths = {side: patient(side, folder) for side in SIDES}
        self.arms = {side: FollowingArm(self.node, side, paths[side]) for side in SIDES}
        self.nearest_m = np.inf
        self._asked_s = -np.inf
        neighbours = load_neighbours(load_deployment(paths['left']))
        assert neighbours is not None
        self._checker = neighbours.checker
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
        self.processes = {
            side: subprocess.Popen(
                [
                    *(sys.executable, '-m', 'vla_bridge.nodes.safety_node', '--ros-args'),
                    *('-r', f'__ns:=/{side}', '-p', f'deployment:={paths[side]}'),
                    *('-p', f'rejected_folder:={folder / side}', '-p', 'realtime:=false'),
                ],
                cwd=CHECKOUT,
                env=environment,
            )
            for side in SIDES
        }

    def until(self, done: Callable[[], object]) -> None:
        """Spin until something is true, and see how near the arms come meanwhile."""
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, [arm.status for arm in self.arms.values()]
            self._executor.spin_once(timeout_sec=0.02)
            self._look()

    def arm(self, side: str) -> None:
        """Arm, as soon as it is possible."""
        self.until(lambda: self.arms[side].ask('arm', self.until).success)

    def insist(self, target: NDArray[np.float64]) -> bool:
        """Ask both arms for a posture again and again; true once each stopped at the other."""
        stopped = [arm.status.reason == 'COLLISION' for arm in self.arms.values()]
        if time.monotonic() > self._asked_s + ASK_EVERY_S:
            self._asked_s = time.monotonic()
            for arm, there in zip(self.arms.values(), stopped, strict=True):
                if not there:
                    arm.reach(target)
        return all(stopped)

    def collisions(self, side: str) -> list[Path]:
        """Chunks that an arm's safety node kept since they led into the other."""
        folder = self.folder / side
        kept = kept_in(folder) if folder.is_dir() else []
        return [path for path in kept if 'COLLISION' in path.name]

    def close(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            process.wait(timeout=10)
        self._executor.shutdown()
        self.node.destroy_node()

    def _look(self) -> None:
        others = {'right': (self.arms['right'].q, 1.0)}
        posture = self._checker.layout.posture(self.arms['left'].q, 1.0, others)
        found = self._checker.clearance(posture)
        assert found is not None
        self.nearest_m = min(self.nearest_m, found.distance_m)


@pytest.fixture
def cell(ros_context: 'Context', ros_domain: int, tmp_path: Path) -> Iterator[Cell]:
    """Two safety nodes, neither of them armed."""
    cell = Cell(ros_context, ros_domain, tmp_path)
    yield cell
    cell.close()


def test_two_arms_in_two_namespaces_stop_apart_and_miss_each_other(cell: Cell) -> None:
    """Sent to one place they come near and stop; without the other, neither is armed again.

    What led into the other is refused again, from its file alone.
    """
    arms = cell.arms
    for side in SIDES:
        cell.arm(side)
    cell.until(lambda: cell.insist(MIDDLE))
    cell.until(lambda: all(arm.status.standstill for arm in arms.values()))
    assert MARGIN_M <= cell.nearest_m < FAR_M
    assert any(
        '/wrist' in arm.status.text or '/gripper' in arm.status.text for arm in arms.values()
    )
    assert {arm.status.reason for arm in arms.values()} == {'COLLISION'}
    for side in SIDES:
        cell.until(lambda side=side: cell.collisions(side))  # type: ignore[misc]
        for path in cell.collisions(side):
            assert main(['safety', 'replay', str(path)]) == 0
    cell.processes['right'].send_signal(signal.SIGKILL)
    cell.processes['right'].wait()
    assert arms['left'].ask('disarm', cell.until).success
    answers = []

    def refused() -> bool:
        answers.append(arms['left'].ask('arm', cell.until))
        arms['left'].ask('disarm', cell.until)
        return not answers[-1].success

    cell.until(refused)
    assert answers[-1].message.startswith('OTHER_ARM_SILENT: the ')
