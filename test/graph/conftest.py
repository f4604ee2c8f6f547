# SPDX-License-Identifier: Apache-2.0
"""Real nodes in their own processes, and a probe that watches and prods them."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from vla_control.msg import ActionChunk, SafetyStatus, Task

from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.resources import config_file
from vla_contract.action import POSE_DELTA_COLUMNS, ActionSpace
from vla_contract.action import ActionChunk as Chunk
from vla_contract.deployment import load_robot
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits
from vla_safety.measured import STANDSTILL
from vla_safety.motion import NS

if TYPE_CHECKING:
    from rclpy.context import Context

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 40.0
SETTLE_S = 0.3


@dataclass
class Sample:
    """One joint state, with the time at which it held: the listener may be late [s]."""

    time_s: float
    positions: NDArray[np.float64]
    speeds: NDArray[np.float64]

    @property
    def speed(self) -> float:
        """Of the fastest joint."""
        return float(self.speeds.max())


@dataclass
class Probe:
    """Watches the arm and the safety node, and stands in for companions where asked to."""

    context: 'Context'
    samples: list[Sample] = field(default_factory=list)
    statuses: list[SafetyStatus] = field(default_factory=list)
    sequence: int = 0
    task: str = ''

    def __post_init__(self) -> None:
        """Subscribe to everything worth watching."""
        path = config_file('sim_ur5e', 'robots')
        self.robot = load_robot(path)
        model = self.kinematics = Kinematics(self.robot, path.parent / self.robot.urdf)
        self.limits = Limits.of(self.robot, model.lower, model.upper, model.velocity)
        self.node = Node('probe', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._beats: dict[str, Heartbeat] = {}
        self._chunks = self.node.create_publisher(ActionChunk, topics.ACTION_CHUNK, topics.COMMAND)
        self._tasks = self.node.create_publisher(Task, topics.TASK, topics.LATCHED)
        self.joints = self.node.create_subscription(
            JointState, self.robot.joint_states, self.see, topics.SENSOR
        )
        self.node.create_subscription(
            SafetyStatus, topics.SAFETY_STATUS, self.statuses.append, topics.COMMAND
        )

    @property
    def status(self) -> SafetyStatus:
        """The newest."""
        return self.statuses[-1]

    @property
    def q(self) -> NDArray[np.float64]:
        """Newest arm positions."""
        return self.samples[-1].positions

    def stand_in(self, *companions: str) -> None:
        """Beat for nodes that are not running."""
        for name in companions:
            self._beats[name] = Heartbeat(self.node, f'{name}/heartbeat')

    def fall_silent(self, companion: str) -> None:
        """Stop beating for one of them."""
        self._beats.pop(companion).close()

    def spin(self, seconds: float) -> None:
        """Let time pass."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.01)

    def until(self, done: Callable[[], object], what: str) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            seen = self.statuses[-1].text if self.statuses else 'no status'
            assert time.monotonic() < deadline, f'never: {what} (safety says: {seen})'
            self._executor.spin_once(timeout_sec=0.02)

    def call(self, service: str) -> Trigger.Response:
        """Call one of the safety node's services."""
        client = self.node.create_client(Trigger, service)
        self.until(client.service_is_ready, f'service {service}')
        self.spin(SETTLE_S)  # the server has to find us too, or cannot answer
        future = client.call_async(Trigger.Request())
        self.until(future.done, f'an answer of {service}')
        self.node.destroy_client(client)
        return future.result()

    def arm(self) -> None:
        """Arm, as soon as everything is heard: on a loaded machine that takes a few tries."""
        self.until(lambda: self.samples and self.statuses, 'joint states and status')
        self.until(lambda: self.call(topics.SAFETY_ARM).success, 'armed')

    def give_task(self, task: str) -> None:
        """Announce a task, as the instruction node would."""
        self.task = task
        self._tasks.publish(Task(id=task, instruction='', active=True))

    def sway(self, chunks: int, session: str = 'probe') -> None:
        """Drive the arm back and forth as a policy would, 20 rows every 0.25 s."""
        home, start_ns = self.q.copy(), self.node.get_clock().now().nanoseconds
        for _ in range(chunks):
            now_ns = self.node.get_clock().now().nanoseconds
            t = (now_ns - start_ns) / NS + np.arange(20) * 0.05
            wave = 0.5 * (1 - np.cos(2 * np.pi * t / 4)) / 2
            self.send(home + wave[:, None] * np.array([1, -0.5, 0.5, 0.3, 0.3, 1]), session)
            self.spin(0.25)

    def send(
        self,
        rows: NDArray[np.float64],
        session: str = 'probe',
        space: ActionSpace = ActionSpace.JOINT_POSITION,
    ) -> None:
        """Publish one chunk that starts now."""
        now_ns = self.node.get_clock().now().nanoseconds
        self.sequence += 1
        names, units = self.robot.joint_names, ('rad',) * len(self.robot.joints)
        if space is ActionSpace.POSE_DELTA:
            names, units = POSE_DELTA_COLUMNS, ('m',) * 3 + ('rad',) * 3
        chunk = Chunk(
            session=session,
            sequence=self.sequence,
            task_id=self.task,
            observation_stamp_ns=now_ns,
            start_ns=now_ns,
            step_s=0.05,
            space=space,
            columns=names,
            units=units,
            frame=self.robot.base_frame,
            values=rows,
        )
        self._chunks.publish(encode(chunk))

    def rest_after(self, since_s: float) -> float:
        """Time from a moment to the last sign of motion, after a second of watching [s]."""
        self.spin(since_s + 1.0 - time.time())
        moving = [s.time_s for s in self.samples if s.time_s > since_s and s.speed > STANDSTILL]
        return (moving[-1] - since_s) if moving else 0.0

    def seen_since(self, since_s: float) -> str:
        """What a failed test has to say: motion and status after a moment."""
        speeds = [
            f'{s.time_s - since_s:.3f} s: {s.speed:.3f}' for s in self.samples if s.time_s > since_s
        ]
        words = [f'{status.state_name} {status.text}' for status in self.statuses[-20:]]
        return '; '.join([*speeds[:20], *dict.fromkeys(words)])

    def moving(self) -> bool:
        """The arm moves now."""
        return bool(self.samples) and self.samples[-1].speed > 3 * STANDSTILL

    def assert_within_limits(self) -> None:
        """No joint was ever seen outside its position limits or beyond its speed limit."""
        limits = self.limits
        for sample in self.samples:
            assert not limits.position_excess(sample.positions).any(), sample
            assert (sample.speeds <= limits.velocity).all(), sample

    def assert_without_jumps(self) -> None:
        """No joint went further from one state to the next than its speed limit allows."""
        for before, after in itertools.pairwise(self.samples):
            most = self.limits.velocity * (after.time_s - before.time_s) + 1e-3
            assert (np.abs(after.positions - before.positions) <= most).all(), (before, after)

    def close(self) -> None:
        """Stop watching."""
        self._executor.shutdown()
        self.node.destroy_node()

    def see(self, message: JointState) -> None:
        """Take down where the arm is."""
        if not message.velocity:
            return
        names = self.robot.joint_names
        by_name = dict(zip(message.name, message.position, strict=True))
        speeds = dict(zip(message.name, message.velocity, strict=True))
        positions = np.array([by_name[name] for name in names])
        fast = np.abs([speeds[name] for name in names])
        stamp = message.header.stamp
        self.samples.append(Sample(stamp.sec + stamp.nanosec * 1e-9, positions, fast))


class Graph:
    """Nodes of ours in processes of their own.

    Attributes:
        parameters: Of every node.
        processes: By the name of the node.
        scripts: Of nodes that are not quite the product's.
        environment: Of every node that is started from now on.
    """

    def __init__(self, domain: int, folder: Path) -> None:
        """Nothing runs yet; recordings will go to the folder."""
        self.parameters = {'deployment': 'sim_demonstrator'}
        self.environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.scripts: dict[str, Path] = {}

    def start(self, *names: str, scene: str = '') -> None:
        """Start nodes; the simulator without cameras, and with a scene for an instruction."""
        arguments = [a for n, v in self.parameters.items() for a in ('-p', f'{n}:={v}')]
        own = {
            'sim_node': ['-p', 'render:=false', '-p', f'instruction:="{scene}"'],
            'recorder_node': ['-p', f'folder:={self._folder}'],
            'safety_node': ['-p', f'rejected_folder:={self._folder / "rejected"}'],
        }
        for name in names:
            script = self.scripts.get(name)
            program = [str(script)] if script else ['-m', f'vla_bridge.nodes.{name}']
            command = [sys.executable, *program, '--ros-args', *arguments, *own.get(name, [])]
            self.processes[name] = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment)

    def signal(self, name: str, number: signal.Signals) -> float:
        """Send a signal; the moment it was sent [s]."""
        self.processes[name].send_signal(number)
        return time.time()

    def finish(self, name: str) -> None:
        """Have a node end as with Ctrl-C, and wait for it."""
        self.signal(name, signal.SIGINT)
        self.processes[name].wait(timeout=10)

    def dead(self) -> set[str]:
        """Nodes that have ended."""
        return {name for name, process in self.processes.items() if process.poll() is not None}

    def close(self) -> None:
        """End everything, whatever state it is in."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def graph(ros_domain: int, tmp_path: Path) -> Iterator[Graph]:
    """Processes in this test's own domain, all ended after it."""
    graph = Graph(ros_domain, tmp_path)
    yield graph
    graph.close()


@pytest.fixture
def probe(ros_context: 'Context') -> Iterator[Probe]:
    """A watcher in this test's own domain."""
    probe = Probe(ros_context)
    yield probe
    probe.close()
