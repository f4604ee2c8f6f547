# SPDX-License-Identifier: Apache-2.0
"""The policy node over real DDS: chunks for the task at hand, and nothing else, ever."""

import array
import math
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header
from typing_extensions import override
from vla_control.msg import ActionChunk, Task, TaskProgress

from test.vla_bridge.node_bench import WAIT_S, NodeBench
from vla_bridge import topics
from vla_bridge.chunk_codec import decode
from vla_bridge.nodes.policy_node import PolicyNode
from vla_contract.errors import InstructionError
from vla_contract.observation import Observation
from vla_policy.policy import Rows

JOINTS = (
    *('shoulder_pan_joint', 'shoulder_lift_joint', 'elbow_joint'),
    *('wrist_1_joint', 'wrist_2_joint', 'wrist_3_joint'),
)
COLUMNS = [*JOINTS, 'gripper']
GOOD = np.array([[90.0] * 6 + [-1.0]] * 4)
POLICY = """
name: test
kind: hold
images: [{{key: wrist, camera: wrist, width: 32, height: 24}}]
state: {{columns: [{columns}], unit: deg, gripper: {{open: -1.0, closed: 1.0}}}}
action:
  space: joint_position
  columns: [{columns}]
  unit: deg
  gripper: {{open: -1.0, closed: 1.0}}
rate_hz: 10.0
rows: 4
execution: {{strategy: {strategy}}}
"""


class FakePolicy:
    """Answers what the test puts in, when the test puts it in."""

    def __init__(self) -> None:
        """Nothing asked, nothing to answer."""
        self.asked: queue.Queue[Observation] = queue.Queue()
        self.answers: queue.Queue[NDArray[np.float64] | Rows | Exception] = queue.Queue()
        self.instruction = ''
        self.refuses = ''

    def reset(self, instruction: str) -> None:
        """Note it, or refuse what the test says."""
        self.instruction = instruction
        if instruction == self.refuses:
            raise InstructionError(f'what is to {instruction}?')

    def infer(self, observation: Observation, _: NDArray[np.float64]) -> Rows:
        """Wait for the test's answer."""
        self.asked.put(observation)
        answer = self.answers.get(timeout=WAIT_S)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Rows) else Rows(answer)


class Bench(NodeBench[PolicyNode]):
    """A policy node; the test is its policy, its sensors and its instruction node."""

    def __init__(self, domain: int, policy_path: Path) -> None:
        """Start the node and join its graph."""
        self.policy = FakePolicy()
        super().__init__(
            domain,
            lambda: PolicyNode(load=lambda _: self.policy),
            *('robot:=sim_ur5e', f'policy:={policy_path}'),
        )
        self._tasks = self.probe.create_publisher(Task, topics.TASK, topics.LATCHED)
        self._joints = self.probe.create_publisher(JointState, 'joint_states', topics.SENSOR)
        self._images = self.probe.create_publisher(Image, 'wrist_camera/image_raw', topics.SENSOR)
        self.cameras_on = True
        self.always: NDArray[np.float64] | None = None
        self.probe.create_timer(0.02, self._publish_sensors)
        self.chunks = self.hear(ActionChunk, topics.ACTION_CHUNK)
        self.progress = self.hear(TaskProgress, topics.TASK_PROGRESS)
        self.beats = self.hear(Header, topics.POLICY_HEARTBEAT)
        self.diagnostics = self.hear(DiagnosticArray, '/diagnostics')

    def task(self, task_id: str, instruction: str = 'do it', active: bool = True) -> None:
        """Give a task."""
        self._tasks.publish(Task(id=task_id, instruction=instruction, active=active))

    def asked(self) -> Observation:
        """Spin until the policy is asked."""
        self.until(lambda: not self.policy.asked.empty())
        return self.policy.asked.get_nowait()

    def says(self) -> str:
        """What the node's diagnostics would say now."""
        status = self.node.diagnostics()
        return status.message if status else ''

    def diagnosed(self, level: bytes, words: str) -> None:
        """Spin until the node's diagnostics say this."""
        self.until(
            lambda: any(
                status.level == level and words in status.message
                for message in self.diagnostics
                for status in message.status
                if status.name == 'policy_node'
            )
        )

    @override
    def close(self) -> None:
        """Let the policy answer, and end everything."""
        self.policy.answers.put(GOOD)
        super().close()

    def _publish_sensors(self) -> None:
        if self.always is not None and self.policy.answers.empty():
            self.policy.answers.put(self.always)
        stamp = self.probe.get_clock().now().to_msg()
        names = [*reversed(JOINTS), 'gripper_finger_joint']
        self._joints.publish(
            JointState(header=Header(stamp=stamp), name=names, position=[math.pi] * 6 + [0.04])
        )
        if self.cameras_on:
            data = array.array('B', bytes([9]) * (640 * 480 * 3))
            image = Image(height=480, width=640, encoding='rgb8', step=1920, data=data)
            image.header.stamp = stamp
            self._images.publish(image)


@pytest.fixture
def policy_path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A policy that sees the wrist camera and speaks in degrees."""
    strategy = getattr(request, 'param', 'asynchronous')
    path = tmp_path / 'policy.yaml'
    path.write_text(POLICY.format(columns=', '.join(COLUMNS), strategy=strategy))
    return path


@pytest.fixture
def bench(ros_domain: int, policy_path: Path) -> Iterator[Bench]:
    """A node that is active, and a graph about it."""
    bench = Bench(ros_domain, policy_path)
    yield bench
    bench.close()


def test_a_task_becomes_chunks_in_si(bench: Bench) -> None:
    """The policy is asked in degrees and answers in degrees; the graph hears radians."""
    bench.task('t1', 'put it there')
    observation = bench.asked()
    assert (observation.task_id, observation.instruction) == ('t1', 'put it there')
    assert bench.policy.instruction == 'put it there'
    np.testing.assert_allclose(observation.state, [180.0] * 6 + [-1.0])
    assert observation.images['wrist'].shape == (24, 32, 3)
    assert set(np.unique(observation.images['wrist'])) == {9}
    bench.policy.answers.put(GOOD)
    bench.until(lambda: bench.chunks)
    chunk = decode(bench.chunks[0])
    assert (chunk.task_id, chunk.sequence, chunk.step_s) == ('t1', 1, 0.1)
    assert chunk.columns == tuple(COLUMNS)
    assert chunk.units == ('rad',) * 6 + ('1',)
    np.testing.assert_allclose(chunk.values, [[math.pi / 2] * 6 + [1.0]] * 4)
    assert chunk.start_ns == chunk.observation_stamp_ns == observation.stamp_ns
    bench.until(lambda: any(beat.frame_id == chunk.session for beat in bench.beats))


@pytest.mark.parametrize('policy_path', ['temporal_ensembling, decay: 0.5'], indirect=True)
def test_the_execution_strategy_is_logged_with_all_its_numbers(
    capfd: pytest.CaptureFixture[str], ros_domain: int, policy_path: Path
) -> None:
    """In one line at the start, so that a recording can be told from another."""
    Bench(ros_domain, policy_path).close()
    assert (
        'policy test: 4 rows at 10 Hz, execution temporal_ensembling (refill_below 1, decay 0.5)'
    ) in capfd.readouterr().err


@pytest.mark.parametrize('policy_path', ['synchronous'], indirect=True)
def test_a_synchronous_chunk_starts_when_it_is_published(bench: Bench) -> None:
    """And the next question comes when its rows have run out."""
    bench.task('t1')
    first = bench.asked()
    bench.spin(0.2)
    bench.policy.answers.put(GOOD)
    second = bench.asked()
    chunk = decode(bench.chunks[0])
    assert chunk.start_ns >= first.stamp_ns + 200_000_000
    assert second.stamp_ns >= chunk.start_ns + 300_000_000


def test_a_task_change_discards_the_answer_in_flight(bench: Bench) -> None:
    """It is not published under the old task, nor under the new one."""
    bench.task('old')
    bench.asked()
    bench.task('new', 'something else')
    bench.until(lambda: bench.says() == 'works on "something else"')
    bench.policy.answers.put(GOOD * 0.5)
    assert bench.asked().task_id == 'new'
    bench.policy.answers.put(GOOD)
    bench.until(lambda: bench.chunks)
    bench.spin(0.1)
    assert {chunk.task_id for chunk in bench.chunks} == {'new'}
    assert decode(bench.chunks[0]).values[0, 0] == pytest.approx(math.pi / 2)


def test_no_chunk_comes_once_the_task_has_ended(bench: Bench) -> None:
    """An inactive task ends the one before."""
    bench.task('t1')
    bench.asked()
    bench.task('t1', active=False)
    bench.until(lambda: bench.says() == 'waits for a task')
    bench.policy.answers.put(GOOD)
    bench.spin(0.3)
    assert not bench.chunks


def test_a_stale_camera_gives_no_observation_and_says_which(bench: Bench) -> None:
    """The policy is not asked about an old picture, and diagnostics name the camera."""
    bench.task('t1')
    bench.asked()
    bench.cameras_on = False
    bench.policy.answers.put(GOOD)
    bench.diagnosed(DiagnosticStatus.ERROR, 'camera wrist (wrist_camera/image_raw): ')
    assert bench.policy.asked.empty()
    bench.cameras_on = True
    bench.asked()


def test_a_bad_answer_is_not_published_and_the_next_one_is(bench: Bench) -> None:
    """The node stays alive, says what was wrong, and asks again."""
    bench.task('t1')
    bench.asked()
    bench.always = GOOD * math.nan
    bench.diagnosed(DiagnosticStatus.ERROR, 'the policy answered nan in row 0, column 0')
    assert not bench.chunks
    bench.always = GOOD
    bench.until(lambda: bench.chunks)
    bench.diagnosed(DiagnosticStatus.OK, 'works on "do it"')


def test_the_heart_beats_on_while_an_inference_hangs(bench: Bench) -> None:
    """The process lives; that the policy does not answer is for the diagnostics."""
    bench.task('t1')
    bench.asked()
    bench.diagnosed(DiagnosticStatus.ERROR, 'inference has taken ')
    bench.beats.clear()
    bench.until(lambda: len(bench.beats) >= 5)
    assert not bench.chunks


def test_a_policy_that_breaks_ends_the_node(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is nobody's plan is not survived: the launcher sees it, and the arm stops."""
    monkeypatch.setattr('threading.excepthook', lambda _: None)
    bench.task('t1')
    bench.asked()
    bench.policy.answers.put(ZeroDivisionError())
    bench.until(lambda: bench.node.fatal)
    assert 'the policy broke' in str(bench.node.fatal)


def test_a_policy_that_is_finished_says_so_in_its_own_name(bench: Bench) -> None:
    """It is a claim, signed by the policy, for this task."""
    bench.task('t1', 'put it there')
    bench.asked()
    bench.policy.answers.put(Rows(GOOD, finished=True))
    bench.until(lambda: bench.progress)
    claim = bench.progress[0]
    assert (claim.task_id, claim.instruction, claim.source) == ('t1', 'put it there', 'policy')
    assert (claim.progress, claim.success) == (1.0, True)


def test_an_instruction_that_the_policy_refuses_is_told(bench: Bench) -> None:
    """At once and for its task, so that nobody waits for chunks; the next one is worked on."""
    bench.policy.refuses = 'dance'
    bench.task('t1', 'dance')
    bench.until(lambda: bench.progress)
    said = bench.progress[0]
    assert (said.task_id, said.instruction, said.source) == ('t1', 'dance', 'policy')
    assert (said.refusal, said.success) == ('what is to dance?', False)
    bench.diagnosed(DiagnosticStatus.WARN, 'what is to dance?')
    bench.task('t2', 'put it there')
    assert bench.asked().task_id == 't2'


def test_every_activation_is_a_new_session(bench: Bench) -> None:
    """Sequences start again, so that nobody takes a new chunk for an old one."""
    bench.task('t1')
    bench.asked()
    bench.policy.answers.put(GOOD)
    bench.until(lambda: bench.chunks)
    bench.node.trigger_deactivate()
    bench.policy.answers.put(GOOD)
    bench.node.trigger_activate()
    bench.until(lambda: len({chunk.session for chunk in bench.chunks}) == 2)
    assert bench.chunks[-1].sequence == 1


def test_a_policy_that_does_not_answer_cannot_be_activated_again(bench: Bench) -> None:
    """Two threads in one policy would be worse than none."""
    bench.task('t1')
    bench.asked()
    bench.node.trigger_deactivate()
    bench.node.trigger_activate()
    assert 'cannot be asked again; restart this node' in str(bench.node.refusal)


SCRIPT = """
import pathlib, time
from vla_bridge.nodes import policy_node

class Stuck:
    def reset(self, instruction):
        pathlib.Path(instruction).touch()
        time.sleep(600)

policy_node.PolicyNode.__init__.__defaults__ = (lambda _: Stuck(),)
policy_node.main()
"""


def test_ctrl_c_during_an_inference_ends_the_process_cleanly(
    ros_domain: int, policy_path: Path, tmp_path: Path
) -> None:
    """Nobody waits for an answer that is not wanted any more."""
    asked = tmp_path / 'asked'
    arguments = ['--ros-args', '-p', 'robot:=sim_ur5e', '-p', f'policy:={policy_path}']
    rclpy.init(domain_id=ros_domain)
    probe = rclpy.create_node('probe')
    tasks = probe.create_publisher(Task, topics.TASK, topics.LATCHED)
    images = probe.create_publisher(Image, 'wrist_camera/image_raw', topics.SENSOR)
    tasks.publish(Task(id='t1', instruction=str(asked), active=True))
    process = subprocess.Popen([sys.executable, '-c', SCRIPT, *arguments])
    try:
        end = time.monotonic() + WAIT_S
        while not asked.exists():
            assert time.monotonic() < end
            stamp = probe.get_clock().now().to_msg()
            images.publish(Image(header=Header(stamp=stamp)))
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait()
        rclpy.try_shutdown()


@pytest.mark.usefixtures('ros_domain')
def test_a_policy_that_does_not_load_refuses_to_start(tmp_path: Path) -> None:
    """With the reason, before anything is published."""
    text = POLICY.format(columns=', '.join(COLUMNS), strategy='synchronous')
    path = tmp_path / 'replay.yaml'
    path.write_text(text.replace('kind: hold', 'kind: replay\nepisode: no_episode.npz'))
    (tmp_path / 'no_episode.npz').write_text('words')
    result = subprocess.run(
        [
            *(sys.executable, '-m', 'vla_bridge.nodes.policy_node', '--ros-args'),
            *('-p', 'robot:=sim_ur5e', '-p', f'policy:={path}'),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=WAIT_S,
    )
    assert result.returncode == 2
    assert 'no_episode.npz cannot be read' in result.stderr
