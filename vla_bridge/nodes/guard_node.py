# SPDX-License-Identifier: Apache-2.0
"""A second process that can stop the arm without the safety node, and does nothing else.

It keeps the plan that the safety node last sent. When the safety node falls silent in mid-motion,
or leaves an emergency stop unanswered, it brakes from that plan, unless the plan is already in its
own braking tail. What it did it says on ``~/stopped``, so that a safety node that wakes up again
does not go on with a plan that the controller no longer has.

A trajectory controller plays the plan that it has to its end, which is at rest. For controllers
that know one setpoint at a time the guard does that: where the safety node's stream pauses, it goes
on with the same plan at once, long before it knows why.
"""

import sys
import time

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Bool, Header, String
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import SafetyStatus

from vla_bridge import topics
from vla_bridge.controllers.arm import StopOutput, plan_topic, stop_output
from vla_bridge.controllers.trajectory import from_message
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.transport import share_no_memory
from vla_contract.errors import VlaError
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits
from vla_safety.mode import Mode
from vla_safety.motion import NS, Motion
from vla_safety.plan import Plan

CHECK_HZ = 50.0
HELD_UP_S = 3.0 / CHECK_HZ
"""Between two checks; a guard that slept longer has not heard what was said meanwhile."""
ANSWER_S = 0.1
"""Time the safety node has to answer an emergency stop before the guard does it itself."""


class GuardNode(VlaNode):
    """Watches the safety node and the emergency stop."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        super().__init__('guard_node')
        self._plan: Motion | None = None
        self._heard_ns: int | None = None
        self._pressed_ns: int | None = None
        self._checked_ns = 0
        self._excused = False
        self._mode = Mode.UNCONFIGURED
        self._reason = ''
        self._heartbeat: Heartbeat | None = None
        self._output: StopOutput | None = None

    def configure(self) -> None:
        """Load the limits to brake with, and listen to everything that can ask for a stop."""
        deployment = self.load_deployment()
        robot = self._robot = deployment.robot
        kinematics = Kinematics(robot, deployment.urdf_path)
        self._limits = Limits.of(robot, kinematics.lower, kinematics.upper, kinematics.velocity)
        self._output = stop_output(self, robot, deployment.urdf_path)
        self._stopped = self.create_publisher(String, '~/stopped', topics.COMMAND)
        self.create_subscription(JointTrajectory, plan_topic(robot), self._on_plan, topics.COMMAND)
        self.create_subscription(Header, topics.SAFETY_HEARTBEAT, self._on_heartbeat, topics.SENSOR)
        self.create_subscription(
            SafetyStatus, topics.SAFETY_STATUS, self._on_status, topics.COMMAND
        )
        self.create_subscription(Bool, topics.EMERGENCY_STOP, self._on_estop, topics.COMMAND)

    def activate(self) -> None:
        """Begin to watch."""
        self._timer = self.create_timer(1.0 / CHECK_HZ, self._check)
        self._heartbeat = Heartbeat(self, topics.GUARD_HEARTBEAT)

    def deactivate(self) -> None:
        """Stop watching, once the arm does not depend on it."""
        self.destroy_timer(self._timer)
        if self._output is not None:
            self._output.finish()
        if self._heartbeat is not None:
            self._heartbeat.close()
            self._heartbeat = None

    def diagnostics(self) -> DiagnosticStatus | None:
        """Whether the guard had to act."""
        if self._reason:
            return self.status(DiagnosticStatus.ERROR, self._reason)
        return self.status(DiagnosticStatus.OK, 'watching', safety=self._mode.name)

    def _on_plan(self, message: JointTrajectory) -> None:
        try:
            plan = from_message(self._robot.joint_names, message)
        except VlaError as error:
            self.get_logger().error(f'a plan that cannot be read: {error}')
            return
        late_s = (self.now_ns() - plan.start_ns) / NS
        if late_s > self._robot.timing.heartbeat_timeout_s + self._robot.timing.history_s:
            self.get_logger().error(f'a plan that is {late_s:.3f} s old is not followed')
            return
        self._plan = plan
        if self._output is not None and self._heartbeat is not None:
            self._output.stand_by(plan)

    def _on_heartbeat(self, _: Header) -> None:
        if self._reason:
            self.get_logger().info('the safety node is back; arming it allows motion again')
        self._heard_ns, self._reason = time.monotonic_ns(), ''

    def _on_status(self, message: SafetyStatus) -> None:
        self._mode = Mode(message.state)

    def _on_estop(self, message: Bool) -> None:
        self._pressed_ns = time.monotonic_ns() if message.data else None

    def _check(self) -> None:
        """Stop the arm where it moves and nobody answers for it."""
        if self._was_held_up():
            return
        if self._plan is None or self._reason or self.now_ns() >= self._plan.end_ns:
            return
        if self._pressed_ns is not None and self._mode is not Mode.ESTOP:
            waited = self._seconds_since(self._pressed_ns)
            if waited > ANSWER_S:
                self._stop(f'the emergency stop was unanswered for {waited:.3f} s')
                return
        if self._heard_ns is not None:
            silent = self._seconds_since(self._heard_ns)
            if silent > self._robot.timing.heartbeat_timeout_s:
                self._stop(f'the safety node was silent for {silent:.3f} s in mid-motion')

    def _was_held_up(self) -> bool:
        """This process itself slept: it hears what waits for it first, but is excused only once."""
        last_ns, self._checked_ns = self._checked_ns, time.monotonic_ns()
        slept = (self._checked_ns - last_ns) / NS > HELD_UP_S
        excused, self._excused = self._excused, slept
        return slept and not excused

    def _stop(self, reason: str) -> None:
        """Brake from the plan in execution, or finish its own stop where that is sooner."""
        if self._plan is None:
            return
        self._reason = reason
        motion = Plan.of(self._plan, self._limits, self._robot.timing).stop(self.now_ns())
        self._plan = None
        if motion is None or self._output is None:
            self.get_logger().error(f'{reason}; the arm is already on its way to rest')
            return
        self.get_logger().error(f'stopping the arm: {reason}')
        self._output.send(motion)
        self._stopped.publish(String(data=f'stopped by the guard: {reason}'))

    def _seconds_since(self, steady_ns: int) -> float:
        return (time.monotonic_ns() - steady_ns) / NS


def main() -> None:
    """Run the node."""
    share_no_memory()
    sys.exit(run(GuardNode))


if __name__ == '__main__':
    main()
