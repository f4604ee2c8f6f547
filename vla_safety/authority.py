# SPDX-License-Identifier: Apache-2.0
"""Whether an arm may move, why not, and what may be demanded of it at any time: to hold, to stop.

Knows nothing of chunks: what it is about to do is in its plan, and the plan always ends at rest.
"""

from vla_contract.robot import Timing
from vla_safety.command import Command
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS, Motion
from vla_safety.plan import Plan
from vla_safety.provenance import Provenance
from vla_safety.reasons import Finding, Reason

CLEAR_NS = NS // 2
"""After something came into the way, only what was observed this much later moves the arm."""


class Authority:
    """One arm's mode, and the requests that lead out of motion.

    Attributes:
        mode: Where it stands.
        finding: Why.
        plan: What is in execution; None where that is not ours.
        provenance: Which chunks are new enough to lead on.
        task_id: Of the task whose chunks may; None for none.
    """

    def __init__(self, timing: Timing) -> None:
        """Disarmed.

        Args:
            timing: Of the robot file.
        """
        self.mode = Mode.DISARMED
        self.finding = Finding(Reason.NOT_ARMED, 'nothing moves before the arm service is called')
        self.plan: Plan | None = None
        self.provenance = Provenance(timing)
        self.task_id: str | None = None
        self._estop = False
        self._longest_ns = round(timing.heartbeat_timeout_s * NS)

    def disarm(self, now: Instant, reason: Reason, text: str) -> Command:
        """Stop, and take no chunk until armed again."""
        motion = self._stop_motion(now)
        if not self.mode.latched:
            self._enter(Mode.DISARMED, reason, text)
        return self._command(motion, None, now)

    def hold(self, reason: Reason, text: str, now: Instant) -> None:
        """Play the checked motion to its rest; go on only with a chunk observed from now on."""
        if self.mode.takes_chunks:
            self._release(Mode.HOLD, reason, text)
            self.provenance.require_newer_than(now.ros_ns)

    def protect(self, reason: Reason, text: str, now: Instant) -> Command:
        """Stop at once and latch."""
        motion = self._stop_motion(now)
        if self.mode not in (Mode.ESTOP, Mode.FAULT):
            self._enter(Mode.PROTECTIVE_STOP, reason, text)
        return self._command(motion, None, now)

    def lost(self, reason: Reason, text: str) -> None:
        """What the controller holds is not our plan, such as after a stop by the guard."""
        self.plan = None
        if self.mode.takes_chunks:
            self._enter(Mode.PROTECTIVE_STOP, reason, text)

    def unsent(self) -> None:
        """The last command was not sent: what was sent before goes on."""
        if self.plan is not None:
            self.plan.unsent()

    def emergency_stop(self, pressed: bool, now: Instant) -> Command:
        """Stop at once and latch while and after the button is pressed."""
        self._estop = pressed
        if not pressed:
            return Command()
        motion = self._stop_motion(now) if self.mode is not Mode.ESTOP else None
        self._enter(Mode.ESTOP, Reason.EMERGENCY_STOP, 'the emergency stop is pressed')
        return self._command(motion, None, now)

    def set_task(self, task_id: str | None) -> None:
        """The task changed: chunks for any other are refused from now on."""
        if task_id == self.task_id:
            return
        self.task_id = task_id
        if self.mode.moving:
            text = f'the task is now {task_id or "none"}'
            self._release(Mode.HOLD, Reason.TASK_ENDED, text)

    def _evade(self, finding: Finding, now: Instant) -> Command:
        """Something came into the way of what is already under way: brake at once."""
        motion = self._stop_motion(now)
        self._release(Mode.HOLD, finding.reason, finding.text)
        self.provenance.require_newer_than(now.ros_ns + CLEAR_NS)
        return self._command(motion, None, now)

    def _command(self, motion: Motion | None, gripper: float | None, now: Instant) -> Command:
        """What to send, and until when."""
        room_ns = self._longest_ns
        if motion is not None and self.plan is not None:
            room_ns = min(room_ns, self.plan.joins_ns - now.ros_ns)
        return Command(motion, gripper, now.steady_ns + room_ns)

    def _stop_motion(self, now: Instant) -> Motion | None:
        if self.plan is None or now.ros_ns >= self.plan.checked_until_ns:
            return None
        return self.plan.stop(now.ros_ns)

    def _release(self, mode: Mode, reason: Reason, text: str) -> None:
        if self.plan is not None:
            self.plan.release()
        self._enter(mode, reason, text)

    def _enter(self, mode: Mode, reason: Reason, text: str) -> None:
        self.mode = mode
        self.finding = Finding(reason, text)
