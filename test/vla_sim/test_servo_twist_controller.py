# SPDX-License-Identifier: Apache-2.0
"""The stand-in for MoveIt Servo follows young twists, and none near what it must keep away from."""

import math

import numpy as np
import pytest

from vla_contract.deployment import Deployment
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.controllers.servo_twist import COMMAND_TIMEOUT_NS, ServoTwistController, Twist
from vla_sim.inverse_kinematics import InverseKinematics

PERIOD_NS = 10_000_000
FORWARD = (0.1, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope='module')
def kinematics(deployment: Deployment) -> InverseKinematics:
    """Of the simulated arm."""
    return InverseKinematics(deployment.robot, deployment.robot_path)


@pytest.fixture
def servo(deployment: Deployment, kinematics: InverseKinematics) -> ServoTwistController:
    """At 100 Hz, with the joints' own speed limits."""
    speeds = np.array([joint.velocity for joint in deployment.robot.joints])
    return ServoTwistController(kinematics, speeds, 'base_link', PERIOD_NS)


@pytest.fixture
def home(deployment: Deployment) -> Motion:
    """The arm at home and at rest."""
    return Motion(np.array(deployment.robot.home), np.zeros(6))


def test_the_tool_goes_where_the_twist_says(
    servo: ServoTwistController, kinematics: InverseKinematics, home: Motion
) -> None:
    """Straight, at the speed asked for, without turning."""
    for cycle in range(50):
        servo.submit(Twist(cycle * PERIOD_NS, 'base_link', FORWARD))
        command = servo.update(cycle * PERIOD_NS, home)
    assert command is not None
    start, end = kinematics.forward(home.positions), kinematics.forward(command)
    assert end.position - start.position == pytest.approx([0.05, 0.0, 0.0], abs=1e-3)
    assert end.rotation == pytest.approx(start.rotation, abs=0.01)


def test_it_halts_when_its_command_grows_old(servo: ServoTwistController, home: Motion) -> None:
    """After its timeout; and a twist with an old stamp, or none, does not move it at all."""
    servo.submit(Twist(0, 'base_link', FORWARD))
    cycles = range(0, 3 * COMMAND_TIMEOUT_NS, PERIOD_NS)
    commands = np.array([servo.update(now_ns, home) for now_ns in cycles], dtype=np.float64)
    moved = np.abs(np.diff(commands, axis=0)).max(axis=1) > 0
    assert sum(moved) == COMMAND_TIMEOUT_NS // PERIOD_NS - 1
    servo.submit(Twist(0, 'base_link', FORWARD))
    assert servo.update(cycles[-1] + PERIOD_NS, home) == pytest.approx(commands[-1])


def test_a_fast_twist_is_slowed_to_the_joints_speed(
    servo: ServoTwistController, home: Motion
) -> None:
    """As a whole, so that its direction stays."""
    servo.submit(Twist(0, 'base_link', (100.0, 0.0, 0.0, 0.0, 0.0, 0.0)))
    command = servo.update(0, home)
    assert command is not None
    assert np.abs(command - home.positions).max() <= 2.5 * PERIOD_NS * 1e-9 + 1e-12


def test_it_does_not_stretch_the_arm_into_a_singularity(servo: ServoTwistController) -> None:
    """Slower on the way, and halted before it; back out it goes at full speed."""
    stretched = Motion(np.array([0.0, -1.2, 0.4, -0.77, -1.57, 0.0]), np.zeros(6))
    positions = [stretched.positions]
    for cycle in range(600):
        servo.submit(Twist(cycle * PERIOD_NS, 'base_link', FORWARD))
        command = servo.update(cycle * PERIOD_NS, stretched)
        assert command is not None
        positions.append(command)
    steps = np.abs(np.diff(positions, axis=0)).max(axis=1)
    assert steps[-1] < 0.02 * steps[0]
    servo.submit(Twist(600 * PERIOD_NS, 'base_link', (-0.1, 0.0, 0.0, 0.0, 0.0, 0.0)))
    back = servo.update(600 * PERIOD_NS, stretched)
    assert back is not None
    assert np.abs(back - positions[-1]).max() > 5 * steps[-1]


def test_it_halts_at_the_end_of_a_joint(servo: ServoTwistController, home: Motion) -> None:
    """A joint that would go further into its margin halts all."""
    turned = home.positions.copy()
    turned[5] = 6.25
    servo.submit(Twist(0, 'base_link', (0.0, 0.0, 0.0, 0.0, 0.0, -0.5)))
    assert servo.update(0, Motion(turned)) == pytest.approx(turned)


@pytest.mark.parametrize(
    'twist',
    [Twist(0, 'world', FORWARD), Twist(0, 'base_link', (math.nan, 0.0, 0.0, 0.0, 0.0, 0.0))],
)
def test_a_twist_that_cannot_be_followed_is_dropped(
    servo: ServoTwistController, home: Motion, twist: Twist
) -> None:
    """An unknown frame, or no number."""
    with pytest.raises(CommandRefusedError):
        servo.submit(twist)
    assert servo.update(0, home) is None
