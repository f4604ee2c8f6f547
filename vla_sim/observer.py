# SPDX-License-Identifier: Apache-2.0
"""What a policy would see of the simulated robot, without ROS in between.

Cameras draw at the robot file's size, and columns and resizing are those of the live node, so that
what is recorded or judged in one process is what a policy gets over topics. A test compares both.
"""

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy.columns import StateReader
from vla_policy.resize import resize
from vla_sim.cameras import Cameras
from vla_sim.simulator import Simulator

TASK_ID = 'simulated'


class Observer:
    """Looks for one policy. Belongs to the thread that made it, where it takes images."""

    def __init__(self, simulator: Simulator, policy: Policy) -> None:
        """Prepare to draw and to read.

        Args:
            simulator: Whose robot is looked at.
            policy: Which images and columns it takes, and whether it may have ground truth.

        Raises:
            VlaError: It takes a camera, or a column, that the robot does not have.
        """
        robot = simulator.robot
        if robot.gripper is None:
            raise VlaError(f'{simulator.robot_path}: gripper: missing; the simulator needs it')
        self._simulator, self._policy = simulator, policy
        self._state = StateReader(robot, policy)
        self._joints = (*robot.joint_names, robot.gripper.joint)
        known = {camera.name: camera for camera in robot.cameras}
        wanted = dict.fromkeys(image.camera for image in policy.images)
        for name in wanted:
            if name not in known:
                raise VlaError(
                    f'policy {policy.name} takes camera {name}; {robot.name} has '
                    f'{", ".join(known) or "none"}'
                )
        self._cameras = Cameras(simulator, [known[name] for name in wanted])
        self._wanted = tuple(wanted)

    def observe(self, instruction: str, task_id: str = TASK_ID) -> Observation:
        """What there is to see now; all of it has the same stamp."""
        simulator, now_ns = self._simulator, self._simulator.time_ns
        drawn = {name: self._cameras.render(name).pixels for name in self._wanted}
        images = {
            image.key: resize(drawn[image.camera], image.width, image.height)
            for image in self._policy.images
        }
        return Observation(
            stamp_ns=now_ns,
            images=images,
            image_stamps_ns=dict.fromkeys(images, now_ns),
            state=self.state(),
            state_stamp_ns=now_ns,
            instruction=instruction,
            task_id=task_id,
            world=simulator.world() if self._policy.ground_truth else None,
        )

    def state(self) -> NDArray[np.float64]:
        """The state alone, in the policy's columns and units."""
        simulator = self._simulator
        positions = [*map(float, simulator.joint_positions()), simulator.gripper_position()]
        return self._state.read(dict(zip(self._joints, positions, strict=True)))

    def close(self) -> None:
        """Give the drawing contexts back."""
        self._cameras.close()
