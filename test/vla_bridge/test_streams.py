# SPDX-License-Identifier: Apache-2.0
"""Setpoints by safety node and guard, in time that the test turns: who speaks, and of what."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rclpy.clock import ROSClock
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from vla_bridge import topics
from vla_bridge.controllers.cartesian_pose import PoseSetpoints
from vla_bridge.controllers.forward_position import PositionSetpoints
from vla_bridge.controllers.forward_velocity import VelocitySetpoints
from vla_bridge.controllers.pursuit import GREATEST_SHARE, Pursuit
from vla_bridge.controllers.servo_twist import TwistSetpoints
from vla_bridge.controllers.setpoints import REST_S, Setpoints
from vla_bridge.controllers.standby import CATCH_UP, StandbyOutput
from vla_bridge.controllers.streamed import StreamedOutput
from vla_bridge.resources import config_file
from vla_contract.deployment import load_robot
from vla_contract.robot import ArmControllerKind
from vla_safety.kinematics import Kinematics
from vla_safety.motion import NS, Array, Motion

if TYPE_CHECKING:
    from rclpy.context import Context

FILE = config_file('sim_ur5e', 'robots')
PLAIN = load_robot(FILE)
CONTROLLER = {'kind': ArmControllerKind.FORWARD_POSITION, 'topic': 'arm', 'rate_hz': 100.0}
ROBOT = PLAIN.model_copy(update={'controller': PLAIN.controller.model_copy(update=CONTROLLER)})
URDF = FILE.parent / PLAIN.urdf
HOME = np.array(PLAIN.home)
PERIOD_NS = 10_000_000
BEGIN_NS = 5 * NS
LENGTH_NS = NS // 2
REACH = 0.2
FASTEST = 1.875 * REACH * NS / LENGTH_NS
"""Of the motion, half-way [rad/s]."""


def motion(start_ns: int = BEGIN_NS, reach: float = REACH) -> Motion:
    """Half a second to a place aside, at rest at both ends."""
    times_ns = np.array([start_ns, start_ns + LENGTH_NS], dtype=np.int64)
    zeros = np.zeros((2, 6))
    return Motion(times_ns, np.stack([HOME, HOME + reach]), zeros, zeros)


class Stage:
    """A safety node's output, a guard's, and somebody who hears both, in time turned by hand."""

    def __init__(self, context: 'Context', setpoints: Callable[[LifecycleNode], Setpoints]) -> None:
        """Make all three and let them find each other."""
        simulated = [Parameter('use_sim_time', value=True)]
        self.now_ns = BEGIN_NS
        self.safety = LifecycleNode('safety_node', context=context, parameter_overrides=simulated)
        self.guard = LifecycleNode('guard_node', context=context, parameter_overrides=simulated)
        self.hearer = Node('controller', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        for node in (self.safety, self.guard, self.hearer):
            self._executor.add_node(node)
        self._set_clocks()
        said = setpoints(self.safety)
        self.stream = StreamedOutput(self.safety, ROBOT, said)
        self.standby = StandbyOutput(self.guard, ROBOT, setpoints(self.guard))
        self.sleep_lightly(3600.0)
        self.heard: list[Any] = []
        self.hearer.create_subscription(said.message_type, 'arm', self.heard.append, topics.COMMAND)
        self.until(lambda: self.safety.count_subscribers('arm') == 2)
        self.until(lambda: self.hearer.count_publishers('arm') == 2)
        self.turn(5)

    def sleep_lightly(self, longest_pause_s: float) -> None:
        """Say how long this process may stand still unnoticed: on a busy machine it does."""
        for output in (self.stream, self.standby):
            output._line._pulse._longest_ns = round(longest_pause_s * NS)

    def turn(self, periods: int) -> None:
        """Let time pass."""
        for _ in range(periods):
            self.now_ns += PERIOD_NS
            self._set_clocks()
            for _ in range(8):
                self._executor.spin_once(timeout_sec=0.001)

    def until(self, done: Callable[[], object]) -> None:
        """Wait for the nodes to find each other."""
        for _ in range(1000):
            if done():
                return
            self._executor.spin_once(timeout_sec=0.01)
        raise AssertionError('the nodes never met')

    def send(self) -> Motion:
        """The safety node begins a motion, and the guard hears of it."""
        plan = motion(self.now_ns)
        self.stream.send(plan)
        self.standby.stand_by(plan)
        return plan

    def suspend(self, node: LifecycleNode) -> None:
        """Give a node no more turns."""
        self._executor.remove_node(node)

    def resume(self, node: LifecycleNode) -> None:
        """Give a node turns again."""
        self._executor.add_node(node)

    def rows(self) -> Array:
        """What was heard, where messages are arrays."""
        return np.array([message.data for message in self.heard])

    def close(self) -> None:
        """Take the nodes down."""
        self._executor.shutdown()
        for node in (self.safety, self.guard, self.hearer):
            node.destroy_node()

    def _set_clocks(self) -> None:
        for node in (self.safety, self.guard):
            clock = node.get_clock()
            assert isinstance(clock, ROSClock)
            clock.set_ros_time_override(Time(nanoseconds=self.now_ns))


@pytest.fixture
def make_stage(ros_context: 'Context') -> Iterator[Callable[..., Stage]]:
    """Makes a stage for a kind of setpoints."""
    stages: list[Stage] = []

    def make(setpoints: Callable[[LifecycleNode], Setpoints]) -> Stage:
        stages.append(Stage(ros_context, setpoints))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def positions(_: LifecycleNode) -> Setpoints:
    """Of a forward position controller."""
    return PositionSetpoints()


def velocities(node: LifecycleNode) -> Setpoints:
    """Of a forward velocity controller."""
    return VelocitySetpoints(Pursuit(node, ROBOT))


def test_the_guard_is_quiet_while_the_safety_node_speaks(
    make_stage: Callable[..., Stage],
) -> None:
    """One setpoint a period, to the end and a little longer, then none."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(120)
    expected = (LENGTH_NS / NS + REST_S) * 100
    assert len(stage.heard) == pytest.approx(expected, abs=2)
    assert stage.rows()[-1] == pytest.approx(HOME + REACH)


@pytest.mark.parametrize('spoken', [0, 1, 25, 48])
def test_the_guard_goes_on_where_the_safety_node_fell_silent(
    make_stage: Callable[..., Stage], spoken: int
) -> None:
    """Whenever it dies, the arm goes to the end of the plan, and never by a jump."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(spoken)
    stage.suspend(stage.safety)
    stage.turn(120)
    rows = np.concatenate([HOME[None], stage.rows()])
    steps = np.abs(np.diff(rows, axis=0)).max()
    assert steps <= CATCH_UP * FASTEST * 2 * PERIOD_NS / NS
    assert rows[-1] == pytest.approx(HOME + REACH)
    count = len(stage.heard)
    stage.turn(20)
    assert len(stage.heard) == count


def test_an_arm_that_was_told_nothing_for_long_does_not_jump(
    make_stage: Callable[..., Stage],
) -> None:
    """Both processes stood still: the guard goes on from there, at little more than the pace."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(20)
    stage.suspend(stage.safety)
    stage.suspend(stage.guard)
    stage.turn(25)
    stage.resume(stage.guard)
    stage.turn(120)
    steps = np.abs(np.diff(stage.rows(), axis=0)).max()
    assert steps <= CATCH_UP * FASTEST * 2 * PERIOD_NS / NS
    assert stage.rows()[-1] == pytest.approx(HOME + REACH)


def test_velocities_end_with_zeros_whoever_says_them(make_stage: Callable[..., Stage]) -> None:
    """This controller would otherwise never stop."""
    stage = make_stage(velocities)
    stage.send()
    stage.turn(25)
    stage.suspend(stage.safety)
    stage.turn(120)
    rows = stage.rows()
    assert rows[:25].max() == pytest.approx(FASTEST, rel=0.05)
    assert not rows[-10:].any()


def test_a_stream_that_was_suspended_says_only_rest_when_it_wakes(
    make_stage: Callable[..., Stage],
) -> None:
    """The guard may have stopped the arm meanwhile, anywhere on the way."""
    stage = make_stage(velocities)
    stage.send()
    stage.turn(20)
    stage.suspend(stage.safety)
    stage.suspend(stage.guard)
    stage.turn(15)
    count = len(stage.heard)
    stage.resume(stage.safety)
    stage.turn(14)
    assert len(stage.heard) == count
    stage.turn(60)
    assert len(stage.heard) > count
    assert not stage.rows()[count:].any()


def test_positions_of_a_suspended_stream_are_not_said_late(
    make_stage: Callable[..., Stage],
) -> None:
    """Where silence is rest there is nothing to say."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(20)
    stage.suspend(stage.safety)
    stage.turn(80)
    count = len(stage.heard)
    stage.resume(stage.safety)
    stage.turn(20)
    assert len(stage.heard) == count


def test_a_process_that_slept_says_nothing_while_its_simulated_clock_is_behind(
    make_stage: Callable[..., Stage],
) -> None:
    """It hears the ticks that it missed one by one, as if no time had passed."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(20)
    stage.sleep_lightly(0.2)
    time.sleep(0.4)
    count = len(stage.heard)
    stage.turn(5)
    assert len(stage.heard) == count
    stage.turn(60)
    assert stage.rows()[-1] == pytest.approx(HOME + REACH)


def test_a_stop_of_the_guard_silences_the_safety_node(make_stage: Callable[..., Stage]) -> None:
    """The guard says so; from then on one of them speaks, and newer plans wait for its end."""
    stage = make_stage(positions)
    stage.send()
    stage.turn(20)
    stopped = stage.guard.create_publisher(String, topics.GUARD_STOPPED, topics.COMMAND)
    stage.until(stopped.get_subscription_count)
    stage.standby.send(motion(stage.now_ns, reach=-REACH))
    stopped.publish(String(data='stopped'))
    stage.turn(5)
    count = len(stage.heard)
    stage.standby.stand_by(motion(stage.now_ns))
    stage.turn(100)
    assert (np.diff(stage.rows()[count:, 0]) <= 1e-12).all()
    assert stage.rows()[-1] == pytest.approx(HOME - REACH)


def test_the_correction_is_bounded_and_needs_fresh_joint_states(ros_context: 'Context') -> None:
    """An arm that is far off is not thrown back; one that is not measured is not corrected."""
    node = LifecycleNode('safety_node', context=ros_context)
    pursuit = Pursuit(node, ROBOT)
    middle_ns = BEGIN_NS + LENGTH_NS // 2
    plain = pursuit.velocity(motion(), middle_ns)
    assert plain == pytest.approx(np.full(6, FASTEST), rel=0.01)
    most = GREATEST_SHARE * np.array([joint.velocity for joint in ROBOT.joints])
    for stamp_ns, expected in ((middle_ns, plain - most), (middle_ns - NS, plain)):
        state = JointState(name=list(ROBOT.joint_names), position=(HOME + 1.0).tolist())
        state.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
        pursuit._on_joints(state)
        assert pursuit.velocity(motion(), middle_ns) == pytest.approx(expected)
    assert not pursuit.velocity(motion(), BEGIN_NS + LENGTH_NS).any()
    node.destroy_node()


def test_twists_and_poses_are_those_of_the_planned_joints(ros_context: 'Context') -> None:
    """In the base frame, stamped now; the pose moves as the twist says."""
    node = LifecycleNode('safety_node', context=ros_context)
    kinematics = Kinematics(ROBOT, URDF)
    twists = TwistSetpoints(Pursuit(node, ROBOT), Kinematics(ROBOT, URDF), ROBOT.base_frame)
    poses = PoseSetpoints(Kinematics(ROBOT, URDF), ROBOT.base_frame)
    plan, time_ns = motion(), BEGIN_NS + LENGTH_NS // 2
    twist, before, after = (
        twists.at(plan, time_ns),
        poses.at(plan, time_ns).pose,
        poses.at(plan, time_ns + PERIOD_NS).pose,
    )
    assert twist.header.frame_id == 'base_link'
    assert Time.from_msg(twist.header.stamp).nanoseconds == time_ns
    speed = (after.position.x - before.position.x) * NS / PERIOD_NS
    assert twist.twist.linear.x == pytest.approx(speed, rel=0.02)
    expected = kinematics.tool_pose(plan.at(time_ns).q)
    got = before.position
    assert np.array([got.x, got.y, got.z]) == pytest.approx(expected.translation)
    turn = before.orientation
    assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0)
    rest = twists.at(plan, plan.end_ns).twist
    assert (rest.linear.x, rest.angular.z) == (0.0, 0.0)
    node.destroy_node()


def test_setpoints_of_positions_are_the_plan() -> None:
    """To the last bit."""
    message = PositionSetpoints().at(motion(), BEGIN_NS + LENGTH_NS // 3)
    assert isinstance(message, Float64MultiArray)
    assert list(message.data) == motion().at(BEGIN_NS + LENGTH_NS // 3).q.tolist()
