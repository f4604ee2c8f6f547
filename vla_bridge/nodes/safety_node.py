# SPDX-License-Identifier: Apache-2.0
"""The only publisher of motion: action chunks in, verified trajectories out.

The decisions are vla_safety's. This node turns messages into its terms, gives it time, and sends
what it answers.
"""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from vla_control.msg import ActionChunk, SafetyStatus

from vla_bridge import topics
from vla_bridge.chunk_codec import decode
from vla_bridge.clock_watch import ClockWatch
from vla_bridge.collision.auditor import Auditor, open_auditor
from vla_bridge.collision.backend import load_avoidance
from vla_bridge.collision.other_arms import OtherArms
from vla_bridge.collision.permissive_srdf import srdf_warnings
from vla_bridge.collision.sources import SceneSources
from vla_bridge.controllers.arm import ArmOutput, arm_output
from vla_bridge.controllers.gripper import gripper_output
from vla_bridge.enforced import enforced, setup_of
from vla_bridge.filtering import TICK_HZ, Outlet, make_filter
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.realtime import ask_for_realtime
from vla_bridge.rejected_chunks import MOST_FILES, RejectedChunks
from vla_bridge.safety_events import SafetyEvents
from vla_bridge.safety_inputs import SafetyInputs
from vla_bridge.safety_requests import SafetyRequests
from vla_bridge.safety_status import safety_status, seconds_between, unconfigured
from vla_bridge.stop_buttons import StopButtons
from vla_bridge.transport import share_no_memory
from vla_contract.errors import VlaError
from vla_safety.command import Command
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.reasons import Reason, RefusedError

STATUS_HZ = 20.0


class SafetyNode(VlaNode):
    """Vets chunks and streams what is verified."""

    def __init__(self) -> None:
        """Declare parameters; everything else waits for configure()."""
        super().__init__('safety_node')
        self.describe('realtime', True, 'Ask the kernel for SCHED_FIFO; go on without it.')
        self.describe(
            'rejected_folder', 'out/rejected', 'Folder of refused chunks; empty: none are kept.'
        )
        self.describe('rejected_files', MOST_FILES, 'Refused chunks kept there.', (1, 10_000))
        self.filter: MotionFilter | None = None
        self._arm: ArmOutput | None = None
        self._outlet: Outlet | None = None
        self._heartbeat: Heartbeat | None = None
        self._others: OtherArms | None = None
        self._auditor: Auditor | None = None
        self._rejected: RejectedChunks | None = None
        self._vet_s = self._end_to_end_s = math.nan
        self._unsent_observation_ns: int | None = None

    def configure(self) -> None:
        """Load robot and limits, and open every input and output."""
        deployment = self.load_deployment()
        robot = deployment.robot
        avoidance = load_avoidance(deployment)
        self.filter = make_filter(deployment, avoidance)
        self._watch = self.filter.oversight.watch
        if avoidance is not None:
            self._sources = SceneSources(self, deployment, avoidance, self.filter.measured)
            if avoidance.neighbours is not None:
                others = deployment.neighbours
                self._others = OtherArms(self, others, self.filter, avoidance.neighbours)
        self._auditor = open_auditor(self, robot, avoidance, self.filter.measured)
        self._arm = arm_output(self, robot, deployment.urdf_path)
        gripper = gripper_output(self, robot.gripper).send if robot.gripper else None
        self._outlet = Outlet(self.filter, self._arm.send, gripper, time.monotonic_ns)
        self._status = self.create_publisher(SafetyStatus, '~/status', topics.COMMAND)
        if folder := self.value('rejected_folder'):
            setup = setup_of(deployment, self._name_of_deployment(), self.filter)
            self._rejected = RejectedChunks(Path(folder), setup, self.value('rejected_files'))
        self._events = SafetyEvents(self, self.filter, self._rejected)
        self._requests = SafetyRequests(
            self, self.filter, self._arm, self._events, self._now, self._send, self._answered
        )
        self._inputs = SafetyInputs(self, self.filter, self._now, self._send)
        self.create_subscription(ActionChunk, topics.ACTION_CHUNK, self._on_chunk, topics.COMMAND)
        for line in enforced(self.filter):
            self.get_logger().info(line)
        for line in srdf_warnings(deployment):
            self.get_logger().warning(line)

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
        self._clock_watch = ClockWatch()
        self._buttons = StopButtons(self)
        self._requests.active = True

    def deactivate(self) -> None:
        """Bring the arm to rest before anything is taken down."""
        if self.filter is None or self._arm is None:
            return
        self._requests.active = False
        text = 'the safety node was deactivated'
        self._send(self.filter.disarm(self._now(), Reason.DEACTIVATED, text))
        self._arm.finish()
        self._answered()
        if self._rejected is not None:
            self._rejected.flush()
        for timer in self._cycles:
            self.destroy_timer(timer)
        if self._heartbeat is not None:
            self._heartbeat.close()
            self._heartbeat = None

    def cleanup(self) -> None:
        """Let parameters be set again, and write what still waits to be kept."""
        self._requests.close()
        if self._auditor is not None:
            self._auditor.close()
            self._auditor = None
        if self._rejected is not None:
            self._rejected.close()

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
        troubles = list(self._troubles())
        texts = [f'{mode.name}: {finding.text or finding.reason}', *(text for _, text in troubles)]
        return self.status(
            max([level, *(grave for grave, _ in troubles)]),
            '; '.join(texts),
            reason=finding.reason,
            accepted=self.filter.accepted,
            rejected=self.filter.rejected,
            rejected_not_kept=self._rejected.lost if self._rejected else 0,
            vet_latency_ms=f'{self._vet_s * 1000:.2f}',
            too_late_to_be_sent=self._outlet.too_late if self._outlet else 0,
            audited=self._auditor.tally.text if self._auditor else 'no',
        )

    def _on_chunk(self, message: ActionChunk) -> None:
        if self.filter is None or self._heartbeat is None:
            return
        began_ns = time.monotonic_ns()
        try:
            chunk = decode(message)
            self.filter.on_chunk(chunk, self._now())
        except RefusedError:
            pass  # told with what else changed
        except VlaError as error:
            self.filter.refuse(self._now())
            self._events.unreadable(message.session, message.sequence, str(error))
        else:
            self._unsent_observation_ns = chunk.observation_stamp_ns
            self._vet_s = seconds_between(began_ns, time.monotonic_ns())
        self._tell()

    def _tick(self) -> None:
        if self.filter is None:
            return
        now = self._now()
        jump_s = self._clock_watch.jump_s(now, simulated=self.get_parameter('use_sim_time').value)
        if jump_s is not None:
            self.filter.clock_jumped(jump_s)
        self._send(self.filter.tick(now))
        if self._others is not None:
            self._others.tell(now)
        self._tell()

    def _send(self, command: Command) -> None:
        if self._outlet is None or not self._outlet.send(command):
            return
        if self._unsent_observation_ns is not None:
            captured_ns, self._unsent_observation_ns = self._unsent_observation_ns, None
            self._end_to_end_s = seconds_between(captured_ns, self.now_ns())

    def _check_publishers(self) -> None:
        if self.filter is None or self._arm is None:
            return
        others = self._arm.rivals()
        gone = self._buttons.gone(armed=self.filter.mode.takes_chunks)
        if others and not self.filter.mode.latched:
            text = f'{others}; end it, then arm again'
            self._send(self.filter.protect(Reason.SECOND_PUBLISHER, text, self._now()))
        elif gone:
            self._send(self.filter.protect(Reason.BUTTON_GONE, gone, self._now()))

    def _tell(self) -> None:
        """Log and publish every refusal, and every change of mode or reason, at once."""
        if self._events.tell():
            self._publish_status()

    def _answered(self) -> None:
        """Who asked for something wants to see it done."""
        self._events.tell()
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

    def _troubles(self) -> Iterator[tuple[bytes, str]]:
        """For diagnostics: what is amiss and moves nothing, each with its level."""
        if self._rejected is not None and self._rejected.fault:
            yield DiagnosticStatus.WARN, self._rejected.fault
        if self._auditor is not None:
            level, text = self._auditor.finding()
            if level != DiagnosticStatus.OK:
                yield level, text

    def _name_of_deployment(self) -> str:
        named = self.value('deployment')
        return named or f'{self.value("robot")} with {self.value("policy")}'

    def _now(self) -> Instant:
        return Instant(self.now_ns(), time.monotonic_ns())


def main() -> None:
    """Run the node."""
    share_no_memory()
    sys.exit(run(SafetyNode))


if __name__ == '__main__':
    main()
