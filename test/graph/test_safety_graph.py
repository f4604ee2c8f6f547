# SPDX-License-Identifier: Apache-2.0
"""safety_node and guard_node as processes, moving the simulated arm, under what can go wrong."""

import math
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import SafetyStatus

from vla_bridge import topics
from vla_safety.mode import Mode

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

REST_S = 0.5
pytestmark = pytest.mark.graph

NODES = ('sim_node', 'safety_node', 'guard_node')


@pytest.fixture
def moving(graph: 'Graph', probe: 'Probe') -> 'Probe':
    """The arm in motion, the probe standing in for policy and instruction.

    On a busy machine the probe's own heartbeat may be late before the test has begun: then again.
    """

    def moves() -> bool:
        if not Mode(probe.status.state).takes_chunks:
            probe.arm()
        probe.sway(3)
        return Mode(probe.status.state).moving and probe.moving()

    graph.start(*NODES)
    probe.stand_in('policy_node', 'instruction_node')
    probe.give_task('sway')
    probe.until(lambda: probe.samples and probe.statuses, 'joint states and status')
    probe.until(moves, 'the arm moves')
    return probe


def test_chunks_move_the_arm_and_the_status_says_so(moving: 'Probe') -> None:
    """Active, at the asked pace, with the limit used most and the latencies."""
    count = len(moving.statuses)
    moving.sway(4)
    assert len(moving.statuses) - count >= 10
    status = moving.status
    assert status.state in (SafetyStatus.ACTIVE, SafetyStatus.SCALED)
    assert status.accepted > 0
    assert 0 < status.worst_limit_ratio <= 1
    assert status.vet_latency > 0
    moving.assert_within_limits()


@pytest.mark.parametrize('victim', ['safety_node', 'guard_node'])
def test_killing_a_node_leaves_the_arm_at_rest(
    moving: 'Probe', graph: 'Graph', victim: str
) -> None:
    """Within half a second, every joint inside its limits; without a guard nothing moves."""
    seen = len(moving.statuses)
    killed = graph.signal(victim, signal.SIGKILL)
    assert moving.rest_after(killed) <= REST_S
    moving.assert_within_limits()
    if victim == 'guard_node':
        told = {(status.state, status.reason) for status in moving.statuses[seen:]}
        assert (SafetyStatus.HOLD, 'GUARD_SILENT') in told, told
        moving.sway(2)
        assert not moving.moving()


def test_a_suspended_safety_node_neither_moves_nor_resumes_by_itself(
    moving: 'Probe', graph: 'Graph'
) -> None:
    """The guard and the tail stop the arm; waking up again does not start it."""
    stopped = graph.signal('safety_node', signal.SIGSTOP)
    assert moving.rest_after(stopped) <= REST_S
    woken = graph.signal('safety_node', signal.SIGCONT)
    assert moving.rest_after(woken) == 0.0, moving.seen_since(woken)
    assert moving.status.state in (SafetyStatus.HOLD, SafetyStatus.PROTECTIVE_STOP)


@pytest.mark.parametrize('companion', ['policy_node', 'instruction_node'])
def test_a_companion_that_falls_silent_brings_the_arm_to_rest(
    moving: 'Probe', companion: str
) -> None:
    """Nobody to answer for the motion: no motion."""
    moving.fall_silent(companion)
    silent = time.time()
    assert moving.rest_after(silent) <= REST_S
    assert moving.status.state == SafetyStatus.HOLD


def test_interrupting_the_safety_node_stops_the_arm_and_exits_cleanly(
    moving: 'Probe', graph: 'Graph'
) -> None:
    """Ctrl-C in mid-motion."""
    interrupted = graph.signal('safety_node', signal.SIGINT)
    assert moving.rest_after(interrupted) <= REST_S
    assert graph.processes['safety_node'].wait(timeout=10) == 0


def test_the_emergency_stop_topic_latches(moving: 'Probe') -> None:
    """Pressed, at rest, and not to be armed while pressed."""
    button = moving.node.create_publisher(Bool, topics.EMERGENCY_STOP, topics.COMMAND)
    moving.until(lambda: button.get_subscription_count() >= 2, 'the button is wired')
    button.publish(Bool(data=True))
    pressed = time.time()
    assert moving.rest_after(pressed) <= REST_S
    assert moving.status.state == SafetyStatus.ESTOP
    answer = moving.call(topics.SAFETY_ARM)
    assert not answer.success
    assert 'still pressed' in answer.message


def test_a_second_publisher_on_the_controller_is_a_protective_stop(moving: 'Probe') -> None:
    """Named, so that a person can find and end it; not to be armed before that is done."""
    topic = moving.robot.controller.topic
    intruder = moving.node.create_publisher(JointTrajectory, topic, topics.COMMAND)
    latched = SafetyStatus.PROTECTIVE_STOP
    moving.until(lambda: moving.status.state == latched, 'protective stop')
    assert moving.status.reason == 'SECOND_PUBLISHER'
    assert '/probe' in moving.status.text
    answer = moving.call(topics.SAFETY_ARM)
    assert not answer.success
    assert answer.message == f'SECOND_PUBLISHER: /probe also publishes on {topic}; end it, then arm'
    moving.node.destroy_publisher(intruder)
    moving.arm()


def test_joint_states_that_are_no_numbers_hold_the_arm(moving: 'Probe') -> None:
    """A broken driver does not drive."""
    names = list(moving.robot.joint_names)
    driver = moving.node.create_publisher(JointState, moving.robot.joint_states, topics.COMMAND)
    moving.until(lambda: driver.get_subscription_count() >= 2, 'probe and safety node listen')
    message = JointState(name=names, position=[math.nan] * 6)
    count = len(moving.statuses)
    for _ in range(20):
        message.header.stamp = moving.node.get_clock().now().to_msg()
        driver.publish(message)
        moving.sway(1)
        if any(status.reason == 'BAD_JOINT_STATE' for status in moving.statuses[count:]):
            return
    pytest.fail(f'never noticed: {moving.status.text}')


def test_arming_without_a_controller_is_refused_in_words(graph: 'Graph', probe: 'Probe') -> None:
    """A controller that was never started is named before anything is sent into the void."""
    graph.start('safety_node', 'guard_node')
    answer = probe.call(topics.SAFETY_ARM)
    assert not answer.success
    assert 'nobody listens on joint_trajectory_controller/joint_trajectory' in answer.message


@pytest.mark.usefixtures('ros_domain')
def test_a_deployment_that_does_not_exist_ends_the_node_with_a_reason() -> None:
    """Exit code 2, and what there is to choose from."""
    command = [sys.executable, '-m', 'vla_bridge.nodes.safety_node', '--ros-args']
    command += ['-p', 'deployment:=nowhere']
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert 'names known there' in ended.stderr + ended.stdout
