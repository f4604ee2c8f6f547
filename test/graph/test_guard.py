# SPDX-License-Identifier: Apache-2.0
"""guard_node alone with the arm: the probe plays a safety node that does not do its work."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from std_msgs.msg import Bool, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from test.graph.deployments import TOPICS, write_deployment
from vla_bridge import topics
from vla_bridge.controllers.trajectory import to_message
from vla_contract.robot import ArmControllerKind
from vla_safety.motion import NS, Motion

if TYPE_CHECKING:
    from rclpy.publisher import Publisher

    from test.graph.conftest import Graph, Probe

REST_S = 0.5
pytestmark = pytest.mark.graph


@pytest.fixture
def reports() -> list[String]:
    """What the guard says it did."""
    return []


@pytest.fixture
def controller(graph: 'Graph', probe: 'Probe', reports: list[String]) -> 'Publisher':
    """Where the arm takes motions, which the guard overhears beside a safety node that beats."""
    graph.start('sim_node', 'guard_node')
    topic = probe.robot.controller.topic
    output = probe.node.create_publisher(JointTrajectory, topic, topics.COMMAND)
    probe.node.create_subscription(String, topics.GUARD_STOPPED, reports.append, topics.COMMAND)
    probe.stand_in('safety_node')
    probe.until(lambda: output.get_subscription_count() >= 2, 'controller and guard listen')
    return output


def test_the_guard_plays_and_then_brakes_a_plan_that_nobody_streams(
    graph: 'Graph', probe: 'Probe', reports: list[String], tmp_path: Path
) -> None:
    """A velocity controller without its stream: the guard says every setpoint, zeros at last."""
    kind = ArmControllerKind.FORWARD_VELOCITY
    graph.parameters = {'deployment': str(tmp_path / 'deployment.yaml')}
    write_deployment(tmp_path / 'deployment.yaml', kind)
    graph.start('sim_node', 'guard_node')
    said: list[Float64MultiArray] = []
    probe.node.create_subscription(Float64MultiArray, TOPICS[kind], said.append, topics.COMMAND)
    probe.node.create_subscription(String, topics.GUARD_STOPPED, reports.append, topics.COMMAND)
    plan = probe.node.create_publisher(JointTrajectory, topics.SAFETY_PLAN, topics.COMMAND)
    probe.stand_in('safety_node')
    probe.until(plan.get_subscription_count, 'the guard listens')
    swing(probe, plan, reports)
    probe.fall_silent('safety_node')
    silent = time.time()
    assert probe.rest_after(silent) <= REST_S
    assert 'the safety node was silent' in reports[0].data
    assert not any(said[-1].data)
    probe.assert_within_limits()


def swing(probe: 'Probe', output: 'Publisher', reports: list[String]) -> None:
    """Set it in a long motion, which no tail ends soon; anew if our heartbeat was held up."""

    def moves() -> bool:
        reports.clear()
        output.publish(to_message(probe.robot.joint_names, long_swing(probe)))
        probe.spin(1.0)
        return probe.moving() and not reports

    probe.until(lambda: probe.samples, 'joint states')
    probe.spin(0.3)
    probe.until(moves, 'the arm moves')


def long_swing(probe: 'Probe') -> Motion:
    """Four seconds to a place 1.2 rad away, at rest at both ends."""
    now_ns = probe.node.get_clock().now().nanoseconds
    times_ns = np.array([now_ns, now_ns + 4 * NS], dtype=np.int64)
    q = np.stack([probe.q, probe.q + np.array([1.2, 0, 0, 0, 0, 0])])
    return Motion(times_ns, q, np.zeros((2, 6)), np.zeros((2, 6)))


def test_the_guard_stops_the_arm_of_a_silent_safety_node(
    controller: 'Publisher', probe: 'Probe', reports: list[String]
) -> None:
    """On its own, from the plan it overheard, within half a second of the last heartbeat."""
    swing(probe, controller, reports)
    probe.fall_silent('safety_node')
    silent = time.time()
    assert probe.rest_after(silent) <= REST_S
    assert 'the safety node was silent' in reports[0].data
    probe.assert_within_limits()


def test_the_guard_answers_an_emergency_stop_that_nobody_answers(
    controller: 'Publisher', probe: 'Probe', reports: list[String]
) -> None:
    """A safety node that beats but does not act is not enough."""
    button = probe.node.create_publisher(Bool, topics.EMERGENCY_STOP, topics.COMMAND)
    probe.until(button.get_subscription_count, 'the button is wired')
    swing(probe, controller, reports)
    button.publish(Bool(data=True))
    pressed = time.time()
    assert probe.rest_after(pressed) <= REST_S
    assert 'emergency stop was unanswered' in reports[0].data


def test_a_guard_that_slept_listens_before_it_judges(
    controller: 'Publisher', graph: 'Graph', probe: 'Probe', reports: list[String]
) -> None:
    """Heartbeats that came meanwhile wait for it: the silence was its own."""
    swing(probe, controller, reports)
    graph.signal('guard_node', signal.SIGSTOP)
    probe.spin(0.4)
    graph.signal('guard_node', signal.SIGCONT)
    probe.spin(1.0)
    assert not reports
    probe.fall_silent('safety_node')
    silent = time.time()
    assert probe.rest_after(silent) <= REST_S
    assert reports
