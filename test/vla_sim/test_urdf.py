# SPDX-License-Identifier: Apache-2.0
"""The one description of the arm, as MuJoCo and Pinocchio read it."""

import math
import xml.etree.ElementTree as ET

import mujoco
import numpy as np
import pinocchio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_contract.deployment import Deployment, load_robot
from vla_sim.arm import description_path

from .conftest import ROOT

ROBOT_PATH = ROOT / 'config' / 'robots' / 'sim_ur5e.yaml'
ROBOT = load_robot(ROBOT_PATH)
URDF = str(description_path(ROBOT, ROBOT_PATH))
SRDF = ROOT / 'urdf' / 'ur5e.srdf'
DENAVIT_HARTENBERG = (
    (0.1625, 0.0, math.pi / 2),
    (0.0, -0.425, 0.0),
    (0.0, -0.3922, 0.0),
    (0.1333, 0.0, math.pi / 2),
    (0.0997, 0.0, -math.pi / 2),
    (0.0996, 0.0, 0.0),
)
"""The UR5e's d [m], a [m] and alpha [rad], as its maker publishes them."""
postures = st.lists(st.floats(-math.pi, math.pi), min_size=6, max_size=6).map(np.array)


@pytest.fixture(scope='module')
def pin_model() -> pinocchio.Model:
    """As the safety node reads it."""
    return pinocchio.buildModelFromUrdf(URDF)


@pytest.fixture(scope='module')
def mujoco_model() -> mujoco.MjModel:
    """As the simulator reads it."""
    return mujoco.MjSpec.from_file(URDF).compile()


def frame(model: pinocchio.Model, joints: NDArray[np.float64], name: str) -> pinocchio.SE3:
    """Pose of a frame with the fingers closed."""
    data = model.createData()
    pinocchio.framesForwardKinematics(model, data, np.concatenate([joints, [0.0, 0.0]]))
    return data.oMf[model.getFrameId(name)]


@settings(max_examples=60, deadline=None)
@given(joints=postures)
def test_pinocchio_and_mujoco_agree_on_every_frame_of_the_tool(
    joints: NDArray[np.float64], pin_model: pinocchio.Model, mujoco_model: mujoco.MjModel
) -> None:
    """One file, two readers, the same poses to a nanometre."""
    data = mujoco.MjData(mujoco_model)
    data.qpos[:6] = joints
    mujoco.mj_kinematics(mujoco_model, data)
    for name in ('tool0', 'gripper_tcp', 'wrist_camera_optical_frame'):
        pose = frame(pin_model, joints, name)
        np.testing.assert_allclose(data.body(name).xpos, pose.translation, atol=1e-9)
        np.testing.assert_allclose(data.body(name).xmat.reshape(3, 3), pose.rotation, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(joints=postures)
def test_the_tool_is_where_the_published_parameters_put_it(
    joints: NDArray[np.float64], pin_model: pinocchio.Model
) -> None:
    """Joint values of the real arm mean the same here."""
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])  # base_link is turned half against UR's own base
    for angle, (d, a, alpha) in zip(joints, DENAVIT_HARTENBERG, strict=True):
        ct, stheta, ca, sa = math.cos(angle), math.sin(angle), math.cos(alpha), math.sin(alpha)
        pose = pose @ np.array(
            [
                [ct, -stheta * ca, stheta * sa, a * ct],
                [stheta, ct * ca, -ct * sa, a * stheta],
                [0.0, sa, ca, d],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
    np.testing.assert_allclose(frame(pin_model, joints, 'tool0').homogeneous, pose, atol=1e-9)


def test_the_right_finger_mimics_the_left() -> None:
    """One joint to command, in Pinocchio's eyes too."""
    model = pinocchio.buildModelFromUrdf(URDF, mimic=True)
    assert model.nq == len(ROBOT.joints) + 1
    assert ROBOT.gripper is not None
    assert model.existJointName(ROBOT.gripper.joint)


def test_the_wrist_camera_looks_along_the_fingers(pin_model: pinocchio.Model) -> None:
    """The optical frame follows REP-103: z forward, and the tool below the middle of no image."""
    home = np.array(ROBOT.home)
    camera = frame(pin_model, home, 'wrist_camera_optical_frame')
    tool = camera.actInv(frame(pin_model, home, 'gripper_tcp'))
    assert tool.translation[2] > 0.05
    assert abs(tool.translation[0]) < 1e-9


def test_home_is_free_of_collisions_and_points_down(deployment: Deployment) -> None:
    """With the pairs that the SRDF leaves enabled."""
    model = pinocchio.buildModelFromUrdf(URDF)
    shapes = pinocchio.buildGeomFromUrdf(model, URDF, pinocchio.GeometryType.COLLISION)
    shapes.addAllCollisionPairs()
    pinocchio.removeCollisionPairs(model, shapes, str(SRDF))
    home = np.array([*deployment.robot.home, 0.02, 0.02])
    data, scratch = model.createData(), shapes.createData()
    assert not pinocchio.computeCollisions(model, data, shapes, scratch, home, False)
    assert frame(model, home[:6], 'gripper_tcp').rotation[2, 2] < -0.9999


def test_the_srdf_names_links_of_the_urdf_and_the_home_of_the_robot_file(
    deployment: Deployment, pin_model: pinocchio.Model
) -> None:
    """It was written from both, and is stale once they change."""
    root = ET.parse(SRDF).getroot()  # noqa: S314 (our own file)
    for pair in root.iter('disable_collisions'):
        assert pin_model.existBodyName(pair.attrib['link1'])
        assert pin_model.existBodyName(pair.attrib['link2'])
    home = root.find("group_state[@name='home']")
    assert home is not None
    values = {joint.attrib['name']: float(joint.attrib['value']) for joint in home}
    assert values == pytest.approx(
        dict(zip(deployment.robot.joint_names, deployment.robot.home, strict=True))
    )
