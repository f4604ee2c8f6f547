# SPDX-License-Identifier: Apache-2.0
"""A simulated arm with the outputs of safety node and guard, in simulated time turned by hand."""

from dataclasses import dataclass, field

import numpy as np
from rclpy.clock import ROSClock
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import JointState

from vla_bridge import topics
from vla_bridge.controllers.arm import arm_output, stop_output
from vla_bridge.resources import config_file
from vla_bridge.simulation.control_interfaces import ControlInterfaces
from vla_bridge.simulation.ros_time import RosTime
from vla_bridge.simulation.simulated_robot import SimulatedRobot
from vla_contract.deployment import load_robot
from vla_contract.robot import ArmControllerKind, Robot
from vla_safety.braking import brake
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits
from vla_safety.motion import NS, Array, Motion, State
from vla_safety.plan import Plan
from vla_sim.controllers.joint_trajectory import TrajectoryOptions
from vla_sim.simulator import Simulator

FILE = config_file('sim_ur5e', 'robots')
TICK_NS = NS // 50
LOOKS = 4
"""Times that the nodes get their turn in a cycle of the arm."""
DISCOVERY_TURNS = 2000
TOPICS = {
    ArmControllerKind.JOINT_TRAJECTORY: 'arm/joint_trajectory',
    ArmControllerKind.FOLLOW_JOINT_TRAJECTORY: 'arm/follow_joint_trajectory',
}


def robot_with(kind: ArmControllerKind) -> Robot:
    """The simulated arm with another controller, setpoints at 100 Hz."""
    plain = load_robot(FILE)
    update = {'kind': kind, 'topic': TOPICS.get(kind, 'arm/commands'), 'rate_hz': 100.0}
    controller = plain.controller.model_copy(update=update)
    return plain.model_copy(update={'controller': controller})


@dataclass
class Track:
    """What the arm did, by cycle."""

    times_s: list[float] = field(default_factory=list)
    positions: list[Array] = field(default_factory=list)
    speeds: list[Array] = field(default_factory=list)


class StopCell:
    """The arm follows a swing, as the safety node would have it, until something stops it."""

    def __init__(self, context: Context, kind: ArmControllerKind, speed: float) -> None:
        """Open everything, and let it find each other.

        Args:
            context: Of ROS.
            kind: Of the controller.
            speed: Of the fastest joint, half-way of the swing [rad/s].
        """
        self.robot = robot_with(kind)
        simulator = Simulator(self.robot, FILE, seed=0)
        self._arm = SimulatedRobot(simulator, TrajectoryOptions())
        self._time = RosTime(lambda: simulator.time_ns, published=True)
        urdf = FILE.parent / self.robot.urdf
        self.kinematics = Kinematics(self.robot, urdf)
        model = self.kinematics
        self.limits = Limits.of(self.robot, model.lower, model.upper, model.velocity)
        self._simulator_node = LifecycleNode('sim_node', context=context)
        simulated = [Parameter('use_sim_time', value=True)]
        self._nodes = [
            LifecycleNode(name, context=context, parameter_overrides=simulated)
            for name in ('safety_node', 'guard_node')
        ]
        self._executor = SingleThreadedExecutor(context=context)
        self._control = ControlInterfaces(self._simulator_node, self._arm, self._time.now_ns)
        for node in (self._simulator_node, *self._nodes):
            self._executor.add_node(node)
        self._set_clocks()
        self.output = arm_output(self._nodes[0], self.robot, urdf)
        self.stop_output = stop_output(self._nodes[1], self.robot, urdf)
        self._states = self._simulator_node.create_publisher(
            JointState, self.robot.joint_states, topics.SENSOR
        )
        self.track = Track()
        self._meet()
        self._swing = self._make_swing(speed)
        self.sent: Motion | None = None

    @property
    def now_ns(self) -> int:
        """Simulated time."""
        return self._time.now_ns()

    def move_until(self, part: float) -> None:
        """Follow a part of the swing, sending what the safety node would send, when it would."""
        swing, timing = self._swing, self.robot.timing
        until_ns = swing.start_ns + round(part * (swing.end_ns - swing.start_ns))
        while self.now_ns < until_ns:
            ahead_ns = self.now_ns + round((timing.lead_s + timing.commit_s) * NS)
            head = swing.until(ahead_ns)
            state = State(head.q[-1], head.v[-1], head.a[-1])
            self.sent = head.then(brake(state, head.end_ns, self.limits))
            message = self.sent.since(self.now_ns - round(timing.history_s * NS))
            self.output.send(message)
            self.stop_output.stand_by(message)
            self.turn(TICK_NS / NS)

    def decide_to_stop(self) -> Motion | None:
        """What the safety node sends in order to stop."""
        if self.sent is None:
            return None
        return Plan.of(self.sent, self.limits, self.robot.timing).stop(self.now_ns)

    def kill_safety_node(self) -> None:
        """It gets no more turns."""
        self._executor.remove_node(self._nodes[0])

    def turn(self, seconds: float) -> None:
        """Let simulated time pass."""
        end_ns = self.now_ns + round(seconds * NS)
        while self.now_ns < end_ns:
            for part in range(LOOKS - 1, -1, -1):
                if not part:
                    with self._arm.lock:
                        self._arm.run_cycle(self.now_ns + self._arm.period_ns)
                    self._measure()
                self._set_clocks(part)
                for _ in range(6):
                    self._executor.spin_once(timeout_sec=0.001)

    def spin_once(self) -> None:
        """Let one callback run, or none."""
        self._executor.spin_once(timeout_sec=0.001)

    def close(self) -> None:
        """Take the nodes down."""
        self._executor.shutdown()
        for node in (self._simulator_node, *self._nodes):
            node.destroy_node()

    def _make_swing(self, speed: float) -> Motion:
        """From home to one side, at rest at both ends: a quintic, fastest half-way."""
        home = np.array(self.robot.home)
        side = np.array([0.7, -0.2, 0.2, 0.1, 0.1, 0.7])
        duration_ns = round(1.875 * side.max() / speed * NS)
        start_ns = self.now_ns + NS // 10
        times_ns = np.array([start_ns, start_ns + duration_ns], dtype=np.int64)
        zeros = np.zeros((2, len(home)))
        return Motion(times_ns, np.stack([home, home + side]), zeros, zeros)

    def _measure(self) -> None:
        simulator = self._arm.simulator
        positions, speeds = simulator.joint_positions(), simulator.joint_velocities()
        self.track.times_s.append(self.now_ns / NS)
        self.track.positions.append(positions)
        self.track.speeds.append(np.abs(speeds))
        state = JointState(name=list(self.robot.joint_names), position=positions)
        state.header.stamp = Time(nanoseconds=self.now_ns).to_msg()
        self._states.publish(state)

    def _set_clocks(self, part: int = 0) -> None:
        """The time of the nodes: a cycle of the arm is short of a few parts, or over."""
        time_ns = self.now_ns + (LOOKS - part) % LOOKS * self._arm.period_ns // LOOKS
        for node in self._nodes:
            clock = node.get_clock()
            if isinstance(clock, ROSClock):
                clock.set_ros_time_override(Time(nanoseconds=time_ns))

    def _meet(self) -> None:
        for _ in range(DISCOVERY_TURNS):
            self._executor.spin_once(timeout_sec=0.005)
            if self.output.listeners() and not self.output.rivals():
                break
        self.turn(0.5)
        self.track = Track()
