# SPDX-License-Identifier: Apache-2.0
"""From tool poses to joints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.planning.tool_path import over, pointing_down


@pytest.fixture(scope='module')
def kinematics(deployment: Deployment) -> InverseKinematics:
    """Of the simulated arm."""
    return InverseKinematics(deployment.robot, deployment.robot_path)


@settings(max_examples=60, deadline=None)
@given(
    radius=st.floats(0.32, 0.68),
    angle=st.floats(-0.9, 0.9),
    height=st.floats(0.01, 0.3),
    yaw=st.floats(-1.5, 1.5),
)
def test_a_way_over_the_table_is_followed_on_one_branch(
    kinematics: InverseKinematics,
    deployment: Deployment,
    radius: float,
    angle: float,
    height: float,
    yaw: float,
) -> None:
    """Each pose exactly, without a jump of the joints, the elbow up."""
    joints = np.array(deployment.robot.home)
    place = (radius * np.cos(angle), radius * np.sin(angle), height)
    for pose in over(kinematics.forward(joints), pointing_down(place, yaw)):
        solved = kinematics.solve(pose, joints)
        reached = kinematics.forward(solved)
        np.testing.assert_allclose(reached.position, pose.position, atol=2e-6)
        np.testing.assert_allclose(reached.rotation, pose.rotation, atol=2e-6)
        assert np.abs(solved - joints).max() < 0.6
        assert 0.1 < solved[2] < np.pi
        joints = solved


def test_a_place_out_of_reach_is_named_with_what_is_missing(
    kinematics: InverseKinematics, deployment: Deployment
) -> None:
    """In metres, in the base frame."""
    with pytest.raises(VlaError, match=r'cannot reach \(1\.200, 0\.000, 0\.100\) m.* mm'):
        kinematics.solve(pointing_down((1.2, 0.0, 0.1), 0.0), np.array(deployment.robot.home))


def test_limits_of_the_robot_file_hold(deployment: Deployment) -> None:
    """A pose that needs more is out of reach."""
    first = deployment.robot.joints[0].model_copy(update={'position': (-0.4, 0.3)})
    robot = deployment.robot.model_copy(update={'joints': (first, *deployment.robot.joints[1:])})
    narrow = InverseKinematics(robot, deployment.robot_path)
    home = np.array(deployment.robot.home)
    assert narrow.solve(pointing_down((0.5, 0.0, 0.1), 0.0), home)[0] <= 0.3
    with pytest.raises(VlaError, match='cannot reach'):
        narrow.solve(pointing_down((0.3, 0.4, 0.1), 0.0), home)
