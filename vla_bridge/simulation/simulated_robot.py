# SPDX-License-Identifier: Apache-2.0
"""The simulated arm and gripper with the controllers that the robot file names. Knows no ROS."""

import threading
from dataclasses import dataclass

import numpy as np

from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper, GripperKind
from vla_contract.robot import ArmControllerKind
from vla_sim.controllers.cartesian_pose import CartesianPoseController
from vla_sim.controllers.controller import PositionController
from vla_sim.controllers.forward_position import ForwardPositionController
from vla_sim.controllers.forward_velocity import ForwardVelocityController
from vla_sim.controllers.gripper import GripperController, GripperOptions
from vla_sim.controllers.joint_trajectory import JointTrajectoryController, TrajectoryOptions
from vla_sim.controllers.motion import Motion
from vla_sim.controllers.servo_twist import ServoTwistController
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.simulator import Simulator


@dataclass(frozen=True)
class Reading:
    """Measured at one time."""

    arm: Motion
    gripper: Motion


class SimulatedRobot:
    """One thread runs its cycles; any thread may talk to its controllers under the lock.

    Args:
        simulator: World and arm.
        options: Of the trajectory controllers.
    """

    def __init__(self, simulator: Simulator, options: TrajectoryOptions) -> None:
        """Start at rest with every controller holding."""
        robot = simulator.robot
        if robot.gripper is None:
            raise VlaError(f'{robot.name} has no gripper; the simulator needs one')
        self.lock = threading.Lock()
        self.simulator = simulator
        self.gripper_spec = robot.gripper
        self._steps = cycle_steps(robot.joint_state_rate_hz, simulator.physics_step_s)
        self.period_ns = self._steps * round(simulator.physics_step_s * 1e9)
        reading = self.measure()
        self.arm = _arm_controller(simulator, self.period_ns, reading.arm, options)
        self.gripper = _gripper_controller(
            self.gripper_spec, self.period_ns, reading.gripper, options
        )
        self.dropped = 0

    def measure(self) -> Reading:
        """Positions and velocities now."""
        sim = self.simulator
        return Reading(
            Motion(sim.joint_positions(), sim.joint_velocities()),
            Motion(np.array([sim.gripper_position()]), np.array([sim.gripper_velocity()])),
        )

    def run_cycle(self, now_ns: int) -> Reading:
        """Let the last commands act until now, measure, and command anew. Needs the lock.

        Args:
            now_ns: Time of the cycle, on the clock that trajectories are stamped by.
        """
        for _ in range(self._steps):
            self.simulator.step()
        reading = self.measure()
        self._command(now_ns, reading)
        return reading

    def reset(self, seed: int, instruction: str) -> str:
        """Lay out a new scene with the arm at home and at rest. Needs the lock.

        Returns:
            The instruction that the scene was laid out for.
        """
        chosen = self.simulator.reset(seed, instruction)
        self.reactivate()
        return chosen

    def reactivate(self) -> None:
        """Let every controller hold what is measured, and abort their goals. Needs the lock."""
        reading = self.measure()
        self.arm.activate(reading.arm)
        self.gripper.activate(reading.gripper)

    def _command(self, now_ns: int, reading: Reading) -> None:
        """Run the controllers. The drives ignore what is not finite: no controller checks it."""
        arm = self.arm.update(now_ns, reading.arm)
        if arm is not None and not np.isfinite(arm).all():
            self.dropped += 1
        elif arm is not None:
            self.simulator.command_arm(arm)
        gripper = self.gripper.update(now_ns, reading.gripper)
        if gripper is not None and not np.isfinite(gripper).all():
            self.dropped += 1
        elif gripper is not None:
            self.simulator.command_gripper(float(gripper[0]))


def cycle_steps(rate_hz: float, step_s: float) -> int:
    """Physics steps between cycles that come at least at this rate."""
    return max(1, int(1.0 / (rate_hz * step_s) + 1e-9))


def _arm_controller(
    simulator: Simulator, period_ns: int, measured: Motion, options: TrajectoryOptions
) -> PositionController:
    robot = simulator.robot
    kind = robot.controller.kind
    if kind is ArmControllerKind.FORWARD_POSITION:
        return ForwardPositionController(len(robot.joints))
    if kind is ArmControllerKind.FORWARD_VELOCITY:
        return ForwardVelocityController(len(robot.joints), period_ns)
    if kind in (ArmControllerKind.JOINT_TRAJECTORY, ArmControllerKind.FOLLOW_JOINT_TRAJECTORY):
        return JointTrajectoryController(robot.joint_names, period_ns, measured, options)
    kinematics = InverseKinematics(robot, simulator.robot_path)
    speeds = np.array([joint.velocity for joint in robot.joints])
    if kind is ArmControllerKind.SERVO_TWIST:
        return ServoTwistController(kinematics, speeds, robot.base_frame, period_ns)
    return CartesianPoseController(kinematics, speeds, robot.base_frame, period_ns)


def _gripper_controller(
    gripper: Gripper, period_ns: int, measured: Motion, options: TrajectoryOptions
) -> PositionController:
    if gripper.kind is GripperKind.FORWARD_POSITION:
        return ForwardPositionController(1)
    if gripper.kind is GripperKind.JOINT_TRAJECTORY:
        return JointTrajectoryController((gripper.joint,), period_ns, measured, options)
    stroke = abs(gripper.open - gripper.closed)
    allowed = GripperOptions(
        goal_tolerance=0.02 * stroke,
        stall_velocity_threshold=0.01 * gripper.speed,
        stall_timeout_s=0.2,
        allow_stalling=True,
    )
    return GripperController(measured, allowed)
