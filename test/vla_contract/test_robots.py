# SPDX-License-Identifier: Apache-2.0
"""The robots, policies and deployments that come with the repository, on their real models."""

from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
import pinocchio
import pytest
from numpy.typing import NDArray

from tools import make_episode
from vla_contract.deployment import load_deployment, load_policy, load_robot, match
from vla_contract.description import find_description
from vla_contract.policy import PolicyKind
from vla_contract.robot import Robot
from vla_policy.replay import START_TOLERANCE, load_episode

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / 'config'
ROBOTS = sorted((CONFIG / 'robots').glob('*.yaml'))
DEPLOYMENTS = sorted(CONFIG.glob('*.yaml'))
REAL = ('ur5e', 'franka', 'so101', 'xarm6')
NOMINAL = 2e-5
"""What rounding 90 degrees to 1.5708 does to the tool of the published models [m]."""


class Published(NamedTuple):
    """Where the vendor's own description has the tool: base to tool, at some joint positions."""

    q: tuple[float, ...]
    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


# franka_description 1.0.1 (fr3), xarm_ros2 (jazzy, xarm6), SO-ARM100 (so101_new_calib).
PUBLISHED = {
    'franka': Published(
        (0.1, -0.2, 0.3, -1.4, 0.5, 1.6, -0.7),
        (0.4174707662, 0.3069870043, 0.7283996255),
        (0.5270779421, 0.8003446911, 0.2719756415, -0.0875583738),
    ),
    'xarm6': Published(
        (0.1, -0.2, -0.3, 0.4, 0.5, -0.6),
        (0.3044803231, 0.0549188987, 0.0263977052),
        (0.9804319294, 0.1722843515, 0.0235643387, -0.0922824790),
    ),
    'so101': Published(
        (0.1, -0.2, 0.3, 0.4, -0.5),
        (0.3443495673, -0.0268764052, 0.1418432518),
        (0.2740851146, 0.8152216799, 0.1135012597, 0.4974016753),
    ),
}


def urdf_of(path: Path, robot: Robot) -> str:
    """The robot's URDF, which must be in the repository."""
    found = find_description(robot.urdf, path)
    assert found is not None
    return str(found.resolve())


def with_arm(model: pinocchio.Model, robot: Robot, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """A whole configuration with the arm's joints at q and the others at their lower limit."""
    whole = np.array(model.lowerPositionLimit)
    for name, value in zip(robot.joint_names, q, strict=True):
        whole[model.joints[model.getJointId(name)].idx_q] = value
    return whole


def tool_pose(model: pinocchio.Model, robot: Robot, q: NDArray[np.float64]) -> pinocchio.SE3:
    """Base frame to tool frame."""
    data = model.createData()
    pinocchio.framesForwardKinematics(model, data, with_arm(model, robot, q))
    base, tool = (data.oMf[model.getFrameId(name)] for name in (robot.base_frame, robot.tool_frame))
    return base.actInv(tool)


def test_every_real_robot_has_a_robot_file_and_a_deployment_that_holds() -> None:
    """What the README promises is there."""
    for name in REAL:
        assert (CONFIG / 'robots' / f'{name}.yaml').is_file()
        deployment = load_deployment(CONFIG / f'{name}.yaml')
        assert deployment.policy.kind is PolicyKind.HOLD
        assert not deployment.robot.simulated


@pytest.mark.parametrize('path', DEPLOYMENTS, ids=lambda path: path.stem)
def test_every_deployment_loads(path: Path) -> None:
    """Robot, policy and URDF fit each other."""
    deployment = load_deployment(path)
    assert deployment.urdf_path.is_file()


@pytest.mark.parametrize('path', ROBOTS, ids=lambda path: path.stem)
def test_a_file_says_what_it_was_never_run_on(path: Path) -> None:
    """Nobody should find out on a real arm that nobody had one."""
    if not load_robot(path).simulated:
        assert 'NEVER RUN ON HARDWARE' in path.read_text(encoding='utf-8')


@pytest.mark.parametrize('path', ROBOTS, ids=lambda path: path.stem)
def test_the_home_keeps_the_tool_in_the_workspace(path: Path) -> None:
    """An arm that starts outside its box could never be armed."""
    robot = load_robot(path)
    model = pinocchio.buildModelFromUrdf(urdf_of(path, robot))
    at = tool_pose(model, robot, np.array(robot.home)).translation
    boxes = robot.workspace.boxes
    assert any(
        all(low <= x <= high for low, x, high in zip(box.min, at, box.max, strict=True))
        for box in boxes
    ), f'the tool of {robot.name} is at {at} at home, in none of {boxes}'


@pytest.mark.parametrize('path', ROBOTS, ids=lambda path: path.stem)
def test_links_of_the_arm_do_not_touch_at_home(path: Path) -> None:
    """Shapes that are too fat would make every plan collide."""
    robot = load_robot(path)
    urdf = urdf_of(path, robot)
    model = pinocchio.buildModelFromUrdf(urdf)
    geometry = pinocchio.buildGeomFromUrdf(model, urdf, pinocchio.GeometryType.COLLISION)
    arm = {model.getJointId(name) for name in robot.joint_names}
    shapes = geometry.geometryObjects
    for i, first in enumerate(shapes):
        for j, second in enumerate(shapes[:i]):
            pair = {first.parentJoint, second.parentJoint}
            near = any(model.parents[a] == b for a in pair for b in pair) or len(pair) == 1
            if not near and pair <= arm | {0}:
                geometry.addCollisionPair(pinocchio.CollisionPair(i, j))
    data, scratch = model.createData(), geometry.createData()
    home = with_arm(model, robot, np.array(robot.home))
    assert not pinocchio.computeCollisions(model, data, geometry, scratch, home, True)


@pytest.mark.parametrize('path', ROBOTS, ids=lambda path: path.stem)
def test_pinocchio_and_mujoco_agree_on_every_urdf(path: Path) -> None:
    """The same file, read by both, puts the tool at the same place."""
    robot = load_robot(path)
    urdf = urdf_of(path, robot)
    model = pinocchio.buildModelFromUrdf(urdf)
    world = mujoco.MjModel.from_xml_path(urdf)
    data = mujoco.MjData(world)
    rng = np.random.default_rng(0)
    indices = [model.joints[model.getJointId(name)].idx_q for name in robot.joint_names]
    low, high = model.lowerPositionLimit[indices], model.upperPositionLimit[indices]
    for _ in range(20):
        q = rng.uniform(low, high)
        for name, value in zip(robot.joint_names, q, strict=True):
            data.joint(name).qpos[0] = value
        mujoco.mj_kinematics(world, data)
        base, tool = data.body(robot.base_frame), data.body(robot.tool_frame)
        seen = base.xmat.reshape(3, 3).T @ (tool.xpos - base.xpos)
        np.testing.assert_allclose(seen, tool_pose(model, robot, q).translation, atol=1e-9)


@pytest.mark.parametrize('path', ROBOTS, ids=lambda path: path.stem)
def test_every_moving_link_has_mass_and_shape(path: Path) -> None:
    """Simulators and collision checkers ignore what has none."""
    robot = load_robot(path)
    urdf = urdf_of(path, robot)
    model = pinocchio.buildModelFromUrdf(urdf)
    geometry = pinocchio.buildGeomFromUrdf(model, urdf, pinocchio.GeometryType.COLLISION)
    shaped = {shape.parentJoint for shape in geometry.geometryObjects}
    for joint in range(1, model.njoints):
        assert model.inertias[joint].mass > 0.0, model.names[joint]
        moments = np.linalg.eigvalsh(model.inertias[joint].inertia)
        assert moments[0] > 0.0
        assert moments[2] <= moments[0] + moments[1] + 1e-12, model.names[joint]
        assert joint in shaped, model.names[joint]


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_tool_is_where_the_vendor_s_description_has_it(name: str) -> None:
    """The same joint values must mean the same posture as on the real arm."""
    path = CONFIG / 'robots' / f'{name}.yaml'
    robot = load_robot(path)
    model = pinocchio.buildModelFromUrdf(urdf_of(path, robot))
    published = PUBLISHED[name]
    pose = tool_pose(model, robot, np.array(published.q))
    np.testing.assert_allclose(pose.translation, published.position, atol=NOMINAL)
    turned = pinocchio.Quaternion(np.array(published.quaternion)).matrix()
    assert np.linalg.norm(pinocchio.log3(turned.T @ pose.rotation)) < NOMINAL


def test_the_replay_starts_at_the_home_of_the_simulated_arm() -> None:
    """A replay refuses to start elsewhere; the limits in force hold all the way."""
    robot_path = CONFIG / 'robots' / 'sim_ur5e.yaml'
    policy_path = CONFIG / 'policies' / 'replay.yaml'
    deployment = match(load_robot(robot_path), robot_path, load_policy(policy_path), policy_path)
    assert deployment.episode_path is not None
    episode = load_episode(deployment.episode_path)
    robot = deployment.robot
    assert episode.columns == deployment.policy.action.columns
    for row in (episode.values[0], episode.values[-1]):
        np.testing.assert_allclose(row[:-1], robot.home, atol=START_TOLERANCE / 2)
    step = np.diff(episode.values[:, :-1], axis=0) / np.diff(episode.times)[:, None]
    assert (np.abs(step) < 0.5 * np.array([joint.velocity for joint in robot.joints])).all()


def test_the_episode_is_the_one_its_script_writes() -> None:
    """What is in the repository can be made again from what is in the repository."""
    made, kept = make_episode.sway(), load_episode(make_episode.EPISODE)
    assert made.columns == kept.columns
    np.testing.assert_allclose(kept.times, made.times)
    np.testing.assert_allclose(kept.values, made.values)
