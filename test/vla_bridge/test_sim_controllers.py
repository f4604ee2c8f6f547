# SPDX-License-Identifier: Apache-2.0
"""The simulated controllers' topics and actions over real DDS, with time that the test turns."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from control_msgs.msg import GripperCommand as GripperCommandMessage
from control_msgs.msg import JointTolerance, JointTrajectoryControllerState
from rclpy.context import Context
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from test.vla_bridge.sim_bench import ACTION, ROBOT, Bench, arm_trajectory, robot_with
from vla_bridge.simulation.pace import MAX_LAG_NS, Pace
from vla_bridge.simulation.ros_time import CLOCK_START_NS, RosTime
from vla_bridge.simulation.simulated_robot import cycle_steps
from vla_contract.gripper import GripperKind
from vla_contract.robot import ArmControllerKind

SUCCEEDED, CANCELED, ABORTED = 4, 5, 6


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
