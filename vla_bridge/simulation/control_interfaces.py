# SPDX-License-Identifier: Apache-2.0
"""The interfaces that the robot file names for arm and gripper, each in front of its controller."""

from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode

from vla_bridge.simulation.forward_interface import ForwardInterface
from vla_bridge.simulation.pose_interface import PoseInterface
from vla_bridge.simulation.simulated_robot import SimulatedRobot
from vla_bridge.simulation.trajectory_interface import (
    FOLLOW,
    Access,
    StateStream,
    TrajectoryInterface,
    beside,
    has_control_msgs,
)
from vla_bridge.simulation.twist_interface import TwistInterface
from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper, GripperKind
from vla_contract.robot import ArmController
from vla_sim.controllers.cartesian_pose import CartesianPoseController
from vla_sim.controllers.controller import PositionController
from vla_sim.controllers.forward_position import ForwardPositionController
from vla_sim.controllers.forward_velocity import ForwardVelocityController
from vla_sim.controllers.gripper import GripperController
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.servo_twist import ServoTwistController


class ControlInterfaces:
    """Everything that commands arrive by."""

    def __init__(
        self, node: LifecycleNode, robot: SimulatedRobot, now_ns: Callable[[], int]
    ) -> None:
        """Open them all."""
        self._node = node
        self._access = Access(robot.lock, now_ns)
        spec = robot.simulator.robot.controller
        self.states: list[StateStream] = []
        self._open_topic(_topic(spec), spec.state_topic, robot.arm)
        if isinstance(robot.gripper, GripperController):
            self._open_action(robot.gripper_spec, robot.gripper)
        else:
            self._open_topic(robot.gripper_spec.target, '', robot.gripper)

    def _open_topic(self, topic: str, state_topic: str, controller: PositionController) -> None:
        if isinstance(controller, JointTrajectoryController):
            interface = TrajectoryInterface(
                self._node, topic, state_topic, controller, self._access
            )
            if interface.state is not None:
                self.states.append(interface.state)
        elif isinstance(controller, ForwardPositionController | ForwardVelocityController):
            ForwardInterface(self._node, topic, controller, self._access.lock)
        elif isinstance(controller, ServoTwistController):
            TwistInterface(self._node, topic, controller, self._access.lock)
        elif isinstance(controller, CartesianPoseController):
            PoseInterface(self._node, topic, controller, self._access.lock)

    def _open_action(self, gripper: Gripper, controller: GripperController) -> None:
        if not has_control_msgs():
            raise VlaError(
                f'gripper.kind {gripper.kind} is an action of control_msgs, which is not '
                'installed; install it, or give the gripper another kind'
            )
        from vla_bridge.simulation.gripper_actions import GripperAction, ParallelGripperAction

        older = gripper.kind is GripperKind.GRIPPER_COMMAND
        action = GripperAction if older else ParallelGripperAction
        action(self._node, gripper.target, gripper.joint, controller, self._access)


def _topic(controller: ArmController) -> str:
    """The topic to open: an action lies beside that of its controller."""
    if not controller.kind.is_action:
        return controller.topic
    if not has_control_msgs():
        raise VlaError(
            f'controller.kind {controller.kind} is an action of control_msgs, which is not '
            'installed; install it, or give the controller the kind joint_trajectory'
        )
    if controller.topic != beside(controller.topic, FOLLOW):
        raise VlaError(f'controller.topic {controller.topic}: the simulator calls it …/{FOLLOW}')
    return beside(controller.topic, 'joint_trajectory')
