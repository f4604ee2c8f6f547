# SPDX-License-Identifier: Apache-2.0
"""The controller of tool poses goes to the newest one at bounded speed, and stays there."""

import math

import numpy as np
import pytest

from vla_contract.deployment import Deployment
from vla_sim.controllers.cartesian_pose import CartesianPoseController
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.inverse_kinematics import InverseKinematics, ToolPose

PERIOD_NS = 10_000_000
SPEEDS = np.full(6, 2.0)


@pytest.fixture(scope='module')
def kinematics(deployment: Deployment) -> InverseKinematics:
    """Of the simulated arm."""
    return InverseKinematics(deployment.robot, deployment.robot_path)


@pytest.fixture
def home(deployment: Deployment) -> Motion:
    """The arm at home and at rest."""
    return Motion(np.array(deployment.robot.home), np.zeros(6))


@pytest.fixture
def controller(kinematics: InverseKinematics) -> CartesianPoseController:
    """At 100 Hz."""
    return CartesianPoseController(kinematics, SPEEDS, 'base_link', PERIOD_NS)


def test_it_goes_to_a_near_pose_in_one_cycle_and_stays(
    controller: CartesianPoseController, kinematics: InverseKinematics, home: Motion
) -> None:
    """There is no timeout."""
    joints = home.positions + 0.01
    assert controller.update(0, home) is None
    controller.submit('base_link', kinematics.forward(joints))
    for cycle in range(100):
        assert controller.update(cycle * PERIOD_NS, home) == pytest.approx(joints, abs=1e-4)


def test_it_goes_to_a_distant_pose_no_faster_than_the_joints_may(
    controller: CartesianPoseController, kinematics: InverseKinematics, home: Motion
) -> None:
    """All joints slowed alike."""
    joints = home.positions + 0.3
    controller.submit('base_link', kinematics.forward(joints))
    before = home.positions
    for _ in range(30):
        command = controller.update(0, home)
        assert command is not None
        assert np.abs(command - before).max() <= 2.0 * PERIOD_NS * 1e-9 + 1e-12
        before = command
    assert before == pytest.approx(joints, abs=1e-3)


def test_it_stays_where_a_pose_is_out_of_reach(
    controller: CartesianPoseController, kinematics: InverseKinematics, home: Motion
) -> None:
    """The real one would stretch towards it; ours says nothing and stands."""
    far = ToolPose(np.array([5.0, 0.0, 0.0]), kinematics.forward(home.positions).rotation)
    controller.submit('base_link', far)
    assert controller.update(0, home) == pytest.approx(home.positions)


def test_a_pose_in_another_frame_or_without_numbers_is_dropped(
    controller: CartesianPoseController, home: Motion
) -> None:
    """The one before it stays."""
    nowhere = ToolPose(np.array([math.nan, 0.0, 0.0]), np.eye(3))
    for frame, pose in (('world', ToolPose(np.zeros(3), np.eye(3))), ('base_link', nowhere)):
        with pytest.raises(CommandRefusedError):
            controller.submit(frame, pose)
    assert controller.update(0, home) is None
