# SPDX-License-Identifier: Apache-2.0
"""From a pose of the tool to joint positions, on the branch of the seed."""

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_sim.arm import load_arm

TOLERANCE = 1e-6
"""Greatest error of a solution [m and rad]."""
_ITERATIONS = 60
_DAMPING = 1e-3
_LONGEST_STEP = 0.25


@dataclass(frozen=True)
class ToolPose:
    """Where the tool is in the base frame.

    Attributes:
        position: In metres.
        rotation: Matrix whose columns are the tool's axes.
    """

    position: NDArray[np.float64]
    rotation: NDArray[np.float64]


class InverseKinematics:
    """Damped least squares over MuJoCo's Jacobian. Not for two threads at once."""

    def __init__(self, robot: Robot, robot_path: Path) -> None:
        """Load the arm alone."""
        self._model = load_arm(robot, robot_path).compile()
        self._data = mujoco.MjData(self._model)
        joints = [self._model.joint(name) for name in robot.joint_names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._dofs = np.array([joint.dofadr[0] for joint in joints])
        self._tool = self._model.body(robot.tool_frame).id
        self._base = self._model.body(robot.base_frame).id
        ranges = np.array([joint.range for joint in joints])
        for index, joint in enumerate(robot.joints):
            if joint.position is not None:
                low, high = joint.position
                ranges[index] = max(ranges[index, 0], low), min(ranges[index, 1], high)
        self._low, self._high = ranges[:, 0], ranges[:, 1]

    @property
    def lower(self) -> NDArray[np.float64]:
        """Least joint positions [rad]."""
        return self._low

    @property
    def upper(self) -> NDArray[np.float64]:
        """Greatest joint positions [rad]."""
        return self._high

    def jacobian(self, joints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Velocity of the tool, linear then angular, in base axes, by joint velocity."""
        self.forward(joints)
        return self._jacobian()

    def forward(self, joints: NDArray[np.float64]) -> ToolPose:
        """Where the tool is at these joint positions [rad]."""
        self._data.qpos[self._qpos] = joints
        mujoco.mj_kinematics(self._model, self._data)
        base = self._data.xmat[self._base].reshape(3, 3)
        turn = self._data.xmat[self._tool].reshape(3, 3)
        offset = self._data.xpos[self._tool] - self._data.xpos[self._base]
        return ToolPose(base.T @ offset, base.T @ turn)

    def solve(self, pose: ToolPose, seed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Joint positions that put the tool there, reached from the seed without a jump.

        Raises:
            VlaError: The pose is out of reach from this seed.
        """
        joints = np.array(seed, dtype=np.float64)
        error = np.full(6, np.inf)
        for _ in range(_ITERATIONS):
            error = self._error(joints, pose)
            if np.abs(error).max() < TOLERANCE:
                return joints
            jacobian = self._jacobian()
            damping = _DAMPING * min(1.0, float(error @ error) / 1e-4)
            normal = jacobian @ jacobian.T + damping * np.eye(6)
            step = jacobian.T @ np.linalg.solve(normal, error)
            longest = float(np.abs(step).max())
            joints += step * min(1.0, _LONGEST_STEP / max(longest, 1e-12))
            joints = np.clip(joints, self._low, self._high)
        x, y, z = pose.position
        raise VlaError(
            f'the tool cannot reach ({x:.3f}, {y:.3f}, {z:.3f}) m in the base frame: '
            f'{np.linalg.norm(error[:3]) * 1e3:.1f} mm and '
            f'{np.degrees(np.linalg.norm(error[3:])):.1f} degrees are left'
        )

    def _error(self, joints: NDArray[np.float64], pose: ToolPose) -> NDArray[np.float64]:
        """Translation [m] and rotation vector [rad] from the tool to the pose, in base axes."""
        tool = self.forward(joints)
        quaternion, turn = np.zeros(4), np.zeros(3)
        mujoco.mju_mat2Quat(quaternion, (pose.rotation @ tool.rotation.T).ravel())
        mujoco.mju_quat2Vel(turn, quaternion, 1.0)
        return np.concatenate([pose.position - tool.position, turn])

    def _jacobian(self) -> NDArray[np.float64]:
        """Of the tool in base axes, at the joint positions last given to forward."""
        mujoco.mj_comPos(self._model, self._data)
        jacobian = np.zeros((6, self._model.nv))
        mujoco.mj_jacBody(self._model, self._data, jacobian[:3], jacobian[3:], self._tool)
        base = self._data.xmat[self._base].reshape(3, 3)
        turned = np.vstack([base.T @ jacobian[:3], base.T @ jacobian[3:]])
        return turned[:, self._dofs]
