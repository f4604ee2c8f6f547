# SPDX-License-Identifier: Apache-2.0
"""The simulated controllers' topics and actions over real DDS, with time that the test turns."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from control_msgs.msg import GripperCommand as GripperCommandMessage
from control_msgs.msg import JointTolerance, JointTrajectoryControllerState
from rclpy.action.client import ActionClient
from rclpy.clock import ROSClock
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bridge.controllers.arm import arm_output
from vla_bridge.resources import config_file
from vla_bridge.simulation.control_interfaces import ControlInterfaces
from vla_bridge.simulation.pace import MAX_LAG_NS, Pace
from vla_bridge.simulation.ros_time import CLOCK_START_NS, RosTime
from vla_bridge.simulation.simulated_robot import SimulatedRobot, cycle_steps
from vla_contract.deployment import load_robot
from vla_contract.gripper import GripperKind
from vla_contract.robot import ArmControllerKind, Robot
from vla_safety.motion import NS, Motion
from vla_sim.controllers.joint_trajectory import TrajectoryOptions
from vla_sim.simulator import Simulator

PATH = config_file('sim_ur5e', 'robots')
ROBOT = load_robot(PATH)
URDF = PATH.parent / ROBOT.urdf
ACTION = 'joint_trajectory_controller/follow_joint_trajectory'
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6


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


@pytest.fixture
def make_bench(ros_context: Context) -> Iterator[Callable[..., Bench]]:
    """Makes a bench for a robot with these controllers."""
    benches: list[Bench] = []

    def make(
        arm: ArmControllerKind = ArmControllerKind.JOINT_TRAJECTORY,
        gripper: GripperKind = GripperKind.FORWARD_POSITION,
        target: str = 'gripper/commands',
    ) -> Bench:
        benches.append(Bench(ros_context, robot_with(arm, gripper, target)))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def arm_trajectory(offset: float, length_s: int = 1) -> JointTrajectory:
    """One point at rest, away from home."""
    point = JointTrajectoryPoint(
        positions=(np.array(ROBOT.home) + offset).tolist(),
        velocities=[0.0] * 6,
        time_from_start=Duration(sec=length_s),
    )
    return JointTrajectory(joint_names=list(ROBOT.joint_names), points=[point])


def test_a_trajectory_goal_succeeds_where_it_was_sent(make_bench: Callable[..., Bench]) -> None:
    """With feedback and the controller's state on the way."""
    bench = make_bench()
    states: list[JointTrajectoryControllerState] = []
    bench.user.create_subscription(
        JointTrajectoryControllerState, ROBOT.controller.state_topic, states.append, 10
    )
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.2))
    answer = bench.result(bench.ask(FollowJointTrajectory, ACTION, goal))
    assert (answer.status, answer.result.error_code) == (SUCCEEDED, 0)
    moved = bench.robot.simulator.joint_positions() - np.array(ROBOT.home)
    assert moved == pytest.approx([0.2] * 6, abs=5e-3)
    assert states[-1].joint_names == list(ROBOT.joint_names)
    assert states[-1].output.positions[0] == pytest.approx(ROBOT.home[0] + 0.2, abs=0.05)
    assert max(abs(state.error.positions[0]) for state in states) < 0.05


def test_a_bad_goal_is_rejected(make_bench: Callable[..., Bench]) -> None:
    """With only a log line for the reason."""
    bench = make_bench()
    trajectory = arm_trajectory(0.2)
    trajectory.joint_names[0] = 'knee_joint'
    goal = FollowJointTrajectory.Goal(trajectory=trajectory)
    assert not bench.ask(FollowJointTrajectory, ACTION, goal).accepted


def test_a_cancelled_goal_stops_the_arm(make_bench: Callable[..., Bench]) -> None:
    """And says that it was cancelled."""
    bench = make_bench()
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.5, 2))
    handle = bench.ask(FollowJointTrajectory, ACTION, goal)
    bench.turn(lambda: bench.robot.simulator.joint_positions()[0] > ROBOT.home[0] + 0.1)
    bench.turn(handle.cancel_goal_async().done)
    assert bench.result(handle).status == CANCELED
    for _ in range(30):
        bench.run_cycle()
    assert np.abs(bench.robot.simulator.joint_velocities()).max() < 0.01
    assert bench.robot.simulator.joint_positions()[0] < ROBOT.home[0] + 0.4


def test_a_path_tolerance_aborts_a_goal(make_bench: Callable[..., Bench]) -> None:
    """A tolerance that no servo can keep, in the message of control_msgs."""
    bench = make_bench()
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.5))
    goal.path_tolerance = [JointTolerance(name=ROBOT.joint_names[0], position=1e-7)]
    answer = bench.result(bench.ask(FollowJointTrajectory, ACTION, goal))
    assert (answer.status, answer.result.error_code) == (ABORTED, -4)


def test_a_reset_aborts_the_goal(make_bench: Callable[..., Bench]) -> None:
    """The arm is home and stays there."""
    bench = make_bench()
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.5))
    handle = bench.ask(FollowJointTrajectory, ACTION, goal)
    bench.turn(lambda: bench.robot.simulator.joint_positions()[0] > ROBOT.home[0] + 0.1)
    with bench.robot.lock:
        bench.robot.reset(1, '')
    assert bench.result(handle).status == ABORTED
    assert bench.robot.simulator.joint_positions() == pytest.approx(ROBOT.home, abs=1e-3)


def test_nan_reaches_the_drives_which_ignore_it(make_bench: Callable[..., Bench]) -> None:
    """No controller checks it; the arm keeps its last command."""
    bench = make_bench()
    trajectory = arm_trajectory(0.2)
    trajectory.points[0].positions = [float('nan')] * 6
    bench.publish(JointTrajectory, ROBOT.controller.topic, trajectory)
    bench.turn(lambda: bench.robot.dropped > 3)
    assert bench.robot.simulator.joint_positions() == pytest.approx(ROBOT.home, abs=1e-3)


def test_a_forward_command_lands_in_one_cycle(make_bench: Callable[..., Bench]) -> None:
    """Whole, and a bad one is dropped."""
    bench = make_bench(arm=ArmControllerKind.FORWARD_POSITION)
    goal = np.array(ROBOT.home) + 0.05
    bench.publish(Float64MultiArray, 'arm/commands', Float64MultiArray(data=goal.tolist()))
    bench.turn(lambda: np.allclose(bench.robot.simulator.joint_positions(), goal, atol=2e-3))
    bench.publish(Float64MultiArray, 'arm/commands', Float64MultiArray(data=[0.0] * 5))
    for _ in range(20):
        bench.run_cycle()
        bench.executor.spin_once(timeout_sec=0.001)
    assert bench.robot.simulator.joint_positions() == pytest.approx(goal, abs=2e-3)


def test_the_gripper_takes_forward_commands(make_bench: Callable[..., Bench]) -> None:
    """A Float64MultiArray of one position."""
    bench = make_bench()
    bench.publish(Float64MultiArray, 'gripper/commands', Float64MultiArray(data=[0.01]))
    bench.turn(lambda: abs(bench.opening() - 0.01) < 1e-3)


def test_the_gripper_takes_trajectories(make_bench: Callable[..., Bench]) -> None:
    """Of its one joint."""
    bench = make_bench(gripper=GripperKind.JOINT_TRAJECTORY, target='gripper/joint_trajectory')
    point = JointTrajectoryPoint(positions=[0.01], time_from_start=Duration(nanosec=500_000_000))
    message = JointTrajectory(joint_names=['gripper_finger_joint'], points=[point])
    bench.publish(JointTrajectory, 'gripper/joint_trajectory', message)
    bench.turn(lambda: abs(bench.opening() - 0.01) < 1e-3)


def test_the_gripper_takes_the_older_action(make_bench: Callable[..., Bench]) -> None:
    """Reached, and stalled where the fingers cannot go."""
    bench = make_bench(gripper=GripperKind.GRIPPER_COMMAND, target='gripper/gripper_cmd')
    for position, reached in ((0.01, True), (-0.5, False)):
        goal = GripperCommand.Goal(command=GripperCommandMessage(position=position))
        answer = bench.result(bench.ask(GripperCommand, 'gripper/gripper_cmd', goal))
        assert answer.status == SUCCEEDED
        assert (answer.result.reached_goal, answer.result.stalled) == (reached, not reached)
        assert answer.result.position == pytest.approx(bench.opening(), abs=2e-3)


def test_the_gripper_takes_the_newer_action(make_bench: Callable[..., Bench]) -> None:
    """A joint state in, a joint state out; only the number of positions is checked."""
    bench = make_bench(gripper=GripperKind.PARALLEL_GRIPPER_COMMAND, target='gripper/gripper_cmd')
    goal = ParallelGripperCommand.Goal(command=JointState(position=[0.01]))
    answer = bench.result(bench.ask(ParallelGripperCommand, 'gripper/gripper_cmd', goal))
    assert answer.status == SUCCEEDED
    assert answer.result.reached_goal
    assert answer.result.state.name == ['gripper_finger_joint']
    assert answer.result.state.position[0] == pytest.approx(0.01, abs=2e-3)
    empty = ParallelGripperCommand.Goal()
    assert not bench.ask(ParallelGripperCommand, 'gripper/gripper_cmd', empty).accepted


def test_a_pace_catches_up_a_short_delay_and_skips_a_long_one() -> None:
    """A process that was stopped does not race through what it missed."""
    now_ns = 0
    pace = Pace(lambda: now_ns, 10, 1.0)
    assert pace.wait_s() == 0.0
    pace.advance()
    assert pace.wait_s() == pytest.approx(10e-9)
    now_ns = 35
    for due_ns in (10, 20, 30):
        assert (pace.wait_s(), pace.due_ns) == (0.0, due_ns)
        pace.advance()
    assert pace.wait_s() > 0.0
    now_ns = MAX_LAG_NS + 100
    assert (pace.wait_s(), pace.due_ns) == (0.0, now_ns)
    assert pace.skipped_ns == MAX_LAG_NS + 60


def test_a_clock_that_is_set_back_does_not_stop_the_simulation() -> None:
    """Else it would wait until the old time comes again."""
    now_ns = 10 * MAX_LAG_NS
    pace = Pace(lambda: now_ns, 10, 1.0)
    now_ns = 0
    assert pace.wait_s() == 0.0


def test_as_fast_as_possible_never_waits() -> None:
    """Factor 0."""
    pace = Pace(lambda: 5, 10, 0.0)
    for _ in range(3):
        assert pace.wait_s() == 0.0
        pace.advance()


@pytest.mark.parametrize(('rate_hz', 'steps'), [(100.0, 5), (120.0, 4), (500.0, 1), (5000.0, 1)])
def test_cycles_come_at_least_at_the_rate_asked_for(rate_hz: float, steps: int) -> None:
    """In whole physics steps of 2 ms."""
    assert cycle_steps(rate_hz, 0.002) == steps


def test_published_time_has_no_zero_stamp() -> None:
    """A stamp of 0 would mean that there is none."""
    time = RosTime(lambda: 0, published=True)
    time.align(0, 77)
    assert time.now_ns() == time.stamp_of(0) == CLOCK_START_NS


class Driver:
    """A safety node's output to a bench's arm, fed with joint states, on the bench's time."""

    def __init__(self, context: Context, bench: Bench) -> None:
        """Wait until the controller hears."""
        self._bench = bench
        simulated = [Parameter('use_sim_time', value=True)]
        self.node = LifecycleNode('safety_node', context=context, parameter_overrides=simulated)
        bench.executor.add_node(self.node)
        robot = bench.robot.simulator.robot
        self.output = arm_output(self.node, robot, URDF)
        self._states = bench.user.create_publisher(JointState, robot.joint_states, 5)
        bench.turn(self.output.listeners)

    def follow(self, motion: Motion) -> list[float]:
        """Send a motion and let time pass to its end; how far the arm was from it, by cycle."""
        bench, errors = self._bench, []
        self._set_clock()
        self.output.send(motion)
        while bench.time.now_ns() < motion.end_ns + NS // 10:
            bench.run_cycle()
            errors.append(self._error(motion))
            self._set_clock()
            self._states.publish(self._state())
            for _ in range(6):
                bench.executor.spin_once(timeout_sec=0.001)
        return errors

    def _set_clock(self) -> None:
        clock = self.node.get_clock()
        assert isinstance(clock, ROSClock)
        clock.set_ros_time_override(Time(nanoseconds=self._bench.time.now_ns()))

    def _error(self, motion: Motion) -> float:
        measured = self._bench.robot.simulator.joint_positions()
        return float(np.abs(motion.at(self._bench.time.now_ns()).q - measured).max())

    def _state(self) -> JointState:
        simulator = self._bench.robot.simulator
        state = JointState(name=list(ROBOT.joint_names), position=simulator.joint_positions())
        state.header.stamp = Time(nanoseconds=self._bench.time.now_ns()).to_msg()
        return state


def swing(start_ns: int) -> Motion:
    """Out and to rest within a second, at up to 0.5 rad/s."""
    times_ns = np.array([start_ns, start_ns + NS], dtype=np.int64)
    side = np.array([0.25, -0.1, 0.1, 0.05, 0.05, 0.25])
    zeros = np.zeros((2, 6))
    return Motion(times_ns, np.stack([ROBOT.home, ROBOT.home + side]), zeros, zeros)


@pytest.mark.parametrize('kind', list(ArmControllerKind))
def test_every_kind_of_controller_follows_a_verified_motion(
    ros_context: Context, make_bench: Callable[..., Bench], kind: ArmControllerKind
) -> None:
    """Closer than the tracking margin by far, and it ends where the motion ends, at rest."""
    bench = make_bench(arm=kind)
    driver = Driver(ros_context, bench)
    errors = driver.follow(swing(bench.time.now_ns() + NS // 20))
    assert max(errors) < 0.02
    assert errors[-1] < 4e-3
    assert np.abs(bench.robot.simulator.joint_velocities()).max() < 0.01
    assert driver.output.rivals() == ''
    driver.node.destroy_node()


@pytest.mark.parametrize(
    'kind', [ArmControllerKind.JOINT_TRAJECTORY, ArmControllerKind.FOLLOW_JOINT_TRAJECTORY]
)
def test_a_goal_that_somebody_else_sends_is_noticed(
    ros_context: Context, make_bench: Callable[..., Bench], kind: ArmControllerKind
) -> None:
    """The controller would follow it; it is gone when the goal has ended."""
    bench = make_bench(arm=kind)
    driver = Driver(ros_context, bench)
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.1))
    handle = bench.ask(FollowJointTrajectory, ACTION, goal)
    bench.turn(driver.output.rivals)
    assert driver.output.rivals() == f'somebody else has sent 1 goal(s) to {ACTION}'
    bench.result(handle)
    bench.turn(lambda: not driver.output.rivals())
    driver.node.destroy_node()
