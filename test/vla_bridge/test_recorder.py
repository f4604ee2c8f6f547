# SPDX-License-Identifier: Apache-2.0
"""The recorder as a process of its own, over real DDS, and its bags read back."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rclpy.action.client import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosbags.interfaces import QosReliability
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState
from vla_control.action import RecordEpisode
from vla_control.msg import SafetyStatus

from vla_bridge import topics
from vla_bridge.recording.episode import Episode
from vla_bridge.recording.repair import is_complete
from vla_contract.deployment import load_deployment
from vla_contract.robot import Robot

SHARE = Path(__file__).parents[2]
SETTLE_S = 0.5


class Bench:
    """Publishes two topics at 50 Hz and asks a recorder for episodes."""

    def __init__(self, context: Context, folder: Path) -> None:
        """Start the recorder."""
        self.node = Node('bench', context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.joints = self.node.create_publisher(JointState, 'joint_states', topics.SENSOR)
        self.status = self.node.create_publisher(SafetyStatus, topics.SAFETY_STATUS, topics.COMMAND)
        self.node.create_timer(0.02, self._publish)
        self.client = ActionClient(self.node, RecordEpisode, topics.RECORD_EPISODE)
        self.sent = 0
        self.feedback: list[Any] = []
        arguments = ['--ros-args', '-p', 'deployment:=sim', '-p', f'folder:={folder}']
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'vla_bridge.nodes.recorder_node', *arguments]
        )
        self.until(self.client.server_is_ready)
        settled = time.monotonic() + SETTLE_S  # the server has to find us too, or cannot answer
        self.until(lambda: time.monotonic() > settled)

    def until(self, done: Callable[[], bool]) -> None:
        """Spin until something holds."""
        end = time.monotonic() + 30
        while not done():
            assert time.monotonic() < end
            self.executor.spin_once(timeout_sec=0.05)

    def records(self) -> bool:
        """Messages of both topics arrive at the rate they are sent at."""
        newest = self.feedback[-1].feedback.rates if self.feedback else []
        return len([rate for rate in newest if 30 < rate < 70]) == 2

    def ask(self, **goal: object) -> Any:  # noqa: ANN401 - of a generated class
        """Send a goal; the answer is its handle."""
        future = self.client.send_goal_async(
            RecordEpisode.Goal(**goal), feedback_callback=self.feedback.append
        )
        self.until(future.done)
        return future.result()

    def result(self, handle: Any) -> Any:  # noqa: ANN401 - of a generated class
        """Wait for the result of a goal."""
        future = handle.get_result_async()
        self.until(future.done)
        return future.result().result

    def close(self) -> int:
        """Stop the recorder."""
        self.process.terminate()
        code = self.process.wait(10)
        self.executor.shutdown()
        self.node.destroy_node()
        return code

    def _publish(self) -> None:
        self.sent += 1
        self.joints.publish(JointState(name=['elbow_joint'], position=[float(self.sent)]))
        self.status.publish(SafetyStatus(reason='OK', accepted=self.sent))


@pytest.fixture
def bench(ros_context: Context, tmp_path: Path) -> Iterator[Bench]:
    """A recorder and someone to ask it."""
    bench = Bench(ros_context, tmp_path)
    yield bench
    assert bench.close() in {0, -9}


def test_an_episode_holds_messages_definitions_and_contract(bench: Bench, tmp_path: Path) -> None:
    """What was published is read back equal, with the offers of the publishers and the contract."""
    handle = bench.ask(name='bag', instruction='put the red cube in the blue bowl')
    bench.until(bench.records)
    bench.until(handle.cancel_goal_async().done)
    result = bench.result(handle)
    assert result.success, result.message
    assert 'has no publisher' in result.message
    with Episode(Path(result.path)) as episode:
        assert episode.metadata['instruction'] == 'put the red cube in the blue bowl'
        robot = Robot.model_validate_json(episode.metadata['robot'])
        assert robot == load_deployment(SHARE / 'config' / 'sim.yaml').robot
        messages = list(episode.messages('joint_states', topics.SAFETY_STATUS))
    assert len(messages) == result.messages
    elbow = [m.position[0] for name, _, m in messages if name == 'joint_states']
    status = [m.accepted for name, _, m in messages if name == topics.SAFETY_STATUS]
    assert elbow == [float(n) for n in range(int(elbow[0]), int(elbow[-1]) + 1)]
    assert status == list(range(status[0], status[-1] + 1))
    with Reader(tmp_path / 'bag') as reader:
        offers = {c.topic: c.ext.offered_qos_profiles[0].reliability for c in reader.connections}  # type: ignore[union-attr]
    assert offers == {
        '/joint_states': QosReliability.BEST_EFFORT,
        f'/{topics.SAFETY_STATUS}': QosReliability.RELIABLE,
    }


def test_a_killed_recorder_leaves_a_readable_episode(bench: Bench, tmp_path: Path) -> None:
    """SIGKILL in mid-episode loses at most what came since the last second."""
    bench.ask(name='torn', topics=['joint_states'])
    bench.until(lambda: bool(bench.feedback) and bench.feedback[-1].feedback.elapsed > 2.0)
    bench.process.kill()
    bench.process.wait()
    (file,) = (tmp_path / 'torn').glob('*.mcap')
    assert not is_complete(file)
    with Episode(tmp_path / 'torn') as episode:
        elbow = [message.position[0] for _, _, message in episode.messages('joint_states')]
    assert len(elbow) >= 50
    assert elbow == [float(n) for n in range(int(elbow[0]), int(elbow[-1]) + 1)]


def test_a_recorder_that_is_told_to_stop_answers_first(bench: Bench) -> None:
    """Whoever asked for the episode learns where it ends, and why."""
    future = bench.ask(name='cut').get_result_async()
    bench.until(bench.records)
    bench.process.terminate()
    bench.until(future.done)
    assert future.result().result.message.startswith('the recorder was deactivated')


def test_one_episode_at_a_time_in_the_folder_of_episodes(bench: Bench, tmp_path: Path) -> None:
    """A name that leads elsewhere, a name taken and a second goal are refused."""
    for name in ('../elsewhere', '..'):
        assert 'single folder name' in bench.result(bench.ask(name=name)).message
    (tmp_path / 'taken').mkdir()
    assert 'exists already' in bench.result(bench.ask(name='taken')).message
    first = bench.ask(name='first', duration=0.3, topics=['joint_states', 'nobody'])
    assert not bench.ask(name='second').accepted
    result = bench.result(first)
    assert result.success
    assert result.message == '/nobody has no publisher'
    assert not (tmp_path.parent / 'elsewhere').exists()
