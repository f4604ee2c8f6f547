# SPDX-License-Identifier: Apache-2.0
"""Many states at once are what Pinocchio says of each."""

from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from vla_contract.deployment import load_robot
from vla_safety.chain import Chain, Frame
from vla_safety.kinematics import Kinematics

ROBOTS = Path(__file__).resolve().parents[2] / 'config' / 'robots'


@pytest.mark.parametrize('name', ['sim_ur5e', 'franka', 'so101', 'xarm6'])
def test_positions_and_speeds_are_those_of_pinocchio(name: str) -> None:
    """Of the tool, of every joint, and of a link in between, in random states."""
    path = ROBOTS / f'{name}.yaml'
    robot = load_robot(path)
    kinematics = Kinematics(robot, (path.parent / robot.urdf).resolve())
    model = kinematics.model
    data = model.createData()
    random = np.random.default_rng(1)
    q, v = random.uniform(-3, 3, (40, model.nq)), random.uniform(-2, 2, (40, model.nv))
    tool, link = model.getFrameId(robot.tool_frame), model.nframes - 1
    order = [model.joints[model.getJointId(joint)].idx_q for joint in robot.joint_names]
    points = kinematics.tool_positions(q[:, order])
    fastest, others = kinematics.speeds(q[:, order], v[:, order], [link])
    for k in range(len(q)):
        pin.forwardKinematics(model, data, q[k], v[k])
        pin.updateFramePlacements(model, data)
        np.testing.assert_allclose(
            points[k], kinematics.tool_pose(q[k, order]).translation, atol=1e-12
        )
        wanted = [pin.getFrameVelocity(model, data, frame).linear for frame in (tool, link)]
        origins = [np.linalg.norm(motion.linear) for motion in list(data.v)[1:]]
        assert fastest[k] == pytest.approx(max(np.linalg.norm(wanted[0]), *origins), abs=1e-12)
        assert others[k, 0] == pytest.approx(np.linalg.norm(wanted[1]), abs=1e-12)


def test_no_states_have_no_positions() -> None:
    """An empty motion is not an error."""
    path = ROBOTS / 'sim_ur5e.yaml'
    robot = load_robot(path)
    kinematics = Kinematics(robot, (path.parent / robot.urdf).resolve())
    assert kinematics.tool_positions(np.zeros((0, 6))).shape == (0, 3)


def test_joints_that_slide_are_followed_too() -> None:
    """A rail, an arm that turns on it, and another that slides out of that."""
    model, random = pin.Model(), np.random.default_rng(2)
    parent = 0
    slanting = pin.JointModelPrismaticUnaligned(np.array([0.6, 0.0, 0.8]))
    for kind in (pin.JointModelPY(), pin.JointModelRZ(), slanting):
        parent = model.addJoint(parent, kind, pin.SE3.Random(), f'joint {parent}')
    data, chain = model.createData(), Chain(model)
    frame = Frame(parent, random.normal(size=3))
    q, v = random.normal(size=(9, 3)), random.normal(size=(9, 3))
    points, speeds = chain.positions(q, [frame])[0], chain.speeds(q, v, [frame])[0]
    for k in range(len(q)):
        pin.forwardKinematics(model, data, q[k], v[k])
        np.testing.assert_allclose(points[k], data.oMi[parent].act(frame.place), atol=1e-12)
        at_point = pin.SE3(np.eye(3), frame.place).actInv(data.v[parent])
        assert speeds[k] == pytest.approx(np.linalg.norm(at_point.linear), abs=1e-12)
