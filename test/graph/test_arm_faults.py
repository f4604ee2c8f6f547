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


Disguise = Callable[[JointState], list[JointState]]


class HeavyArm:
    """An arm on the probe's node, with a controller that may do nothing.

    Attributes:
        sag: Of every joint, below what it is told [rad].
        lag_s: Time in which it makes up for most of what it is behind.
        listening: Whether it follows what it is told from now on.
        disguise: What its driver makes of a joint state; None for what it should.
    """

    def __init__(self, probe: 'Probe') -> None:
        """At home, at rest."""
        self.sag, self.lag_s, self.listening = 0.0, 0.0, True
        self.disguise: Disguise | None = None
        probe.node.destroy_subscription(probe.joints)  # it is told what is true
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

    def stand(self) -> None:
        """Stay where it is, whatever it was told."""
        self._plan, self.listening = Motion.still(0, self._q), False

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
        self._probe.see(message)
        for said in [message] if self.disguise is None else self.disguise(message):
            self._output.publish(said)
        state = JointTrajectoryControllerState(joint_names=names)
        state.reference.positions = goal.tolist()
        self._state.publish(state)


def test_faults_of_the_arm(graph: 'Graph', probe: 'Probe', tmp_path: Path) -> None:
    """It sags, lags, stands or does not listen; its driver says what is not so; and so do people.

    Cases 34 to 38, 78, 79, 80, 89 and 90.
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
    strange_states(probe, arm)
    bad_states(probe, arm)

    for fault in (stop_listening, lag, deactivate, freeze):
        move(probe)
        fault(probe, arm)
        arm.lag_s, arm.disguise = 0.0, None
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


def deactivate(probe: 'Probe', arm: HeavyArm) -> None:
    """The controller is switched off in mid-motion: the arm stands there."""
    arm.stand()
    until_latched(probe, lambda: lead(probe, 0.8))


def freeze(probe: 'Probe', arm: HeavyArm) -> None:
    """The driver repeats where the arm was, with stamps of now."""
    q = probe.q.tolist()

    def repeat(message: JointState) -> list[JointState]:
        message.position, message.velocity = q, [0.0] * len(q)
        return [message]

    arm.disguise = repeat
    until_latched(probe, lambda: lead(probe, 0.8))


def strange_states(probe: 'Probe', arm: HeavyArm) -> None:
    """Joint by joint in any order, among those of others, without speeds: the arm moves as ever."""
    for disguise in (split, nameless_speeds):
        arm.disguise = disguise
        move(probe)
        assert probe.status.reason in ('OK', 'SCALED'), probe.status.text
    arm.disguise = None


def split(message: JointState) -> list[JointState]:
    """Each joint by itself, the last first; another robot's with the same stamps."""
    joints = list(zip(message.name, message.position, message.velocity, strict=True))
    names = [*message.name, *(f'left_{name}' for name in message.name)]
    at = dict(zip(names, [*joints, *((name, 9.0, 9.0) for name in names[6:])], strict=True))
    return [
        JointState(
            header=message.header, name=[name], position=[at[name][1]], velocity=[at[name][2]]
        )
        for name in reversed(names)
    ]


def nameless_speeds(message: JointState) -> list[JointState]:
    """Speeds that are no numbers."""
    message.velocity = [math.nan] * len(message.name)
    return [message]


def without_elbow(message: JointState) -> list[JointState]:
    """One joint is missing from now on."""
    index = list(message.name).index('elbow_joint')
    for part in (message.name, message.position, message.velocity):
        del part[index]
    return [message]


def from_the_future(message: JointState) -> list[JointState]:
    """Stamped ten seconds ahead."""
    message.header.stamp.sec += 10
    return [message]


def from_no_clock(message: JointState) -> list[JointState]:
    """Stamped zero."""
    message.header.stamp.sec = message.header.stamp.nanosec = 0
    return [message]


def bad_states(probe: 'Probe', arm: HeavyArm) -> None:
    """What cannot be relied on holds the arm, and says why; with good news it goes on."""
    for disguise, reason in (
        (without_elbow, 'STALE_JOINT_STATE'),
        (from_the_future, 'BAD_JOINT_STATE'),
        (from_no_clock, 'BAD_JOINT_STATE'),
    ):
        assert any(held_by(probe, arm, disguise, reason) for _ in range(5)), reason


def held_by(probe: 'Probe', arm: HeavyArm, disguise: Disguise, reason: str) -> bool:
    """Whether the arm was held for this, and not because the machine was busy."""
    move(probe)
    seen = len(probe.statuses)
    arm.disguise = disguise
    probe.spin(0.5)
    probe.until(lambda: not probe.moving(), 'the arm rests')
    told = {(status.state, status.reason) for status in probe.statuses[seen:]}
    arm.disguise = None
    probe.spin(0.3)
    return (SafetyStatus.HOLD, reason) in told


def until_latched(probe: 'Probe', act: Callable[[], None]) -> None:
    """Do it again until the arm is stopped for it."""
    for _ in range(24):
        act()
        if probe.status.state in LATCHED:
            return
    pytest.fail(f'never stopped: {probe.status.text}')
