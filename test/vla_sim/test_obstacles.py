# SPDX-License-Identifier: Apache-2.0
"""What the robot file says stands there, stands there; safety and simulation see one world."""

from pathlib import Path

import numpy as np

from vla_contract.deployment import Deployment, load_deployment
from vla_contract.scene import Cylinder, Scene, SceneObject
from vla_sim import scene as draw
from vla_sim.simulator import Simulator
from vla_sim.world import build_world

ROOT = Path(__file__).parents[2]
NOTHING = draw.Scene(())


def test_the_table_of_the_robot_file_is_the_table_of_the_world(deployment: Deployment) -> None:
    """To the last digit."""
    model = build_world(deployment.robot, deployment.robot_path, NOTHING)
    (table,) = (item for item in deployment.robot.scene.objects if item.name == 'table')
    assert table.box is not None
    np.testing.assert_allclose(model.geom('table').pos, table.position, atol=1e-12)
    np.testing.assert_allclose(2 * model.geom('table').size, table.box, atol=1e-12)


def test_every_shape_can_be_stood_in_the_world(deployment: Deployment) -> None:
    """Sizes are halved where MuJoCo wants them halved."""
    objects = (
        SceneObject(name='crate', box=(0.1, 0.2, 0.3), position=(0.0, 0.5, 0.2)),
        SceneObject(name='ball', sphere=0.05, position=(0.0, -0.5, 0.2)),
        SceneObject(name='can', cylinder=Cylinder(radius=0.04, length=0.2)),
        SceneObject(name='wall', plane=True, position=(0.0, 0.0, -1.0)),
    )
    robot = deployment.robot.model_copy(update={'scene': Scene(objects=objects)})
    model = build_world(robot, deployment.robot_path, NOTHING)
    np.testing.assert_allclose(model.geom('crate').size, (0.05, 0.1, 0.15))
    np.testing.assert_allclose(model.geom('ball').size[0], 0.05)
    np.testing.assert_allclose(model.geom('can').size[:2], (0.04, 0.1))
    np.testing.assert_allclose(model.geom('wall').pos, (0.0, 0.0, -1.0))


def test_the_cluttered_scene_has_a_post_that_the_arm_does_not_touch_at_home() -> None:
    """It stands between the cube and the bowl of the example."""
    cluttered = load_deployment(ROOT / 'config' / 'sim_cluttered.yaml')
    simulator = Simulator(cluttered.robot, cluttered.robot_path)
    simulator.reset(0, 'put the red cube in the blue bowl')
    assert simulator.contacts() == ()


def test_an_arm_that_runs_into_a_post_collides_with_the_post(deployment: Deployment) -> None:
    """By its name in the robot file, though in the model it is part of the arm's base."""
    home = deployment.robot.home
    post = SceneObject(name='post', box=(0.06, 0.06, 0.6), position=(0.34, 0.25, 0.3))
    robot = deployment.robot.model_copy(update={'scene': Scene(objects=(post,))})
    simulator = Simulator(robot, deployment.robot_path)
    for step in range(500):
        simulator.command_arm(np.array(home) + np.array([step * 0.002, 0, 0, 0, 0, 0]))
        simulator.step()
    assert {collision.other for collision in simulator.collisions.recent} == {'post'}
    assert {other for _, other in simulator.contacts()} == {'post'}
