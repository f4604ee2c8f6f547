# SPDX-License-Identifier: Apache-2.0
"""The whole graph: an instruction through the action, the demonstrator, the filter, the arm."""

import signal
from typing import TYPE_CHECKING, cast

import pytest
from rclpy.action.client import ActionClient, ClientGoalHandle
from std_msgs.msg import String
from vla_control.action import Execute

from vla_bridge import topics

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


@pytest.mark.parametrize('victim', ['policy_node', 'instruction_node', 'safety_node', 'guard_node'])
def test_killing_any_node_in_motion_leaves_the_arm_at_rest(
    running: 'Probe', graph: 'Graph', victim: str
) -> None:
    """SIGKILL, within half a second, every joint inside its limits."""
    execute(running)
    running.spin(0.3)
    killed = graph.signal(victim, signal.SIGKILL)
    assert running.rest_after(killed) <= REST_S
    running.assert_within_limits()


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
