# SPDX-License-Identifier: Apache-2.0
"""What each kind of controller is told, received over real DDS by a stand-in for it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from control_msgs.action import GripperCommand, ParallelGripperCommand
from rclpy.action.server import ActionServer
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from vla_bridge import topics
from vla_bridge.controllers.arm import arm_output, plan_topic
from vla_bridge.controllers.follow_joint_trajectory import NEVER, parting_ns
from vla_bridge.controllers.gripper import gripper_output
from vla_bridge.controllers.trajectory import from_message, to_message
from vla_bridge.resources import config_file
from vla_contract.deployment import load_robot
from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper, GripperKind
from vla_contract.robot import ArmControllerKind, Robot
from vla_safety.motion import NS, Motion

if TYPE_CHECKING:
    from rclpy.context import Context

ROBOT_FILE = config_file('sim_ur5e', 'robots')
URDF = ROBOT_FILE.parent / load_robot(ROBOT_FILE).urdf
GRIPPER = Gripper(
    kind=GripperKind.FORWARD_POSITION,
    target='gripper_controller/commands',
    joint='finger_joint',
    open=0.0,
    closed=0.8,
    speed=1.0,
    max_effort=20.0,
)


class Bench:
    """A sender, a receiver, and time to let them talk."""

    def __init__(self, context: 'Context') -> None:
        """Put both nodes on one executor."""
        self.sender = LifecycleNode('sender', context=context)
        self.receiver = Node('receiver', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.sender)
        self._executor.add_node(self.receiver)

    def until(self, done: Callable[[], object], again: Callable[[], None] = lambda: None) -> None:
        """Spin until something is true, doing something again and again."""
        deadline = self.sender.get_clock().now().nanoseconds + 10 * NS
        while not done():
            again()
            assert self.sender.get_clock().now().nanoseconds < deadline, 'nothing arrived'
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        """Take the nodes down."""
        self._executor.shutdown()
        self.sender.destroy_node()
        self.receiver.destroy_node()


@pytest.fixture
def bench(ros_context: 'Context') -> Iterator[Bench]:
    """Two nodes in a domain of their own."""
    bench = Bench(ros_context)
    yield bench
    bench.close()


def robot(kind: ArmControllerKind) -> Robot:
    """The simulated arm with another kind of controller."""
    plain = load_robot(ROBOT_FILE)
    controller = plain.controller.model_copy(
        update={'kind': kind, 'topic': 'arm', 'rate_hz': 100.0}
    )
    return plain.model_copy(update={'controller': controller})


def swing(start_ns: int) -> Motion:
    """A motion of 0.4 s that begins a little in the past and ends at rest."""
    times_ns = start_ns + np.array([-100, 100, 300], dtype=np.int64) * 1_000_000
    q = np.linspace(0.0, 0.2, 3)[:, None] * np.ones((1, 6))
    v = np.array([[0.0], [0.5], [0.0]]) * np.ones((1, 6))
    return Motion(times_ns, q, v, np.zeros((3, 6)))


def test_a_motion_survives_the_wire(bench: Bench) -> None:
    """The guard reads exactly the plan that the controller got."""
    arm = robot(ArmControllerKind.JOINT_TRAJECTORY)
    received: list[JointTrajectory] = []
    bench.receiver.create_subscription(
        JointTrajectory, plan_topic(arm), received.append, topics.COMMAND
    )
    output = arm_output(bench.sender, arm, URDF)
    bench.until(lambda: bench.receiver.count_publishers(plan_topic(arm)))
    motion = swing(bench.sender.get_clock().now().nanoseconds)
    bench.until(lambda: received, lambda: output.send(motion))
    again = from_message(arm.joint_names, received[0])
    np.testing.assert_array_equal(again.times_ns, motion.times_ns)
    np.testing.assert_array_equal(again.q, motion.q)
    np.testing.assert_array_equal(again.v, motion.v)
    np.testing.assert_array_equal(again.a, motion.a)


def test_a_forward_controller_gets_setpoints_until_the_arm_rests(bench: Bench) -> None:
    """The stream ends with the last position of the motion, and then falls silent."""
    arm = robot(ArmControllerKind.FORWARD_POSITION)
    received: list[Float64MultiArray] = []
    bench.receiver.create_subscription(Float64MultiArray, 'arm', received.append, topics.COMMAND)
    output = arm_output(bench.sender, arm, URDF)
    bench.until(lambda: bench.sender.count_subscribers('arm'))
    output.send(swing(bench.sender.get_clock().now().nanoseconds))
    bench.until(lambda: received and received[-1].data[0] == pytest.approx(0.2))
    positions = np.array([message.data[0] for message in received])
    assert (np.diff(positions) >= 0).all()
    assert len(received) > 10


def test_a_goal_is_needed_when_the_motion_parts_from_the_one_held() -> None:
    """Not before, however much else is known by then, and never for the same motion."""
    held, start_ns = swing(NS), NS
    head = held.until(start_ns + 100_000_000)
    later = head.then(Motion.still(head.end_ns, head.q[-1]))
    parting = parting_ns(held, later, start_ns)
    assert parting == pytest.approx(start_ns + 100_000_000, abs=10_000_000)
    assert parting_ns(held, held.since(start_ns), start_ns) == NEVER


def test_a_plan_for_other_joints_is_refused_by_name() -> None:
    """The guard never brakes from somebody else's plan."""
    motion = swing(NS)
    message = to_message(['a', 'b', 'c', 'd', 'e', 'f'], motion)
    with pytest.raises(VlaError, match='expected the joints g'):
        from_message(['g'], message)


def test_a_gripper_action_gets_position_and_effort(bench: Bench) -> None:
    """GripperCommand of control_msgs, as Jazzy's gripper controllers take it."""
    goals: list[tuple[float, float]] = []

    def execute(goal: object) -> GripperCommand.Result:
        command = goal.request.command  # type: ignore[attr-defined]
        goals.append((command.position, command.max_effort))
        goal.succeed()  # type: ignore[attr-defined]
        return GripperCommand.Result(position=command.position, reached_goal=True)

    ActionServer(bench.receiver, GripperCommand, 'gripper_cmd', execute)
    kind = {'kind': GripperKind.GRIPPER_COMMAND, 'target': 'gripper_cmd'}
    output = gripper_output(bench.sender, GRIPPER.model_copy(update=kind))
    bench.until(lambda: goals, lambda: output.send(0.4))
    assert goals[0] == (0.4, 20.0)


def test_a_gripper_server_that_hangs_delays_nobody(bench: Bench, ros_context: 'Context') -> None:
    """It is there and never answers: what the safety node does besides goes on in time."""
    hung = Node('hung', context=ros_context)  # on no executor
    ActionServer(hung, GripperCommand, 'gripper_cmd', lambda _: GripperCommand.Result())
    kind = {'kind': GripperKind.GRIPPER_COMMAND, 'target': 'gripper_cmd'}
    output = gripper_output(bench.sender, GRIPPER.model_copy(update=kind))
    ticks: list[int] = []
    bench.sender.create_timer(0.02, lambda: ticks.append(0))
    bench.until(lambda: len(ticks) > 25, lambda: output.send(0.4))
    hung.destroy_node()


def test_a_parallel_gripper_action_names_its_joint(bench: Bench) -> None:
    """ParallelGripperCommand, the only gripper action from Kilted on."""
    goals: list[tuple[list[str], list[float], list[float]]] = []

    def execute(goal: object) -> ParallelGripperCommand.Result:
        command = goal.request.command  # type: ignore[attr-defined]
        goals.append((list(command.name), list(command.position), list(command.effort)))
        goal.succeed()  # type: ignore[attr-defined]
        return ParallelGripperCommand.Result(reached_goal=True)

    ActionServer(bench.receiver, ParallelGripperCommand, 'gripper_cmd', execute)
    kind = {'kind': GripperKind.PARALLEL_GRIPPER_COMMAND, 'target': 'gripper_cmd'}
    output = gripper_output(bench.sender, GRIPPER.model_copy(update=kind))
    bench.until(lambda: goals, lambda: output.send(0.4))
    assert goals[0] == (['finger_joint'], [0.4], [20.0])


def test_a_gripper_trajectory_takes_the_time_the_gripper_needs(bench: Bench) -> None:
    """One point, at rest, no sooner than full travel at the gripper's speed."""
    received: list[JointTrajectory] = []
    bench.receiver.create_subscription(JointTrajectory, 'gripper', received.append, topics.COMMAND)
    kind = {'kind': GripperKind.JOINT_TRAJECTORY, 'target': 'gripper'}
    output = gripper_output(bench.sender, GRIPPER.model_copy(update=kind))
    bench.until(lambda: bench.sender.count_subscribers('gripper'))
    bench.until(lambda: received, lambda: output.send(0.8))
    point = received[0].points[0]
    assert point.time_from_start.nanosec == 800_000_000
    assert list(point.positions) == [0.8]
