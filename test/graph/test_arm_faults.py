# SPDX-License-Identifier: Apache-2.0
"""Faults of the arm and its controller, played by the probe: no simulator takes part."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from control_msgs.msg import JointTrajectoryControllerState
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import SafetyStatus

from test.graph.leading import LATCHED, latched_by, lead, move
from vla_bridge import topics
from vla_bridge.controllers.trajectory import from_message
from vla_bridge.resources import config_file
from vla_contract.action import ActionSpace
from vla_safety.motion import Array, Motion

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

pytestmark = pytest.mark.graph

CYCLE_S = 0.01


class HeavyArm:
    """An arm on the probe's node, with a controller that may do nothing.

    Attributes:
        sag: Of every joint, below what it is told [rad].
        lag_s: Time in which it makes up for most of what it is behind.
        listening: Whether it follows what it is told from now on.
    """

    def __init__(self, probe: 'Probe') -> None:
        """At home, at rest."""
        self.sag, self.lag_s, self.listening = 0.0, 0.0, True
        self._probe = probe
        home = np.array(probe.robot.home)
        self._plan, self._q = Motion.still(0, home), home
        self._output = probe.node.create_publisher(
            JointState, probe.robot.joint_states, topics.SENSOR
        )
        self._state = probe.node.create_publisher(
            JointTrajectoryControllerState, probe.robot.controller.state_topic, topics.COMMAND
        )
        topic = probe.robot.controller.topic
        probe.node.create_subscription(JointTrajectory, topic, self._on_plan, topics.COMMAND)
        probe.node.create_timer(CYCLE_S, self._tell)

    def _on_plan(self, message: JointTrajectory) -> None:
        if self.listening:
            self._plan = from_message(self._probe.robot.joint_names, message)

    @property
    def told(self) -> Array:
        """Where it is told to be in the end."""
        return np.asarray(self._plan.q[-1])

    def _tell(self) -> None:
        now = self._probe.node.get_clock().now()
        before, goal = self._q, self._plan.at(now.nanoseconds).q
        self._q = before + (goal - before) * min(1.0, CYCLE_S / max(self.lag_s, CYCLE_S))
        names = list(self._probe.robot.joint_names)
        message = JointState(name=names, position=(self._q - self.sag).tolist())
        message.velocity = ((self._q - before) / CYCLE_S).tolist()
        message.header.stamp = now.to_msg()
        self._output.publish(message)
        state = JointTrajectoryControllerState(joint_names=names)
        state.reference.positions = goal.tolist()
        self._state.publish(state)


def test_faults_of_the_arm(graph: 'Graph', probe: 'Probe', tmp_path: Path) -> None:
    """It sags, lags, or does not listen; and the distance to people is no distance.

    Cases 78, 79, 80, 89 and 90.
    """
    people = Float64(data=5.0)
    path = tmp_path / 'deployment.yaml'
    path.write_text(
        f'robot: {config_file("sim_ur5e", "robots")}\n'
        f'policy: {config_file("hold", "policies")}\n'
        'robot_overrides: {separation: {topic: nearest_person, max_age_s: 0.5}}\n'
    )
    graph.parameters = {'deployment': str(path)}
    arm = HeavyArm(probe)
    near = probe.node.create_publisher(Float64, 'nearest_person', topics.SENSOR)
    probe.node.create_timer(0.05, lambda: near.publish(people))
    graph.start('safety_node', 'guard_node')
    probe.stand_in('policy_node', 'instruction_node')
    probe.give_task('sway')
    probe.arm()

    arm.lag_s = 0.02
    move(probe)
    stay(probe, arm)
    bad_people(probe, people)

    for fault in (stop_listening, lag):
        move(probe)
        fault(probe, arm)
        arm.lag_s = 0.0
        latched_by(probe, 'TRACKING')
        arm.listening = True
    move(probe)


def stay(probe: 'Probe', arm: HeavyArm) -> None:
    """An arm that sags is told the same place again and again, not a lower one each time.

    Nor does it step when it is armed again.
    """
    probe.until(lambda: not probe.moving(), 'the arm stands')
    probe.spin(0.5)
    arm.sag = 0.05
    probe.spin(0.3)
    told = arm.told.copy()
    for _ in range(6):
        probe.send(np.zeros((10, 6)), space=ActionSpace.JOINT_DELTA)
        probe.spin(0.2)
    np.testing.assert_allclose(arm.told, told, atol=1e-6)
    assert probe.status.state not in LATCHED
    assert probe.call(topics.SAFETY_STOP).success
    probe.arm()
    probe.send(np.zeros((10, 6)), space=ActionSpace.JOINT_DELTA)
    probe.spin(0.6)
    assert probe.status.accepted == 1
    np.testing.assert_allclose(arm.told, told, atol=1e-6)
    arm.sag = 0.0


def bad_people(probe: 'Probe', people: Float64) -> None:
    """No number is nobody who measures; a hundred metres are not a hundred times the speed."""
    for value in (math.nan, -1.0):
        people.data = 100.0
        probe.until(lambda: probe.status.person_distance > 50.0, 'people are far')
        assert probe.status.tool_speed_allowed <= probe.robot.workspace.tool_speed
        move(probe)
        people.data = value
        seen = len(probe.statuses)
        for _ in range(4):
            lead(probe)
        told = {(status.state, status.reason) for status in probe.statuses[seen:]}
        assert (SafetyStatus.HOLD, 'PERSON_UNKNOWN') in told
        probe.until(lambda: not probe.moving(), 'the arm rests')
    people.data = 5.0
    probe.spin(0.2)


def stop_listening(probe: 'Probe', arm: HeavyArm) -> None:
    """Inactive, or refusing what comes without a word: the old motion goes on to its end."""
    arm.listening = False
    until_latched(probe, lambda: lead(probe, 1.5))


def lag(probe: 'Probe', arm: HeavyArm) -> None:
    """More and more behind."""

    def more() -> None:
        arm.lag_s += 0.2
        lead(probe, 1.5)

    until_latched(probe, more)


def until_latched(probe: 'Probe', act: Callable[[], None]) -> None:
    """Do it again until the arm is stopped for it."""
    for _ in range(24):
        act()
        if probe.status.state in LATCHED:
            return
    pytest.fail(f'never stopped: {probe.status.text}')
