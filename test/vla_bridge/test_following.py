# SPDX-License-Identifier: Apache-2.0
"""The safety node's outputs drive the simulated arm, whatever its kind of controller."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from control_msgs.action import FollowJointTrajectory
from rclpy.clock import ROSClock
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import JointState

from test.vla_bridge.sim_bench import ACTION, PATH, ROBOT, Bench, arm_trajectory, robot_with
from vla_bridge.controllers.arm import arm_output
from vla_contract.gripper import GripperKind
from vla_contract.robot import ArmControllerKind
from vla_safety.motion import NS, Motion

URDF = PATH.parent / ROBOT.urdf


class Driver:
    """A safety node's output to a bench's arm, fed with joint states, on the bench's time."""

    def __init__(self, context: Context, bench: Bench) -> None:
        """Wait until the controller hears."""
        self.bench = bench
        simulated = [Parameter('use_sim_time', value=True)]
        self.node = LifecycleNode('safety_node', context=context, parameter_overrides=simulated)
        bench.executor.add_node(self.node)
        robot = bench.robot.simulator.robot
        self.output = arm_output(self.node, robot, URDF)
        self._states = bench.user.create_publisher(JointState, robot.joint_states, 5)
        bench.turn(self.output.listeners)

    def follow(self, motion: Motion) -> list[float]:
        """Send a motion and let time pass to its end; how far the arm was from it, by cycle."""
        bench, errors = self.bench, []
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
        clock.set_ros_time_override(Time(nanoseconds=self.bench.time.now_ns()))

    def _error(self, motion: Motion) -> float:
        measured = self.bench.robot.simulator.joint_positions()
        return float(np.abs(motion.at(self.bench.time.now_ns()).q - measured).max())

    def _state(self) -> JointState:
        simulator = self.bench.robot.simulator
        state = JointState(name=list(ROBOT.joint_names), position=simulator.joint_positions())
        state.header.stamp = Time(nanoseconds=self.bench.time.now_ns()).to_msg()
        return state


@pytest.fixture
def make_driver(ros_context: Context) -> Iterator[Callable[[ArmControllerKind], Driver]]:
    """Makes a driver of an arm with a kind of controller."""
    drivers: list[Driver] = []

    def make(kind: ArmControllerKind) -> Driver:
        robot = robot_with(kind, GripperKind.FORWARD_POSITION, 'gripper/commands')
        drivers.append(Driver(ros_context, Bench(ros_context, robot)))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.bench.close()
        driver.node.destroy_node()


def swing(start_ns: int) -> Motion:
    """Out and to rest within a second, at up to 0.5 rad/s."""
    times_ns = np.array([start_ns, start_ns + NS], dtype=np.int64)
    side = np.array([0.25, -0.1, 0.1, 0.05, 0.05, 0.25])
    zeros = np.zeros((2, 6))
    return Motion(times_ns, np.stack([ROBOT.home, ROBOT.home + side]), zeros, zeros)


@pytest.mark.parametrize('kind', list(ArmControllerKind))
def test_every_kind_of_controller_follows_a_verified_motion(
    make_driver: Callable[[ArmControllerKind], Driver], kind: ArmControllerKind
) -> None:
    """Closer than the tracking margin by far, and it ends where the motion ends, at rest."""
    driver = make_driver(kind)
    bench = driver.bench
    errors = driver.follow(swing(bench.time.now_ns() + NS // 20))
    assert max(errors) < 0.02
    assert errors[-1] < 4e-3
    assert np.abs(bench.robot.simulator.joint_velocities()).max() < 0.01
    assert driver.output.rivals() == ''


@pytest.mark.parametrize(
    'kind', [ArmControllerKind.JOINT_TRAJECTORY, ArmControllerKind.FOLLOW_JOINT_TRAJECTORY]
)
def test_a_goal_that_somebody_else_sends_is_noticed(
    make_driver: Callable[[ArmControllerKind], Driver], kind: ArmControllerKind
) -> None:
    """The controller would follow it; it is gone when the goal has ended."""
    driver = make_driver(kind)
    bench = driver.bench
    goal = FollowJointTrajectory.Goal(trajectory=arm_trajectory(0.1))
    handle = bench.ask(FollowJointTrajectory, ACTION, goal)
    bench.turn(driver.output.rivals)
    assert driver.output.rivals() == f'somebody else has sent 1 goal(s) to {ACTION}'
    bench.result(handle)
    bench.turn(lambda: not driver.output.rivals())
