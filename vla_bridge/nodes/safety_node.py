# SPDX-License-Identifier: Apache-2.0
"""The only publisher of motion: action chunks in, verified trajectories out.

The decisions are vla_safety's. This node turns messages into its terms, gives it time, and sends
what it answers.
"""

import math
import sys
import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header, String
from std_srvs.srv import Trigger
from vla_control.msg import ActionChunk, SafetyStatus, Task

from vla_bridge import topics
from vla_bridge.chunk_codec import decode
from vla_bridge.collision.backend import load_avoidance
from vla_bridge.collision.sources import SceneSources
from vla_bridge.controllers.arm import ArmOutput, arm_output
from vla_bridge.controllers.gripper import GripperOutput, gripper_output
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.realtime import ask_for_realtime
from vla_bridge.safety_status import safety_status, seconds_between, unconfigured
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.filter import Command, MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError
from vla_safety.watch import Watch

TICK_HZ = 50.0
STATUS_HZ = 20.0
_CLOCK_SLIP_S = 0.1

_COMPANIONS = {
    'policy_node': (topics.POLICY_HEARTBEAT, Reason.POLICY_SILENT),
    'instruction_node': (topics.INSTRUCTION_HEARTBEAT, Reason.INSTRUCTION_SILENT),
    'guard_node': (topics.GUARD_HEARTBEAT, Reason.GUARD_SILENT),
}


_ORDINARY = (Reason.OK, Reason.SCALED, Reason.CHUNK_ENDED, Reason.TASK_ENDED)


class SafetyNode(VlaNode):
    """Vets chunks and streams what is verified."""

    def __init__(self) -> None:
        """Declare parameters; everything else waits for configure()."""
        super().__init__('safety_node')
        self.describe('realtime', True, 'Ask the kernel for SCHED_FIFO; go on without it.')
        self.filter: MotionFilter | None = None
        self._arm: ArmOutput | None = None
        self._gripper: GripperOutput | None = None
        self._heartbeat: Heartbeat | None = None
        self._last: Instant | None = None
        self._reported: tuple[Mode, Reason] = (Mode.UNCONFIGURED, Reason.OK)
        self._vet_s = self._end_to_end_s = math.nan
        self._unsent_observation_ns: int | None = None

    def configure(self) -> None:
        """Load robot and limits, and open every input and output."""
        deployment = self.load_deployment()
        robot = self._robot = deployment.robot
        kinematics = Kinematics(robot, deployment.urdf_path)
        silent = {name: reason for name, (_, reason) in _COMPANIONS.items()}
        self._watch = Watch(silent, robot.timing.heartbeat_timeout_s)
        avoidance = load_avoidance(deployment)
        self.filter = MotionFilter(robot, kinematics, 1.0 / TICK_HZ, self._watch, avoidance)
        if avoidance is not None:
            self._sources = SceneSources(self, deployment, avoidance, self.filter.measured)
        self._arm = arm_output(self, robot, deployment.urdf_path)
        self._gripper = gripper_output(self, robot.gripper) if robot.gripper else None
        self._status = self.create_publisher(SafetyStatus, '~/status', topics.COMMAND)
        self._listen(robot)
        self._offer()
        self._log_limits(self.filter)

    def activate(self) -> None:
        """Start ticking; nothing moves before the arm service is called."""
        if self.value('realtime'):
            self.get_logger().info(ask_for_realtime())
        simulated = self.get_parameter('use_sim_time').value
        clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self._cycles = [
            self.create_timer(1.0 / TICK_HZ, self._tick, clock=clock),
            self.create_timer(1.0 / STATUS_HZ, self._publish_status),
            self.create_timer(0.25, self._check_publishers),
        ]
        self._heartbeat = Heartbeat(self, topics.SAFETY_HEARTBEAT)

    def deactivate(self) -> None:
        """Bring the arm to rest before anything is taken down."""
        if self.filter is None or self._arm is None:
            return
        text = 'the safety node was deactivated'
        self._send(self.filter.disarm(self._now(), Reason.DEACTIVATED, text))
        self._arm.finish()
        self._publish_status()
        for timer in self._cycles:
            self.destroy_timer(timer)
        if self._heartbeat is not None:
            self._heartbeat.close()

    def diagnostics(self) -> DiagnosticStatus | None:
        """The mode, and why."""
        if self.filter is None:
            return None
        mode, finding = self.filter.mode, self.filter.finding
        level = DiagnosticStatus.OK
        if mode.latched:
            level = DiagnosticStatus.ERROR
        elif mode in (Mode.SCALED, Mode.HOLD):
            level = DiagnosticStatus.WARN
        return self.status(
            level,
            f'{mode.name}: {finding.text or finding.reason}',
            reason=finding.reason,
            accepted=self.filter.accepted,
            rejected=self.filter.rejected,
            vet_latency_ms=f'{self._vet_s * 1000:.2f}',
        )

    def _listen(self, robot: Robot) -> None:
        self.create_subscription(
            JointState, robot.joint_states, self._on_joint_state, topics.SENSOR
        )
        self.create_subscription(ActionChunk, topics.ACTION_CHUNK, self._on_chunk, topics.COMMAND)
        self.create_subscription(Task, topics.TASK, self._on_task, topics.LATCHED)
        self.create_subscription(Bool, topics.EMERGENCY_STOP, self._on_estop, topics.COMMAND)
        self.create_subscription(
            String, topics.GUARD_STOPPED, self._on_guard_stopped, topics.COMMAND
        )
        for name, (topic, _) in _COMPANIONS.items():
            self._hear(name, topic, topics.SENSOR)

    def _hear(self, name: str, topic: str, qos: QoSProfile) -> None:
        def heard(_: Header) -> None:
            self._watch.heard(name, time.monotonic_ns())

        self.create_subscription(Header, topic, heard, qos)

    def _offer(self) -> None:
        for name, handler in (
            ('~/arm', self._do_arm),
            ('~/disarm', self._do_disarm),
            ('~/hold', self._do_hold),
            ('~/stop', self._do_stop),
        ):
            self.create_service(Trigger, name, self._answering(handler))

    def _answering(
        self, handler: Callable[[MotionFilter], str]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        """A service callback that says what happened, or why not."""

        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                if self.filter is None or self._heartbeat is None:
                    raise RefusedError(Reason.NOT_ARMED, 'the node is not active')
                response.message = handler(self.filter)
                response.success = True
            except RefusedError as refusal:
                response.message = str(refusal)
                response.success = False
            self._publish_status()
            return response

        return answer

    def _do_arm(self, motion_filter: MotionFilter) -> str:
        if self._arm is None or not self._arm.listeners():
            raise RefusedError(
                Reason.NO_CONTROLLER,
                f'nobody listens on {self._robot.controller.topic}; start and activate the '
                'controller, or correct controller.topic in the robot file',
            )
        if others := self._other_publishers():
            raise RefusedError(Reason.SECOND_PUBLISHER, f'{others}; end it, then arm')
        if motion_filter.mode.takes_chunks:
            return f'already armed ({motion_filter.mode.name})'
        motion_filter.arm(self._now())
        return 'armed'

    def _do_disarm(self, motion_filter: MotionFilter) -> str:
        self._send(motion_filter.disarm(self._now(), Reason.NOT_ARMED, 'disarmed by request'))
        return 'disarmed'

    def _do_hold(self, motion_filter: MotionFilter) -> str:
        motion_filter.hold(Reason.HOLD_ASKED, 'hold was asked for', self._now())
        return 'holding; goes on with the next chunk observed from now on'

    def _do_stop(self, motion_filter: MotionFilter) -> str:
        text = 'stop was asked for'
        self._send(motion_filter.protect(Reason.STOP_ASKED, text, self._now()))
        return 'stopped; ~/arm allows motion again'

    def _on_joint_state(self, message: JointState) -> None:
        if self.filter is None:
            return
        names = message.name
        positions = dict(zip(names, message.position, strict=False))
        velocities = dict(zip(names, message.velocity, strict=False))
        stamp = message.header.stamp
        stamp_ns = stamp.sec * NS + stamp.nanosec
        self.filter.measured.update(positions, velocities, stamp_ns, self._now())

    def _on_task(self, message: Task) -> None:
        if self.filter is not None:
            self.filter.set_task(message.id if message.active else None)

    def _on_estop(self, message: Bool) -> None:
        if self.filter is not None:
            self._send(self.filter.emergency_stop(message.data, self._now()))

    def _on_guard_stopped(self, message: String) -> None:
        if self.filter is not None:
            self.filter.stopped_by_guard(message.data)

    def _on_chunk(self, message: ActionChunk) -> None:
        if self.filter is None or self._heartbeat is None:
            return
        began_ns = time.monotonic_ns()
        try:
            chunk = decode(message)
            self.filter.on_chunk(chunk, self._now())
        except RefusedError as refusal:
            self._warn(f'chunk {message.sequence} refused: {refusal}')
        except VlaError as error:
            self.filter.rejected += 1
            self._warn(f'chunk {message.sequence} cannot be read: {error}')
        else:
            self._unsent_observation_ns = chunk.observation_stamp_ns
            self._vet_s = seconds_between(began_ns, time.monotonic_ns())

    def _tick(self) -> None:
        if self.filter is None:
            return
        now = self._now()
        self._check_clock(self.filter, now)
        self._send(self.filter.tick(now))
        self._report_change(self.filter)

    def _check_clock(self, motion_filter: MotionFilter, now: Instant) -> None:
        """Notice that ROS time was set: backwards always, forwards only where it is wall time."""
        last, self._last = self._last, now
        if last is None:
            return
        ros_s = seconds_between(last.ros_ns, now.ros_ns)
        slip_s = ros_s - seconds_between(last.steady_ns, now.steady_ns)
        simulated = self.get_parameter('use_sim_time').value
        if ros_s < 0 or (not simulated and abs(slip_s) > _CLOCK_SLIP_S):
            motion_filter.clock_jumped(slip_s)

    def _send(self, command: Command) -> None:
        if command.motion is not None and self._arm is not None:
            self._arm.send(command.motion)
            if self._unsent_observation_ns is not None:
                captured_ns, self._unsent_observation_ns = self._unsent_observation_ns, None
                self._end_to_end_s = seconds_between(captured_ns, self.now_ns())
        if command.gripper is not None and self._gripper is not None:
            self._gripper.send(command.gripper)

    def _check_publishers(self) -> None:
        if self.filter is None:
            return
        others = self._other_publishers()
        if others and not self.filter.mode.latched:
            text = f'{others}; end it, then arm again'
            self._send(self.filter.protect(Reason.SECOND_PUBLISHER, text, self._now()))

    def _other_publishers(self) -> str:
        """Who else can move the arm, in words; empty for nobody."""
        return self._arm.rivals() if self._arm is not None else ''

    def _report_change(self, motion_filter: MotionFilter) -> None:
        """Log and publish every change of mode or reason at once."""
        current = (motion_filter.mode, motion_filter.finding.reason)
        if current == self._reported:
            return
        moved, self._reported = self._reported[0].moving, current
        mode, finding = motion_filter.mode, motion_filter.finding
        text = f'{mode.name}: {finding.reason} {finding.text}'.rstrip()
        if mode.latched:
            self.get_logger().error(text)
        elif moved and finding.reason not in _ORDINARY:
            self.get_logger().warning(text)
        else:
            self.get_logger().info(text)
        self._publish_status()

    def _publish_status(self) -> None:
        now, stamp = self._now(), self.get_clock().now().to_msg()
        if self.filter is None:
            self._status.publish(unconfigured(stamp))
            return
        age = self._watch.age_s('policy_node', now.steady_ns)
        message = safety_status(
            self.filter,
            now,
            stamp,
            policy_age_s=age,
            vet_s=self._vet_s,
            end_to_end_s=self._end_to_end_s,
        )
        self._status.publish(message)

    def _now(self) -> Instant:
        return Instant(self.now_ns(), time.monotonic_ns())

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text, throttle_duration_sec=1.0)

    def _log_limits(self, motion_filter: MotionFilter) -> None:
        """Say what is enforced: URDF limits can be useless, so nobody should have to guess."""
        limits = motion_filter.limits
        for index, name in enumerate(limits.names):
            self.get_logger().info(
                f'{name}: position [{limits.lower[index]:.3f}, {limits.upper[index]:.3f}], '
                f'velocity {limits.velocity[index]:g}, '
                f'acceleration {limits.acceleration[index]:g}, jerk {limits.jerk[index]:g}'
            )
        rule = self._robot.collision
        if motion_filter.avoidance is None:
            self.get_logger().warning('collision checking: none, as collision.backend says')
        else:
            self.get_logger().info(
                f'collision checking: {rule.backend}, {rule.margin + rule.tracking:g} m kept, '
                f'{len(self._robot.scene.objects)} objects always there'
            )


def main() -> None:
    """Run the node."""
    sys.exit(run(SafetyNode))


if __name__ == '__main__':
    main()
