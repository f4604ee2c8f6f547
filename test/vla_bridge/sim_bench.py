# SPDX-License-Identifier: Apache-2.0
"""The simulated arm behind its interfaces, over real DDS, with time that the test turns."""

from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.action.client import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bridge.resources import config_file
from vla_bridge.simulation.control_interfaces import ControlInterfaces
from vla_bridge.simulation.ros_time import RosTime
from vla_bridge.simulation.simulated_robot import SimulatedRobot
from vla_contract.deployment import load_robot
from vla_contract.gripper import GripperKind
from vla_contract.robot import ArmControllerKind, Robot
from vla_sim.controllers.joint_trajectory import TrajectoryOptions
from vla_sim.simulator import Simulator

PATH = config_file('sim_ur5e', 'robots')
ROBOT = load_robot(PATH)
ACTION = 'joint_trajectory_controller/follow_joint_trajectory'


def robot_with(arm: ArmControllerKind, gripper: GripperKind, target: str) -> Robot:
    """The simulated robot with other controllers."""
    assert ROBOT.gripper is not None
    topic = {
        ArmControllerKind.JOINT_TRAJECTORY: ROBOT.controller.topic,
        ArmControllerKind.FOLLOW_JOINT_TRAJECTORY: ACTION,
    }.get(arm, 'arm/commands')
    controller = {'kind': arm, 'topic': topic, 'rate_hz': 100.0}
    return ROBOT.model_copy(
        update={
            'controller': ROBOT.controller.model_copy(update=controller),
            'gripper': ROBOT.gripper.model_copy(update={'kind': gripper, 'target': target}),
        }
    )


class Bench:
    """A robot behind its interfaces, and somebody who uses them."""

    def __init__(self, context: Context, robot: Robot) -> None:
        """Open both sides."""
        simulator = Simulator(robot, PATH, seed=0)
        self.robot = SimulatedRobot(simulator, TrajectoryOptions())
        self.time = RosTime(lambda: simulator.time_ns, published=True)
        self.node = LifecycleNode('robot', context=context)
        self.user = Node('user', context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.control = ControlInterfaces(self.node, self.robot, self.time.now_ns)
        self.node.trigger_configure()
        self.node.trigger_activate()
        for node in (self.node, self.user):
            self.executor.add_node(node)

    def turn(self, done: Callable[[], object], *, turns: int = 3000) -> None:
        """Run cycle after cycle until something holds."""
        for _ in range(turns):
            if done():
                return
            self.run_cycle()
            self.executor.spin_once(timeout_sec=0.001)
        raise AssertionError('it never came to hold')

    def run_cycle(self) -> None:
        """Let 10 ms of simulated time pass."""
        with self.robot.lock:
            simulated_ns = self.robot.simulator.time_ns + self.robot.period_ns
            self.robot.run_cycle(self.time.stamp_of(simulated_ns))
        for state in self.control.states:
            state.publish()

    def publish(self, kind: type[Any], topic: str, message: object) -> None:
        """Publish once there is somebody to hear it."""
        publisher = self.user.create_publisher(kind, topic, 5)
        self.turn(lambda: publisher.get_subscription_count() > 0)
        publisher.publish(message)

    def ask(self, kind: type[Any], name: str, goal: object) -> Any:  # noqa: ANN401 - a goal handle
        """Send a goal; the answer is its handle."""
        client = ActionClient(self.user, kind, name)
        self.turn(client.server_is_ready)
        future = client.send_goal_async(goal)
        self.turn(future.done)
        return future.result()

    def result(self, handle: Any) -> Any:  # noqa: ANN401 - of a generated class
        """Wait for status and result of a goal."""
        future = handle.get_result_async()
        self.turn(future.done)
        return future.result()

    def opening(self) -> float:
        """Measured gripper joint."""
        return self.robot.simulator.gripper_position()

    def close(self) -> None:
        """Close both sides."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.user.destroy_node()


def arm_trajectory(offset: float, length_s: int = 1) -> JointTrajectory:
    """One point at rest, away from home."""
    point = JointTrajectoryPoint(
        positions=(np.array(ROBOT.home) + offset).tolist(),
        velocities=[0.0] * 6,
        time_from_start=Duration(sec=length_s),
    )
    return JointTrajectory(joint_names=list(ROBOT.joint_names), points=[point])
