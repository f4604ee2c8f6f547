# SPDX-License-Identifier: Apache-2.0
"""Where the arm's points are and how fast they move, by Pinocchio from the robot's URDF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pinocchio as pin

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.chain import Chain, Frame
from vla_safety.motion import Array


class Kinematics:
    """The arm's model with every joint outside the robot file locked at zero."""

    def __init__(self, robot: Robot, urdf: Path) -> None:
        """Load the URDF and find the robot file's joints and frames in it."""
        if not urdf.is_file():
            raise VlaError(f'{robot.name}: urdf names {urdf}, which is not a file')
        full = pin.buildModelFromUrdf(str(urdf))
        for name in robot.joint_names:
            if not full.existJointName(name):
                known = ', '.join(list(full.names)[1:])
                raise VlaError(f'{robot.name}: joint {name} is not in {urdf}; it has {known}')
        for frame in (robot.base_frame, robot.tool_frame):
            if not full.existFrame(frame):
                raise VlaError(f'{robot.name}: frame {frame} is not in {urdf}')
        locked = [full.getJointId(n) for n in list(full.names)[1:] if n not in robot.joint_names]
        self.model = pin.buildReducedModel(full, locked, pin.neutral(full))
        self._data = self.model.createData()
        self._chain = Chain(self.model)
        self._order = np.array([self._index(robot, name, urdf) for name in robot.joint_names])
        self._tool = self.model.getFrameId(robot.tool_frame)
        base = self.model.getFrameId(robot.base_frame)
        pin.framesForwardKinematics(self.model, self._data, pin.neutral(self.model))
        self._base_from_world = self._data.oMf[base].inverse()

    @property
    def lower(self) -> Array:
        """Least joint positions in the URDF, in the robot file's order."""
        return np.array(self.model.lowerPositionLimit[self._order])

    @property
    def upper(self) -> Array:
        """Greatest joint positions in the URDF."""
        return np.array(self.model.upperPositionLimit[self._order])

    @property
    def velocity(self) -> Array:
        """Greatest joint speeds in the URDF; those it leaves at zero are unbounded here."""
        bounds = np.asarray(self.model.velocityLimit)[self._order]
        return np.where(bounds > 0, bounds, np.inf)

    def tool_positions(self, q: Array) -> Array:
        """Tool position in the base frame [m] for many configurations, K by 3."""
        points = self._chain.positions(self._arranged(q), [self._frame(self._tool)])[0]
        return np.asarray(
            points @ self._base_from_world.rotation.T + self._base_from_world.translation
        )

    def tool_pose(self, q: Array) -> pin.SE3:
        """Pose of the tool in the base frame at one configuration."""
        configuration = self._arranged(q[None])[0]
        pin.forwardKinematics(self.model, self._data, configuration)
        pin.updateFramePlacement(self.model, self._data, self._tool)
        return self._base_from_world * self._data.oMf[self._tool]

    def joint_origins(self, q: Array) -> Array:
        """Where the joints are in the base frame [m], joints by 3, in the robot file's order."""
        pin.forwardKinematics(self.model, self._data, self._arranged(q[None])[0])
        points = [(self._base_from_world * place).translation for place in self._data.oMi[1:]]
        return np.asarray(np.array(points)[self._order])

    def tool_jacobian(self, q: Array) -> Array:
        """Velocity of the tool, linear then angular, in base axes, by joint velocity: 6 by joints.

        The pose of the tool stays that of q until the next call.
        """
        configuration = self._arranged(q[None])[0]
        jacobian = pin.computeFrameJacobian(
            self.model, self._data, configuration, self._tool, pin.LOCAL_WORLD_ALIGNED
        )[:, self._order]
        turn = self._base_from_world.rotation
        return np.vstack([turn @ jacobian[:3], turn @ jacobian[3:]])

    def frame(self, name: str) -> int:
        """Number of a link's frame, for speeds(); it must be in the URDF."""
        return int(self.model.getFrameId(name))

    def speeds(self, q: Array, v: Array, frames: Sequence[int] = ()) -> tuple[Array, Array]:
        """Speeds of points [m/s] for many states.

        Args:
            q: Configurations, K by joints.
            v: Their velocities.
            frames: Further frames to look at.

        Returns:
            The greatest of the tool's and all joint origins' speeds, K; those of the further
            frames, K by frames.
        """
        origins = [Frame(joint, np.zeros(3)) for joint in range(1, self.model.njoints)]
        looked_at = [self._frame(self._tool), *origins, *map(self._frame, frames)]
        speeds = self._chain.speeds(self._arranged(q), self._arranged(v), looked_at)
        count = 1 + len(origins)
        return np.asarray(speeds[:count].max(axis=0)), np.asarray(speeds[count:].T)

    def _frame(self, number: int) -> Frame:
        frame = self.model.frames[number]
        return Frame(int(frame.parentJoint), np.array(frame.placement.translation))

    def _arranged(self, values: Array) -> Array:
        """From the robot file's order to the model's."""
        arranged = np.empty_like(values)
        arranged[:, self._order] = values
        return arranged

    def _index(self, robot: Robot, name: str, urdf: Path) -> int:
        joint = self.model.joints[self.model.getJointId(name)]
        if joint.nq != 1 or joint.nv != 1:
            raise VlaError(
                f'{robot.name}: joint {name} in {urdf} has {joint.nq} coordinates; give it '
                'type revolute with limits, or prismatic'
            )
        return int(joint.idx_q)
