# SPDX-License-Identifier: Apache-2.0
"""Pictures of the simulated world."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.camera import Encoding
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_sim.cameras import Cameras, intrinsics
from vla_sim.simulator import Simulator

INSTRUCTION = 'put the red cube in the blue bowl'


def rotation(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix of a quaternion x y z w."""
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def red(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Middle of all that is red: column, row."""
    r, g, b = (picture[:, :, channel].astype(int) for channel in range(3))
    rows, columns = np.nonzero((r > 60) & (r > 3 * g) & (r > 3 * b))
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize('name', ['scene', 'wrist'])
def test_intrinsics_and_optical_frame_say_where_an_object_is_drawn(
    simulator: Simulator, deployment: Deployment, name: str
) -> None:
    """Within 1/160 of the picture's width: a policy may trust CameraInfo."""
    simulator.reset(5, INSTRUCTION)
    camera = next(c for c in deployment.robot.cameras if c.name == name)
    cameras = Cameras(simulator, [camera])
    for x, y in ((0.45, 0.0), (0.5, 0.1), (0.45, -0.1)):
        simulator.move_object('red_cube', x, y)
        drawn = red(cameras.render(name).pixels)
        position, orientation = simulator.camera_pose(name)
        cube = rotation(orientation).T @ (np.array([x, y, 0.02]) - position)
        column, row, depth = intrinsics(simulator, camera) @ cube
        assert depth > 0
        np.testing.assert_allclose(drawn, [column / depth, row / depth], atol=camera.width / 160)
    cameras.close()


def test_pictures_have_the_size_of_the_robot_file_and_the_time_of_the_world(
    simulator: Simulator, deployment: Deployment
) -> None:
    """Colours as bytes, rows first."""
    camera = deployment.robot.cameras[0].model_copy(update={'width': 96, 'height': 64})
    cameras = Cameras(simulator, [camera])
    picture = cameras.render(camera.name)
    assert picture.pixels.shape == (64, 96, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.time_ns == simulator.time_ns
    cameras.close()


def test_a_reset_shows_the_new_scene(simulator: Simulator, deployment: Deployment) -> None:
    """With the same cameras."""
    cameras = Cameras(simulator, deployment.robot.cameras)
    before = []
    for seed in (1, 2, 1):
        simulator.reset(seed, INSTRUCTION)
        before.append(cameras.render('scene').pixels)
    assert (before[0] != before[1]).any()
    assert (before[0] == before[2]).all()
    cameras.close()


def test_a_thread_draws_while_another_steps_and_resets(
    simulator: Simulator, deployment: Deployment
) -> None:
    """Each picture belongs to one moment; nothing waits long, nothing breaks."""
    stamps: list[int] = []
    stop = threading.Event()

    def draw() -> None:
        cameras = Cameras(simulator, deployment.robot.cameras)
        while not stop.is_set():
            stamps.append(cameras.render('wrist').time_ns)
        cameras.close()

    thread = threading.Thread(target=draw)
    thread.start()
    for seed in range(4):
        simulator.reset(seed)
        for _ in range(500):
            simulator.step()
    stop.set()
    thread.join(timeout=20.0)
    assert not thread.is_alive()
    assert stamps == sorted(stamps)


def test_an_encoding_that_is_not_drawn_is_refused(
    simulator: Simulator, deployment: Deployment
) -> None:
    """The error names the camera."""
    camera = deployment.robot.cameras[0].model_copy(update={'encoding': Encoding.DEPTH16})
    with pytest.raises(VlaError, match='camera wrist: the simulator draws rgb8'):
        Cameras(simulator, [camera])


def test_a_camera_at_an_unknown_frame_is_refused(deployment: Deployment) -> None:
    """The error says which frames there are."""
    camera = deployment.robot.cameras[0].model_copy(update={'frame': 'elsewhere'})
    robot = deployment.robot.model_copy(update={'cameras': (camera,)})
    with pytest.raises(VlaError, match='no frame elsewhere'):
        Simulator(robot, deployment.robot_path)
