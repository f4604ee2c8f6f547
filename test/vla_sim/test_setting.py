# SPDX-License-Identifier: Apache-2.0
"""Worlds that look different, or hold more: everything else stays as it was."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_contract.deployment import Deployment
from vla_sim.cameras import Cameras
from vla_sim.scene import draw_scene
from vla_sim.setting import TABLE, USUAL, Look, Setting, draw_look, turned
from vla_sim.simulator import Simulator
from vla_sim.tasks.instruction import FAMILIES, draw_task
from vla_sim.world import build_world

INSTRUCTION = 'put the red cube in the blue bowl'
PHYSICAL = (
    'body_pos', 'body_quat', 'body_mass', 'body_inertia', 'geom_pos', 'geom_size', 'geom_friction',
    'geom_contype', 'geom_conaffinity', 'jnt_range', 'dof_damping', 'actuator_gainprm', 'qpos0',
)  # fmt: skip


def model_in(deployment: Deployment, setting: Setting) -> mujoco.MjModel:
    """The world of one seed."""
    scene = draw_scene(np.random.default_rng(3), (), setting.crowd)
    return build_world(deployment.robot, deployment.robot_path, scene, setting.look)


def pictures(deployment: Deployment, setting: Setting) -> list[np.ndarray]:
    """What both cameras see of one seed."""
    simulator = Simulator(deployment.robot, deployment.robot_path, 3, INSTRUCTION, setting)
    cameras = Cameras(simulator, deployment.robot.cameras)
    seen = [cameras.render(camera.name).pixels.copy() for camera in deployment.robot.cameras]
    cameras.close()
    return seen


def single(values: object) -> object:
    """Numbers as MuJoCo keeps colours: in single precision."""
    return np.array(values, dtype=np.float32).tolist()


def test_the_usual_look_is_the_one_that_demonstrations_are_recorded_in(
    deployment: Deployment,
) -> None:
    """To the last digit; who changes these numbers makes every recorded picture another one."""
    model = model_in(deployment, USUAL)
    scene, wrist = model.camera('scene'), model.camera('wrist')
    assert scene.pos.tolist() == [1.26, 0.6, 0.7]
    assert scene.quat == pytest.approx(
        [0.41298277778588655, 0.26513084921521474, 0.4707081899649518, 0.7332016488978922],
        abs=1e-12,
    )
    assert wrist.pos.tolist() == [0.0, 0.0, 0.0]
    assert np.abs(wrist.quat).tolist() == [0.0, 1.0, 0.0, 0.0]
    assert model.geom('table').rgba.tolist() == single([*TABLE, 1.0])
    lamps = single([[0.45, 0.45, 0.45 * 0.97], [0.22, 0.22, 0.22 * 0.97]])
    assert model.light_diffuse.tolist() == lamps
    aims = np.array([[-1.2, 1.5, -2.2], [0.8, -1.6, -2.2]])
    assert model.light_dir == pytest.approx(aims / np.linalg.norm(aims, axis=1)[:, None])
    assert model.vis.headlight.ambient.tolist() == single([0.36, 0.37, 0.39])
    again = model_in(deployment, Setting(look=Look()))
    for name in ('cam_pos', 'cam_quat', 'light_dir', 'light_diffuse', 'geom_rgba', *PHYSICAL):
        assert getattr(again, name).tolist() == getattr(model, name).tolist()


def test_shifts_change_the_picture_and_nothing_else(deployment: Deployment) -> None:
    """Cameras, lamps and paint; no body, no mass, no friction, no object's place."""
    look = draw_look(np.random.default_rng(1))
    usual, shifted = model_in(deployment, USUAL), model_in(deployment, Setting(look=look))
    for name in PHYSICAL:
        assert np.array_equal(getattr(usual, name), getattr(shifted, name)), name
    changed = np.flatnonzero((usual.geom_rgba != shifted.geom_rgba).any(axis=1))
    assert [usual.geom(index).name for index in changed] == ['table']
    for name in ('scene', 'wrist'):
        moved = np.linalg.norm(usual.camera(name).pos - shifted.camera(name).pos)
        assert 0.0 < moved < 0.06
    before, after = pictures(deployment, USUAL), pictures(deployment, Setting(look=look))
    for one, other in zip(before, after, strict=True):
        assert np.abs(one.astype(int) - other).mean() > 3.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), family=st.sampled_from(FAMILIES))
def test_a_crowd_comes_on_top(seed: int, family: str) -> None:
    """Everything else lies where it lies without it; nothing is there twice."""
    needs = draw_task(np.random.default_rng(seed), family).needs()
    alone = draw_scene(np.random.default_rng(seed), needs)
    crowded = draw_scene(np.random.default_rng(seed), needs, 3)
    assert crowded.items[: len(alone.items)] == alone.items
    assert len(alone.items) <= len(crowded.items) <= len(alone.items) + 3
    assert len({item.thing for item in crowded.items}) == len(crowded.items)


def test_there_is_mostly_room_for_a_crowd() -> None:
    """Three more in nearly every scene."""
    added = []
    for seed in range(60):
        needs = draw_task(np.random.default_rng(seed), FAMILIES[seed % 3]).needs()
        crowded = draw_scene(np.random.default_rng(seed), needs, 3)
        alone = draw_scene(np.random.default_rng(seed), needs)
        added.append(len(crowded.items) - len(alone.items))
    assert np.mean(added) > 2.8


def test_a_turn_is_a_rotation() -> None:
    """About the third axis, by a quarter; none is exactly none."""
    quarter = turned((0.0, 0.0, np.pi / 2))
    assert quarter == pytest.approx(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), abs=1e-12)
    assert turned((0.0, 0.0, 0.0)).tolist() == np.eye(3).tolist()
