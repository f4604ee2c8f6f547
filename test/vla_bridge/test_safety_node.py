# SPDX-License-Identifier: Apache-2.0
"""safety_node alone: what it decides is told once, with the values, and can be replayed."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Header
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import ActionChunk, SafetyEvent, SafetyStatus, Task

from test.vla_bridge.node_bench import NodeBench
from test.vla_bridge.permissive import permissive_srdf
from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.cli.main import main
from vla_bridge.nodes.safety_node import SafetyNode
from vla_bridge.safety_events import EVENTS
from vla_contract.action import ActionChunk as Chunk
from vla_contract.action import ActionSpace
from vla_safety.motion import Motion
from vla_safety.reasons import Finding

PEOPLE = 'nearest_person'


class SafetyBench:
    """The node, an arm that stands, and everybody's heartbeat."""

    def __init__(
        self,
        domain: int,
        folder: Path,
        overrides: str = '',
        make: Callable[[], SafetyNode] = SafetyNode,
        parameters: Sequence[str] = (),
    ) -> None:
        """Start it with a robot that watches people.

        Args:
            domain: Of ROS.
            folder: For its files.
            overrides: Further ones of the robot file, after a comma.
            make: Makes the node.
            parameters: Further ones of it.
        """
        self.skew_ns = 0
        robot = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
        deployment = folder / 'cell.yaml'
        (folder / 'hold.yaml').write_text((robot.parents[1] / 'policies' / 'hold.yaml').read_text())
        text = robot.read_text().replace('../../urdf', str(robot.parents[2] / 'urdf'))
        (folder / 'robot.yaml').write_text(text)
        deployment.write_text(
            'robot: robot.yaml\npolicy: hold.yaml\n'
            f'robot_overrides: {{separation: {{topic: {PEOPLE}, max_age_s: 60.0}}{overrides}}}\n'
        )
        self.folder = folder / 'rejected'
        self.bench: NodeBench[SafetyNode] = NodeBench(
            domain,
            make,
            f'deployment:={deployment}',
            'realtime:=false',
            f'rejected_folder:={self.folder}',
            *parameters,
        )
        assert self.bench.node.filter is not None
        self.robot = self.bench.node.filter.robot
        self.q = np.array(self.robot.home)
        probe = self.bench.probe
        self._joints = probe.create_publisher(JointState, self.robot.joint_states, topics.SENSOR)
        self.beats = [
            probe.create_publisher(Header, topic, topics.SENSOR)
            for topic in (
                topics.POLICY_HEARTBEAT,
                topics.INSTRUCTION_HEARTBEAT,
                topics.GUARD_HEARTBEAT,
            )
        ]
        self.people = probe.create_publisher(Float64, PEOPLE, topics.SENSOR)
        self._tasks = probe.create_publisher(Task, topics.TASK, topics.LATCHED)
        self.chunks = probe.create_publisher(ActionChunk, topics.ACTION_CHUNK, topics.COMMAND)
        self.sent = self.bench.hear(JointTrajectory, self.robot.controller.topic)
        self.statuses = self.bench.hear(SafetyStatus, topics.SAFETY_STATUS)
        self.events = self.bench.hear(SafetyEvent, topics.SAFETY_EVENTS, EVENTS)
        probe.create_timer(0.02, self._beat)
        self.sequence = 0
        self._tasks.publish(Task(id='task', active=True))
        self.people.publish(Float64(data=3.0))

    def _beat(self) -> None:
        stamp = Time(nanoseconds=self.now_ns).to_msg()
        message = JointState(name=list(self.robot.joint_names), position=self.q.tolist())
        message.velocity = [0.0] * len(self.q)
        message.header.stamp = stamp
        self._joints.publish(message)
        for beat in self.beats:
            beat.publish(Header(stamp=stamp))

    @property
    def now_ns(self) -> int:
        """By a clock that the test may set."""
        return int(self.bench.probe.get_clock().now().nanoseconds) + self.skew_ns

    def call(self, service: str, request: Any = None, kind: Any = Trigger) -> Any:  # noqa: ANN401
        """Call a service of the node."""
        client = self.bench.probe.create_client(kind, service)
        self.bench.until(client.service_is_ready)
        return self.bench.answer(client.call_async(request or kind.Request()))

    def arm(self) -> None:
        """Arm, once all that is needed has come."""
        self.bench.until(lambda: self.people.get_subscription_count() and self.statuses)
        self.people.publish(Float64(data=3.0))
        self.bench.until(lambda: self.call(topics.SAFETY_ARM).success)

    def chunk(self, rows: Any) -> Chunk:  # noqa: ANN401 - rows by joints
        """A chunk that starts now."""
        self.sequence += 1
        now_ns, names = self.now_ns, self.robot.joint_names
        return Chunk(
            session='session',
            sequence=self.sequence,
            task_id='task',
            observation_stamp_ns=now_ns,
            start_ns=now_ns,
            step_s=0.05,
            space=ActionSpace.JOINT_POSITION,
            columns=names,
            units=('rad',) * len(names),
            frame=self.robot.base_frame,
            values=np.asarray(rows),
        )

    def expect(self, wanted: Callable[[SafetyEvent], bool]) -> SafetyEvent:
        """Wait for an event."""
        self.bench.until(lambda: any(map(wanted, self.events)))
        return next(event for event in self.events if wanted(event))


@pytest.fixture
def safety(ros_domain: int, tmp_path: Path) -> Iterator[SafetyBench]:
    """The node, active and not armed."""
    bench = SafetyBench(ros_domain, tmp_path)
    yield bench
    bench.bench.close()


def test_an_srdf_that_lets_links_pass_through_each_other_is_told_at_start(
    ros_domain: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the log, before anything moves; the node starts all the same."""
    bench = SafetyBench(ros_domain, tmp_path, f', srdf: {permissive_srdf(tmp_path)}')
    bench.bench.close()
    said = capfd.readouterr().err
    assert 'takes 1 pair of links out of collision checking that can collide' in said
    assert 'gripper_base_link and upper_arm_link may touch ("Never"), and do in' in said


def test_arming_is_told_as_a_request_and_as_a_change(safety: SafetyBench) -> None:
    """With what was asked, what was answered, and the states before and after."""
    safety.arm()
    event = safety.expect(lambda e: e.kind == SafetyEvent.REQUEST and e.granted)
    assert (event.request, event.text) == ('arm', 'armed')
    assert event.previous_state == SafetyStatus.DISARMED
    assert (event.state, event.state_name) == (SafetyStatus.ARMED, 'ARMED')
    change = safety.expect(lambda e: e.kind == SafetyEvent.CHANGE and e.state == SafetyStatus.ARMED)
    assert change.previous_state == SafetyStatus.DISARMED
    assert change.header.stamp.sec > 0


def test_a_refused_request_is_told_with_its_reason(safety: SafetyBench) -> None:
    """Nobody heard the policy since: arming says so, in the answer and as an event."""
    safety.arm()
    assert safety.call(topics.SAFETY_STOP).success
    safety.beats.pop(0)
    safety.bench.spin(0.3)
    answer = safety.call(topics.SAFETY_ARM)
    assert not answer.success
    event = safety.expect(lambda e: e.request == 'arm' and not e.granted and 'POLICY' in e.reason)
    assert event.reason == 'POLICY_SILENT'
    assert 'policy_node was last heard' in event.text
    stop = safety.expect(lambda e: e.request == 'stop')
    assert stop.state_name == 'PROTECTIVE_STOP'


def test_a_refused_chunk_is_told_kept_and_replayed(
    safety: SafetyBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the event to the picture: the file's name, the same reason, every step."""
    safety.arm()
    safety.chunks.publish(encode(safety.chunk(np.tile(safety.q + 1.0, (10, 1)))))
    event = safety.expect(lambda e: e.kind == SafetyEvent.CHUNK_REFUSED)
    assert (event.reason, event.session, event.sequence) == ('SEAM_JUMP', 'session', 1)
    assert 'at most 0.3' in event.text
    path = safety.folder / event.record
    safety.bench.until(path.is_file)
    plot = tmp_path / 'why.png'
    assert main(['safety', 'replay', str(path), '--plot', str(plot)]) == 0
    said = capsys.readouterr().out
    assert 'SEAM_JUMP: ' + event.text in ' '.join(said.split())
    assert 'refused' in said
    assert 'not reached' in said
    assert 'the same' in said
    assert plot.stat().st_size > 20_000


def test_a_chunk_without_form_is_told_too(safety: SafetyBench) -> None:
    """There is nothing to keep, but somebody should know."""
    safety.arm()
    message = encode(safety.chunk(np.tile(safety.q, (3, 1))))
    message.values = message.values[:-1]
    safety.chunks.publish(message)
    event = safety.expect(lambda e: e.kind == SafetyEvent.CHUNK_REFUSED)
    assert (event.reason, event.sequence, event.record) == ('MALFORMED', 1, '')


def test_a_parameter_cannot_change_while_the_node_is_active(safety: SafetyBench) -> None:
    """Neither one of ours nor the clock that everything is measured by."""
    for name in ('rejected_files', 'use_sim_time'):
        value = ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)
        if name == 'rejected_files':
            value = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=3)
        request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
        answer = safety.call('safety_node/set_parameters', request, SetParameters)
        assert not answer.results[0].successful
        event = safety.expect(lambda e, name=name: name in e.text)  # type: ignore[misc]
        assert (event.request, event.reason, event.granted) == ('parameter', 'LOCKED', False)
    assert not safety.bench.node.get_parameter('use_sim_time').value


def test_reduced_speed_is_switched_told_and_shown(safety: SafetyBench) -> None:
    """The status says how fast the tool may be, and why."""
    safety.arm()
    answer = safety.call(topics.SAFETY_REDUCED_SPEED, SetBool.Request(data=True), SetBool)
    assert answer.success
    assert '0.25 m/s' in answer.message
    safety.bench.until(lambda: safety.statuses[-1].reduced_speed)
    assert safety.statuses[-1].tool_speed_allowed == pytest.approx(0.25)
    event = safety.expect(lambda e: e.request == 'reduced_speed')
    assert event.granted


def test_a_person_who_comes_near_is_heard(safety: SafetyBench) -> None:
    """The distance is in the status, and the speed that is left beside them."""
    safety.arm()
    assert not math.isnan(safety.statuses[-1].person_distance)
    before = safety.statuses[-1].tool_speed_allowed
    safety.people.publish(Float64(data=1.0))
    safety.bench.until(lambda: safety.statuses[-1].person_distance == pytest.approx(1.0))
    assert safety.statuses[-1].tool_speed_allowed < before
    safety.people.publish(Float64(data=0.1))
    safety.bench.until(lambda: safety.statuses[-1].tool_speed_allowed == 0.0)

    def refused() -> bool:
        """Again until the task has been heard, without which any chunk is refused."""
        safety.chunks.publish(encode(safety.chunk(np.tile(safety.q, (10, 1)))))
        return any(event.reason == 'PERSON_NEAR' for event in safety.events)

    safety.bench.until(refused)


class Sleepy:
    """A check that stands still once, as a process does that is suspended while it thinks."""

    def __init__(self, seconds: float) -> None:
        """Sleep this long."""
        self._seconds = seconds

    def find(self, motion: Motion) -> Finding | None:
        """Nothing is wrong with the motion but that time passes."""
        if (motion.q != motion.q[0]).any():
            time.sleep(self._seconds)
            self._seconds = 0.0
        return None


def test_a_motion_that_was_decided_long_ago_is_not_sent(safety: SafetyBench) -> None:
    """The controller has left what it would continue, and the guard may have stopped the arm."""
    motion_filter = safety.bench.node.filter
    assert motion_filter is not None
    motion_filter.checks = (*motion_filter.checks, Sleepy(0.6))
    safety.arm()
    safety.bench.spin(0.1)
    safety.chunks.publish(encode(safety.chunk(safety.q + np.linspace(0, 0.1, 20)[:, None])))
    event = safety.expect(lambda e: e.reason == 'STALLED')
    assert event.state == SafetyStatus.HOLD
    assert not safety.sent


def test_deactivating_is_told_and_leaves_nothing_to_be_asked(safety: SafetyBench) -> None:
    """Nobody arms a node that is not active."""
    safety.arm()
    safety.bench.node.trigger_deactivate()
    change = safety.expect(lambda e: e.reason == 'DEACTIVATED')
    assert change.previous_state == SafetyStatus.ARMED
    answer = safety.call(topics.SAFETY_ARM)
    assert not answer.success
    assert 'not active' in answer.message


def test_a_replay_of_another_arm_says_what_is_missing(
    safety: SafetyBench, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file from a machine with other files is refused in words, not guessed at."""
    safety.arm()
    chunk = replace(safety.chunk(np.tile(safety.q, (3, 1))), task_id='other')
    safety.chunks.publish(encode(chunk))
    event = safety.expect(lambda e: e.kind == SafetyEvent.CHUNK_REFUSED)
    path = safety.folder / event.record
    safety.bench.until(path.is_file)
    path.write_text(path.read_text().replace('ur5e.urdf"', 'moved.urdf"'))
    assert main(['safety', 'replay', str(path)]) == 2
    assert 'moved.urdf' in capsys.readouterr().err
