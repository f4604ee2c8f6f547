# SPDX-License-Identifier: Apache-2.0
"""The motion filter: chunks in, verified motion out, and a mode that says why.

It is driven from outside: messages come in by ``on_…`` and requests by name, and ``tick`` answers
at a fixed rate with the motion to send. It reads no clock and starts no thread.
"""

import math
from collections import deque

from vla_contract.action import ActionChunk
from vla_contract.robot import Robot
from vla_safety.authority import CLEAR_NS, Authority
from vla_safety.avoidance import Avoidance
from vla_safety.canonical import Canonical, canonical
from vla_safety.checks import JointCheck, MotionCheck, ToolSpeedCheck, WorkspaceCheck
from vla_safety.command import Command
from vla_safety.content import check_content
from vla_safety.gripper_way import Blocked, GripperWay
from vla_safety.inverse_kinematics import InverseKinematics
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits, Use
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS, Motion
from vla_safety.oversight import Oversight
from vla_safety.pacing import Pacing
from vla_safety.plan import Plan
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.shared_plan import SharedPlan
from vla_safety.situation import CUT_BY, Rejection, Situation, Stage, situation_of
from vla_safety.storm import RejectStorm
from vla_safety.tool_speed import ToolSpeedRule
from vla_safety.watch import Watch

_KEPT = 16
"""Rejections that wait for whoever keeps them."""


class MotionFilter(Authority):
    """One arm's filter.

    Attributes:
        rejections: Chunks that were refused, whole or in part, for whoever keeps them.
    """

    def __init__(
        self,
        robot: Robot,
        kinematics: Kinematics,
        period_s: float,
        watch: Watch,
        avoidance: Avoidance | None = None,
    ) -> None:
        """Put limits and checks in force; nothing moves before arm().

        Args:
            robot: The robot file.
            kinematics: Of the same robot.
            period_s: Time between ticks.
            watch: Heartbeats to be heard while armed.
            avoidance: Collision checking; None for none.
        """
        super().__init__(robot.timing)
        self.robot, self.kinematics = robot, kinematics
        self.limits = Limits.of(robot, kinematics.lower, kinematics.upper, kinematics.velocity)
        self.tool_speed = ToolSpeedRule(robot.workspace.tool_speed, robot.separation)
        self.avoidance = avoidance
        self.oversight = Oversight(robot, self.limits, watch, self.tool_speed, avoidance)
        self.measured = self.oversight.measured
        self.accepted = self.rejected = 0
        self.rejections: deque[Rejection] = deque(maxlen=_KEPT)
        self._storm = RejectStorm()
        self._met: Situation | None = None
        self.chunk: ActionChunk | None = None
        self.period_s = period_s
        self.ik = InverseKinematics(kinematics, self.limits)
        speed_check = ToolSpeedCheck(robot.workspace, kinematics)
        self.pacing = Pacing(robot.workspace, speed_check, self.tool_speed)
        self.checks: tuple[MotionCheck, ...] = (
            JointCheck(self.limits),
            speed_check,
            WorkspaceCheck(robot.workspace, kinematics),
            *((avoidance,) if avoidance else ()),
        )
        self._gripper = GripperWay(robot.gripper, avoidance) if robot.gripper else None

    @property
    def pace(self) -> float:
        """Speed of execution, 1 as the policy asks."""
        intended = self.plan.intended if self.plan else None
        return intended.scale if intended else 1.0

    def use(self, now_ns: int) -> Use:
        """The limit that the rest of the motion in execution uses most."""
        if self.plan is None or now_ns >= self.plan.checked_until_ns:
            return Use(0.0, '')
        return self.limits.use(self.plan.executing.since(now_ns))

    def row(self, now_ns: int) -> int:
        """Row of the chunk in execution."""
        intended = self.plan.intended if self.plan else None
        return intended.row_at(now_ns) if intended else 0

    def arm(self, now: Instant) -> None:
        """Allow motion from now on, starting from where the arm is.

        Raises:
            RefusedError: A cause of a stop still holds, or the arm moves.
        """
        if self._estop:
            raise RefusedError(Reason.EMERGENCY_STOP, 'the emergency stop is still pressed')
        if self.mode is Mode.FAULT:
            raise RefusedError(self.finding.reason, 'the node must be restarted after a fault')
        if self.mode.takes_chunks:
            raise RefusedError(Reason.OK, f'already armed ({self.mode.name})')
        self._feel_gripper()
        q = self.oversight.start(now)
        self.plan = Plan(now.ros_ns, q, self.limits, self.checks, self.robot.timing)
        self.provenance.require_newer_than(now.ros_ns)
        if self._gripper is not None:
            self._gripper.forget()
        self.accepted = self.rejected = 0
        self._storm.forget()
        self._enter(Mode.ARMED, Reason.OK, 'armed, waiting for chunks')

    def clock_jumped(self, jump_s: float) -> None:
        """ROS time was set: stamps from before mean nothing, and motion in execution is lost."""
        self.measured.forget()
        self.provenance.forget_times()
        if self.mode.takes_chunks:
            self._release(
                Mode.PROTECTIVE_STOP, Reason.CLOCK_JUMP, f'the clock jumped by {jump_s:.3f} s'
            )
        self.plan = None

    def on_chunk(self, chunk: ActionChunk, now: Instant) -> Canonical:
        """Vet a chunk and intend to follow it.

        Raises:
            RefusedError: The chunk is not followed; the motion in execution goes on.
        """
        met = situation_of(self, now)
        try:
            asked = self._vet(chunk, now)
        except RefusedError as refusal:
            finding = Finding(refusal.reason, refusal.text)
            self.rejections.append(Rejection(chunk, Stage.CHUNK, met, None, finding))
            self.refuse(now)
            raise
        self._met = met
        if asked.cut:
            finding = Finding(Reason.TRUNCATED, asked.cut)
            self.rejections.append(Rejection(chunk, Stage.CHUNK, met, None, finding))
        return asked

    def refuse(self, now: Instant) -> None:
        """A chunk is refused, perhaps since it could not even be read; too many stop the arm."""
        self.rejected += 1
        storm = self._storm.refused(now.ros_ns)
        if storm is not None and self.mode.takes_chunks:
            self._release(Mode.PROTECTIVE_STOP, storm.reason, storm.text)

    def plan_to_follow(self) -> Plan:
        """The plan that a good chunk would be followed from.

        Raises:
            RefusedError: None is followed in this mode.
        """
        if self.plan is None or not self.mode.takes_chunks:
            raise RefusedError(Reason.NOT_ARMED, f'the safety node is {self.mode.name}')
        return self.plan

    def tick(self, now: Instant) -> Command:
        """Watch everything, and send the next part of the motion."""
        if self.plan is None or not self.mode.takes_chunks:
            return Command()
        finding = self.oversight.stall(now)
        if finding is not None:
            self.hold(finding.reason, finding.text, now)
            return Command()
        finding = self.oversight.tracking(self.plan, now)
        if finding is not None:
            return self.protect(finding.reason, finding.text, now)
        finding = self._look_around(self.plan, now)
        if finding is not None:
            self._cut(Stage.UNDERWAY, finding, now)
            return self._evade(finding, now)
        if not self.mode.moving:
            return Command()
        finding = self.oversight.finding(now) or self.pacing.adjust(
            self.plan, now.ros_ns, self.period_s
        )
        if finding is not None:
            self.hold(finding.reason, finding.text, now)
            return Command()
        gripper = self._gripper_command(self.plan, now)
        if isinstance(gripper, Finding):
            return self._evade(gripper, now)
        self._feel_gripper()
        motion = self._advance(self.plan, now) if self._may_grow else None
        self._show_pace()
        return self._command(motion, gripper, now)

    def share(self, now: Instant) -> SharedPlan | None:
        """What to tell other arms, after every tick; None where there are none, or no news."""
        if self.avoidance is None or self.avoidance.neighbours is None:
            return None
        measured = None if self.measured.finding(now) else self.measured.positions
        plan = self.plan.executing if self.plan is not None else None
        return self.avoidance.neighbours.share(plan, self.mode.takes_chunks, measured, now)

    @property
    def _may_grow(self) -> bool:
        """Arms beside each other take turns."""
        neighbours = self.avoidance.neighbours if self.avoidance is not None else None
        return neighbours is None or neighbours.our_turn

    def _look_around(self, plan: Plan, now: Instant) -> Finding | None:
        """How near things are, and whether one came into the way."""
        if self.avoidance is None:
            return None
        self._feel_gripper()
        ahead_ns = now.ros_ns + round(self.robot.timing.lead_s * NS)
        finding = self.avoidance.look(plan.executing, ahead_ns)
        self.pacing.nearness = self.avoidance.pace
        return finding

    def _cut(
        self, stage: Stage, finding: Finding, now: Instant, opening: float | None = None
    ) -> None:
        """The rest of the chunk in execution is refused; the plan is still as it was."""
        if self.chunk is not None and self._met is not None and self.mode.moving:
            cut = situation_of(self, now)
            self.rejections.append(Rejection(self.chunk, stage, self._met, cut, finding, opening))

    def _vet(self, chunk: ActionChunk, now: Instant) -> Canonical:
        plan = self.plan_to_follow()
        check_content(chunk, self.robot)
        self.provenance.check(chunk, self.task_id, now.ros_ns)
        finding = self.oversight.finding(now)
        if finding is not None:
            raise RefusedError(finding.reason, finding.text)
        clip = self.robot.margins.clip
        asked = canonical(chunk, plan.executing, self.limits, clip, self.ik)
        self.pacing.follow(plan, asked, now.ros_ns, self.period_s)
        self.provenance.accept(chunk)
        self.chunk = chunk
        if self._gripper is not None:
            self._gripper.follow(asked.opening)
        self.accepted += 1
        self._enter(Mode.SCALED if self.pace < 1 else Mode.ACTIVE, *self._remark(asked))
        return asked

    def _remark(self, asked: Canonical) -> tuple[Reason, str]:
        if asked.cut:
            return Reason.TRUNCATED, asked.cut
        if asked.clipped:
            return Reason.CLIPPED, asked.clipped
        if self.pace < 1:
            return Reason.SCALED, self._at_pace()
        return Reason.OK, ''

    def _advance(self, plan: Plan, now: Instant) -> Motion | None:
        """Extend the motion; where that cannot be, the checked stop is already under way."""
        result = plan.extend(now.ros_ns)
        if isinstance(result, Finding) and result.reason is Reason.LATE:
            try:
                self.pacing.catch_up(plan, now.ros_ns, self.period_s)
            except RefusedError as refusal:
                result = Finding(refusal.reason, refusal.text)
            else:
                result = plan.extend(now.ros_ns)
        if isinstance(result, Motion):
            return result
        if result.reason in CUT_BY:
            self._cut(Stage.EXTENSION, result, now)
        self._release(Mode.HOLD, result.reason, result.text)
        if result.reason is Reason.COLLISION:
            self.provenance.require_newer_than(now.ros_ns + CLEAR_NS)
        return None

    def _feel_gripper(self) -> None:
        if self._gripper is not None:
            self._gripper.feel(self.measured.opening)

    def _gripper_command(self, plan: Plan, now: Instant) -> float | Finding | None:
        """What to send to the gripper, if anything; or what it would hit."""
        if self._gripper is None or not self.mode.moving:
            return None
        answer = self._gripper.command(self.row(now.ros_ns), plan.executing, now.ros_ns)
        if not isinstance(answer, Blocked):
            return answer
        self._cut(Stage.GRIPPER, answer.finding, now, answer.opening)
        return answer.finding

    def _show_pace(self) -> None:
        """A pace that changed while rows are followed is said, too."""
        if self.mode is Mode.ACTIVE and self.pace < 1:
            self._enter(Mode.SCALED, Reason.SCALED, self._at_pace())
        elif self.mode is Mode.SCALED and self.pace >= 1:
            self._enter(Mode.ACTIVE, Reason.OK, '')

    def _at_pace(self) -> str:
        return f'at {self.pace:.2f} of the pace the policy asks'

    def observation_age_s(self, now: Instant) -> float:
        """Age of the image behind the chunk in execution; NaN where none is [s]."""
        if self.chunk is None or not self.mode.moving:
            return math.nan
        return (now.ros_ns - self.chunk.observation_stamp_ns) / NS
