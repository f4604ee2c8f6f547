# SPDX-License-Identifier: Apache-2.0
"""The whole graph: an instruction through the action, the demonstrator, the filter, the arm."""

import signal
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from rclpy.action.client import ActionClient, ClientGoalHandle
from std_msgs.msg import String
from vla_control.action import Execute, RecordEpisode
from vla_control.msg import SafetyStatus

from vla_bridge import topics
from vla_safety.measured import STANDSTILL

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

REST_S = 0.5
INSTRUCTION = 'put the red cube in the blue bowl'
NODES = ('sim_node', 'safety_node', 'guard_node', 'instruction_node', 'policy_node')
pytestmark = pytest.mark.graph


@pytest.fixture
def running(graph: 'Graph', probe: 'Probe') -> 'Probe':
    """All nodes up, the scene laid out for the instruction, the arm armed."""
    graph.start(*NODES, scene=INSTRUCTION)
    probe.arm()
    return probe


def execute(probe: 'Probe', instruction: str = INSTRUCTION) -> ClientGoalHandle:
    """Send an instruction as any user would, and wait until the arm moves for it."""
    client = ActionClient(probe.node, Execute, topics.EXECUTE)
    probe.until(client.server_is_ready, 'the execute action')
    probe.spin(0.3)
    sending = client.send_goal_async(Execute.Goal(instruction=instruction, timeout=60.0))
    probe.until(sending.done, 'the goal is answered')
    goal: ClientGoalHandle = sending.result()
    assert goal.accepted
    probe.until(probe.moving, 'the arm moves')
    return goal


def record(probe: 'Probe', graph: 'Graph') -> None:
    """Have an episode recorded, and wait until messages are being written."""
    client = ActionClient(probe.node, RecordEpisode, topics.RECORD_EPISODE)
    graph.start('recorder_node')  # after the client, which it then meets when it meets the probe
    probe.until(client.server_is_ready, 'the record_episode action')
    probe.spin(1.0)
    written = [0]

    def note(message: Any) -> None:  # noqa: ANN401 - of a generated class
        written.append(message.feedback.messages)

    sending = client.send_goal_async(RecordEpisode.Goal(name='episode'), feedback_callback=note)
    probe.until(sending.done, 'the goal is answered')
    assert sending.result().accepted
    probe.until(lambda: written[-1] > 50, 'messages are recorded')


def result(probe: 'Probe', goal: ClientGoalHandle) -> Execute.Result:
    """Wait for the end of a goal."""
    ending = goal.get_result_async()
    probe.until(ending.done, 'a result')
    return cast('Execute.Result', ending.result().result)


def test_an_instruction_is_carried_out(running: 'Probe') -> None:
    """The simulator judges success; no joint ever leaves its limits."""
    ended = result(running, execute(running))
    assert ended.success, ended.message
    assert ended.outcome == Execute.Result.SUCCEEDED
    assert ended.chunks > 5
    running.assert_within_limits()


@pytest.mark.parametrize('victim', ['policy_node', 'instruction_node'])
def test_killing_who_asks_for_motion_leaves_the_arm_at_rest(
    running: 'Probe', graph: 'Graph', victim: str
) -> None:
    """SIGKILL, within half a second, every joint inside its limits.

    The same of safety_node and guard_node: test_safety_graph.py.
    """
    execute(running)
    running.spin(0.3)
    killed = graph.signal(victim, signal.SIGKILL)
    assert running.rest_after(killed) <= REST_S
    running.assert_within_limits()


def test_killing_the_recorder_does_not_disturb_the_motion(running: 'Probe', graph: 'Graph') -> None:
    """SIGKILL in mid-recording: it only listens, so stopping the arm for it would be a fault.

    The arm goes on with the same task, without a jump, and within its limits.
    """
    record(running, graph)
    execute(running)
    running.spin(0.3)
    sequence, seen = running.status.sequence, len(running.statuses)
    killed = graph.signal('recorder_node', signal.SIGKILL)
    running.until(lambda: running.status.sequence >= sequence + 4, 'further chunks are followed')
    assert graph.dead() == {'recorder_node'}
    states = {status.state for status in running.statuses[seen:]}
    assert states <= {SafetyStatus.ACTIVE, SafetyStatus.SCALED, SafetyStatus.HOLD}
    assert any(sample.time_s > killed and sample.speed > 0.1 for sample in running.samples)
    running.assert_within_limits()
    running.assert_without_jumps()


def test_killing_the_arm_is_noticed_and_its_return_moves_nothing(
    running: 'Probe', graph: 'Graph'
) -> None:
    """SIGKILL to sim_node, which is the arm and its driver in one: there is nothing left to rest.

    The safety node gives up the motion for want of joint states, and every other node lives on. The
    arm that comes back is not where it was left: nothing moves it before a person arms again.
    """
    execute(running)
    home = np.array(running.robot.home)
    running.until(lambda: np.abs(running.q - home).max() > 0.3, 'the arm is far from home')
    graph.signal('sim_node', signal.SIGKILL)
    graph.processes['sim_node'].wait()
    running.until(lambda: running.status.reason == 'STALE_JOINT_STATE', 'it is noticed')
    assert running.status.state == SafetyStatus.HOLD
    running.assert_within_limits()
    running.samples.clear()
    graph.start('sim_node', scene=INSTRUCTION)
    running.until(lambda: running.samples, 'the arm is back')
    running.until(lambda: running.status.reason == 'TRACKING', 'its place is noticed')
    assert running.status.state == SafetyStatus.PROTECTIVE_STOP
    running.spin(1.5)
    assert max(sample.speed for sample in running.samples) < STANDSTILL
    np.testing.assert_allclose(running.q, home, atol=0.01)
    assert not graph.dead()
    running.arm()


def test_cancelling_brings_the_arm_to_rest(running: 'Probe') -> None:
    """The goal ends as cancelled, and nothing moves on."""
    goal = execute(running)
    running.until(goal.cancel_goal_async().done, 'the cancel is answered')
    assert result(running, goal).outcome == Execute.Result.CANCELED
    running.spin(REST_S)
    assert not running.moving()


def test_a_new_instruction_takes_over(running: 'Probe') -> None:
    """On the topic, in mid-motion: the old goal is preempted, the arm goes on with the new one."""
    goal = execute(running)
    publisher = running.node.create_publisher(String, topics.INSTRUCTION, topics.COMMAND)
    running.until(publisher.get_subscription_count, 'somebody listens')
    publisher.publish(String(data='push the red cube to the left'))
    assert result(running, goal).outcome == Execute.Result.PREEMPTED
    running.spin(1.0)
    running.until(running.moving, 'the arm moves again')
