# SPDX-License-Identifier: Apache-2.0
"""Pictures of the simulated world, drawn in a thread of their own while the physics goes on."""

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.camera import Camera, Encoding
from vla_contract.errors import VlaError
from vla_sim.arm import COLLISION_GROUP
from vla_sim.simulator import Simulator


class Picture(NamedTuple):
    """What a camera saw.

    Attributes:
        pixels: Rows by columns by red, green and blue.
        time_ns: Simulated time at which it was so.
    """

    pixels: NDArray[np.uint8]
    time_ns: int


class Cameras:
    """Belongs to the thread that made it: make, use and close it there."""

    def __init__(self, simulator: Simulator, cameras: Sequence[Camera]) -> None:
        """Prepare to draw these cameras, each at its own size.

        Args:
            simulator: Whose world is drawn.
            cameras: Of the simulator's robot.
        """
        for camera in cameras:
            if camera.encoding is not Encoding.RGB8:
                raise VlaError(
                    f'camera {camera.name}: the simulator draws {Encoding.RGB8}, '
                    f'and the robot file asks for {camera.encoding}'
                )
        self._simulator = simulator
        self._cameras = {camera.name: camera for camera in cameras}
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        self._options = mujoco.MjvOption()
        self._options.geomgroup[COLLISION_GROUP] = 0
        self._model: mujoco.MjModel | None = None

    def render(self, name: str) -> Picture:
        """Draw what a camera sees now."""
        camera = self._cameras[name]
        snapshot = self._simulator.snapshot()
        if snapshot.model is not self._model:
            self.close()
            self._model = snapshot.model
            self._data = mujoco.MjData(snapshot.model)
        self._data.qpos[:] = snapshot.positions
        mujoco.mj_kinematics(snapshot.model, self._data)
        mujoco.mj_camlight(snapshot.model, self._data)
        renderer = self._renderer(snapshot.model, camera)
        renderer.update_scene(self._data, camera=name, scene_option=self._options)
        return Picture(renderer.render(), snapshot.time_ns)

    def close(self) -> None:
        """Give the drawing contexts back."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    def _renderer(self, model: mujoco.MjModel, camera: Camera) -> mujoco.Renderer:
        """The renderer of this size."""
        size = (camera.height, camera.width)
        if size not in self._renderers:
            self._renderers[size] = mujoco.Renderer(model, *size)
        return self._renderers[size]


def intrinsics(simulator: Simulator, camera: Camera) -> NDArray[np.float64]:
    """Matrix K of an ideal camera without distortion, pixel centres at whole numbers."""
    fovy = simulator.field_of_view(camera.name)
    focal = camera.height / (2.0 * np.tan(fovy / 2.0))
    return np.array(
        [
            [focal, 0.0, (camera.width - 1) / 2.0],
            [0.0, focal, (camera.height - 1) / 2.0],
            [0.0, 0.0, 1.0],
        ]
    )
