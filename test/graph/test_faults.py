# SPDX-License-Identifier: Apache-2.0
"""Faults of people, policies and machines on the running graph, several in one run each."""

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from control_msgs.action import FollowJointTrajectory
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.action.client import ActionClient
from std_msgs.msg import Bool, Float64
from std_srvs.srv import Trigger
from vla_control.msg import SafetyStatus

from test.graph.deployments import write_deployment
from test.graph.leading import LATCHED, MOVING, latched_by, lead, move
from vla_bridge import topics
from vla_bridge.controllers.trajectory import to_message
from vla_bridge.resources import config_file
from vla_contract.action import ActionSpace
from vla_contract.robot import ArmControllerKind
from vla_safety.motion import NS, Array, Motion

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

pytestmark = pytest.mark.graph

NODES = ('sim_node', 'safety_node', 'guard_node')
REST_S = 0.5


def begin(graph: 'Graph', probe: 'Probe') -> 'Probe':
    """The arm in motion, the probe standing in for policy and instruction."""
    graph.start(*NODES)
    probe.stand_in('policy_node', 'instruction_node')
    probe.give_task('sway')
    probe.arm()
    move(probe)
    return probe


def test_faults_of_people(graph: 'Graph', probe: 'Probe') -> None:
    """Settings changed live, arming in mid-motion and without end, a button that chatters and goes.

    Cases 82 to 86.
    """
    begin(graph, probe)
    refuse_parameter(probe)
    move(probe)
    insist_on_arming(probe)

    button = probe.node.create_publisher(Bool, topics.EMERGENCY_STOP, topics.COMMAND)
    probe.until(lambda: button.get_subscription_count() >= 2, 'the button is wired')
    probe.spin(0.5)
    move(probe)
    pressed = time.time()
    for index in range(41):
        button.publish(Bool(data=index % 2 == 0))
        probe.spin(0.01)
    assert probe.rest_after(pressed) <= REST_S
    assert probe.status.state == SafetyStatus.ESTOP
    assert 'still pressed' in probe.call(topics.SAFETY_ARM).message
    button.publish(Bool(data=False))
    probe.until(lambda: probe.call(topics.SAFETY_ARM).success, 'armed once it is released')

    move(probe)
    probe.node.destroy_publisher(button)
    latched_by(probe, 'BUTTON_GONE')
    assert topics.EMERGENCY_STOP in probe.status.text
    probe.arm()
    probe.assert_within_limits()
    probe.assert_without_jumps()


def refuse_parameter(probe: 'Probe') -> None:
    """Nothing can be set while the node is active, and trying does not disturb the motion."""
    client = probe.node.create_client(SetParameters, 'safety_node/set_parameters')
    probe.until(client.service_is_ready, 'parameters')
    value = ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)
    request = SetParameters.Request(parameters=[Parameter(name='use_sim_time', value=value)])
    answer = client.call_async(request)
    while not answer.done():
        lead(probe)
    assert not answer.result().results[0].successful
    lead(probe)
    assert probe.status.state in MOVING
    probe.node.destroy_client(client)


def insist_on_arming(probe: 'Probe') -> None:
    """Thirty calls in the second after a stop: none is granted before the arm stands."""
    arm = probe.node.create_client(Trigger, topics.SAFETY_ARM)
    stop = probe.node.create_client(Trigger, topics.SAFETY_STOP)
    probe.until(lambda: arm.service_is_ready() and stop.service_is_ready(), 'services')
    probe.spin(0.3)
    move(probe)
    stopped = time.time()
    stopping = stop.call_async(Trigger.Request())
    probe.until(stopping.done, 'the stop is answered')
    answers = []
    for _ in range(30):
        answers.append(arm.call_async(Trigger.Request()))
        probe.spin(0.03)
    assert probe.rest_after(stopped) <= REST_S
    probe.until(lambda: all(answer.done() for answer in answers), 'all are answered')
    told = [answer.result().message for answer in answers]
    granted = told.index('armed')
    assert all('MOVING' in text for text in told[:granted])
    assert all('already armed' in text for text in told[granted + 1 :])
    assert probe.status.state == SafetyStatus.ARMED
    for client in (arm, stop):
        probe.node.destroy_client(client)


def test_faults_of_policies(graph: 'Graph', probe: 'Probe') -> None:
    """Chunks lost, doubled and out of order, storms of nonsense, a singular posture, a rival goal.

    Cases 77, 81, 88 and 91.
    """
    begin(graph, probe)
    rejected = probe.status.rejected
    disorder(probe)
    assert probe.status.rejected > rejected
    assert probe.status.state not in LATCHED

    move(probe)
    for _ in range(150):
        probe.send(np.full((20, 6), np.nan))
        probe.spin(0.004)
    latched_by(probe, 'REJECT_STORM')

    move(probe)
    interfere(probe)
    latched_by(probe, 'SECOND_PUBLISHER')
    assert 'goal' in probe.status.text

    move(probe)
    straighten(probe)
    probe.assert_within_limits()


def disorder(probe: 'Probe') -> None:
    """A wave whose chunks come twice, in the wrong order, or not at all."""
    probe.samples[:-1] = []
    for index in range(16):
        if index % 4 == 1:
            probe.sequence += 1  # lost
            probe.spin(0.2)
            continue
        lead(probe, 0.2)
        if index % 4 == 2:
            probe.sequence -= 3
            lead(probe, 0.0)  # late
            probe.sequence += 1
            lead(probe, 0.0)  # doubled
            probe.sequence += 1
    assert any(sample.speed > 0.05 for sample in probe.samples)
    probe.assert_without_jumps()


def interfere(probe: 'Probe') -> None:
    """Somebody sends the controller a goal of their own."""
    name = f'{probe.robot.controller.topic.rpartition("/")[0]}/follow_joint_trajectory'
    client = ActionClient(probe.node, FollowJointTrajectory, name)
    probe.until(client.server_is_ready, 'the action')
    probe.spin(0.3)
    now_ns = probe.node.get_clock().now().nanoseconds
    still = np.zeros((2, 6))
    motion = Motion(
        np.array([now_ns, now_ns + 4 * NS]), np.stack([probe.q, probe.q + 0.02]), still, still
    )
    goal = FollowJointTrajectory.Goal(trajectory=to_message(probe.robot.joint_names, motion))
    sending = client.send_goal_async(goal)
    probe.until(sending.done, 'the goal is answered')
    probe.until(lambda: probe.status.state in LATCHED, 'it is noticed')
    ending = sending.result().cancel_goal_async()
    probe.until(ending.done, 'the goal is ended')
    client.destroy()


def straighten(probe: 'Probe') -> None:
    """Lead the arm into a singularity by its joints: there the tool is not led, the joints are."""
    goal = probe.q.copy()
    goal[4] = 0.0
    glide(probe, goal)
    rested, refused = probe.q.copy(), probe.status.rejected
    step = np.zeros((20, 6))
    step[:, :3] = 0.002
    for _ in range(4):
        probe.send(step, space=ActionSpace.POSE_DELTA)
        probe.spin(0.2)
    probe.until(lambda: probe.status.rejected >= refused + 4, 'the chunks are refused')
    np.testing.assert_allclose(probe.q, rested, atol=0.01)
    rested[4] = -0.6
    glide(probe, rested)


def glide(probe: 'Probe', goal: Array) -> None:
    """Go smoothly to a posture, and be there; again where a busy machine held the arm."""
    share = np.linspace(0, 1, 40)[:, None]

    def there() -> bool:
        if probe.status.state in LATCHED:
            probe.arm()
        probe.send(probe.q + (goal - probe.q) * share**2 * (3 - 2 * share))
        probe.spin(2.3)
        return bool(np.abs(probe.q - goal).max() < 0.02)

    probe.until(lambda: not probe.moving(), 'the arm stands')
    probe.until(there, 'the posture is reached')


def test_faults_of_the_machine(graph: 'Graph', probe: 'Probe', tmp_path: Path) -> None:
    """The safety node's Python stands still: a little, and the arm goes on; long, and it rests.

    Cases 73 and 75; and in the end an error that nobody expected takes the whole process away.
    """
    write_deployment(tmp_path / 'deployment.yaml', ArmControllerKind.JOINT_TRAJECTORY, 0.35)
    graph.parameters = {'deployment': str(tmp_path / 'deployment.yaml')}
    graph.scripts = {'safety_node': Path(__file__).with_name('stalling_safety_node.py')}
    begin(graph, probe)
    stall = probe.node.create_publisher(Float64, 'safety_node/stall', topics.COMMAND)
    probe.until(stall.get_subscription_count, 'it can be stalled')
    for _ in range(4):
        stall.publish(Float64(data=0.13))
        lead(probe)
        assert probe.status.state not in LATCHED
    move(probe)
    stall.publish(Float64(data=0.5))
    stalled = time.time()
    assert probe.rest_after(stalled) <= REST_S
    probe.until(lambda: probe.status.reason in ('STALLED', 'GUARD_STOPPED'), 'it is noticed')
    move(probe)
    stall.publish(Float64(data=math.nan))
    failed = time.time()
    assert probe.rest_after(failed) <= REST_S
    assert graph.processes['safety_node'].wait(timeout=10) not in (0, 2)
    probe.assert_within_limits()
    probe.assert_without_jumps()


@pytest.mark.usefixtures('ros_domain')
@pytest.mark.parametrize(
    ('joint', 'words'),
    [
        ('position: [1.0, -1.0]', 'is not below'),
        ('position: [7.0, 9.0]', 'is outside 7 to 9'),
    ],
)
def test_limits_that_leave_no_room_end_the_node(tmp_path: Path, joint: str, words: str) -> None:
    """Case 87: the least above the greatest, or both beyond where the arm is."""
    robot = config_file('sim_ur5e', 'robots')
    path = tmp_path / 'deployment.yaml'
    path.write_text(
        f'robot: {robot}\npolicy: {config_file("hold", "policies")}\n'
        f'robot_overrides: {{joints: {{elbow_joint: {{{joint}}}}}}}\n'
    )
    command = [sys.executable, '-m', 'vla_bridge.nodes.safety_node', '--ros-args']
    command += ['-p', f'deployment:={path}', '-p', 'rejected_folder:=""']
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr + ended.stdout
