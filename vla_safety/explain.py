# SPDX-License-Identifier: Apache-2.0
"""Why was this chunk refused? The pipeline once more, step by step, by the filter's own functions.

The steps are listed in the order of the documentation. The filter takes them in nearly that order:
the time grid, and what the gripper is asked for, are parts of the content, which comes first.
"""

import numpy as np

from vla_contract.action import MOST_ROWS, ActionChunk, ActionSpace
from vla_safety import looks
from vla_safety.avoidance import Avoidance
from vla_safety.canonical import Canonical, absolute_rows, canonical
from vla_safety.checks import ToolSpeedCheck, WorkspaceCheck
from vla_safety.collision.checker import Clearance
from vla_safety.content import (
    check_columns,
    check_grid,
    check_numbers,
    check_opening,
    check_pose,
    check_shape,
)
from vla_safety.explanation import Explanation
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.motion import NS, Array, Motion
from vla_safety.plan import Plan, Proposal
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.rows import RowPath
from vla_safety.situation import Rejection, Stage, recall
from vla_safety.steps import Look, Steps

_MADE_BY = {9: ToolSpeedCheck, 10: WorkspaceCheck, 11: Avoidance}
_LONGEST_STEP_S = 1e3


def explain(motion_filter: MotionFilter, rejection: Rejection) -> Explanation:
    """Repeat a rejection.

    Args:
        motion_filter: In the situation that the chunk met; it is in another one afterwards.
        rejection: The chunk, and what became of it.
    """
    walk = _Walk(motion_filter, rejection.chunk, rejection.met.now)
    try:
        plan, asked = walk.vet()
    except RefusedError as refusal:
        walk.finding = Finding(refusal.reason, refusal.text)
        walk.see_what_goes_on()
        return walk.result()
    if rejection.cut is None:
        walk.finding = Finding(Reason.TRUNCATED, asked.cut) if asked.cut else Finding(Reason.OK, '')
        walk.rehearse(plan)
        return walk.result()
    recall(motion_filter, rejection.cut)
    walk.now = rejection.cut.now
    if rejection.stage is Stage.UNDERWAY:
        walk.look_around()
    elif rejection.stage is Stage.GRIPPER and rejection.opening is not None:
        walk.open(rejection.opening)
    else:
        walk.extend()
    return walk.result()


class _Walk:
    """One chunk on its way through the steps."""

    def __init__(self, motion_filter: MotionFilter, chunk: ActionChunk, now: Instant) -> None:
        self.now = now
        self.finding = Finding(Reason.OK, '')
        self._filter, self._chunk = motion_filter, chunk
        self._steps = Steps()
        self._asked: RowPath | None = None
        self._followed = 0
        self._intended: Motion | None = None
        self._proposed: Motion | None = None
        self._cut_ns: int | None = None
        self._sent = None if motion_filter.plan is None else motion_filter.plan.executing

    def result(self) -> Explanation:
        """All that was found."""
        return Explanation(
            self._steps.all,
            self.finding,
            self._asked or self._raw_rows(),
            self._followed,
            self._intended,
            self._sent,
            self._cut_ns,
            self._proposed,
            self._nearest(),
        )

    def _nearest(self) -> Clearance | None:
        avoidance = self._filter.avoidance
        if self._proposed is None or self._cut_ns is None or avoidance is None:
            return None
        return avoidance.nearest_at(self._proposed.at(self._cut_ns).q)

    def _raw_rows(self) -> RowPath | None:
        """Rows of joint positions that were refused unread, as they are; None for any others."""
        chunk, names = self._chunk, self._filter.limits.names
        if chunk.space is not ActionSpace.JOINT_POSITION or chunk.columns[: len(names)] != names:
            return None
        if chunk.values.ndim != 2 or chunk.values.shape[1] < len(names):
            return None
        if not 0 < chunk.step_s < _LONGEST_STEP_S:
            return None
        return _path(chunk, chunk.values[:MOST_ROWS, : len(names)])

    def vet(self) -> tuple[Plan, Canonical]:
        """As the filter does when a chunk comes, in the same order.

        Raises:
            RefusedError: As the filter does.
        """
        m, steps, now = self._filter, self._steps, self.now
        plan = self._vet_content()
        steps.saw(3, *looks.at_provenance(m, self._chunk, now.ros_ns))
        with steps.at(3):
            m.provenance.check(self._chunk, m.task_id, now.ros_ns)
        steps.saw(4, *looks.at_state(m, now))
        with steps.at(4):
            finding = m.oversight.finding(now)
            if finding is not None:
                raise RefusedError(finding.reason, finding.text)
        asked = self._vet_rows(plan)
        steps.saw(7, looks.at_seam(m, plan, asked, now.ros_ns))
        with steps.at(7, 9):
            m.pacing.follow(plan, asked, now.ros_ns, m.period_s)
        self._tell_pace(plan, asked)
        return plan, asked

    def _vet_content(self) -> Plan:
        """Steps 1, 2 and 5, and what the gripper is asked for."""
        m, chunk, steps = self._filter, self._chunk, self._steps
        steps.saw(1, *looks.at_mode(m, chunk))
        with steps.at(1):
            plan = m.plan_to_follow()
            check_shape(chunk)
        steps.saw(2, *looks.at_content(m, chunk))
        with steps.at(2):
            check_columns(chunk, m.robot)
            check_numbers(chunk)
        steps.saw(13, *looks.at_gripper(chunk))
        with steps.at(13):
            check_opening(chunk)
        with steps.at(2):
            check_pose(chunk, m.robot)
        steps.saw(5, *looks.at_grid(m, chunk, self.now.ros_ns))
        with steps.at(5):
            check_grid(chunk, m.robot)
        return plan

    def _vet_rows(self, plan: Plan) -> Canonical:
        """Steps 6 and 8, and singularities."""
        m, chunk, steps = self._filter, self._chunk, self._steps
        with steps.at(6):
            raw = absolute_rows(chunk, plan.executing, m.ik)
        steps.saw(8, looks.at_range(m, raw.q))
        steps.saw(10, *looks.at_singularity(m, chunk, raw.q))
        self._asked = _path(chunk, raw.q)
        with steps.at(8):
            asked = canonical(chunk, plan.executing, m.limits, m.robot.margins.clip, m.ik)
        steps.saw(6, *looks.at_form(chunk, asked))
        self._followed = len(asked.rows.times_ns)
        if raw.cut:
            steps.changed(10, f'cut off: {raw.cut}')
        elif asked.cut:
            steps.changed(8, f'cut off: {asked.cut}')
        elif asked.clipped:
            steps.changed(8, f'clipped: {asked.clipped}')
        return asked

    def _tell_pace(self, plan: Plan, asked: Canonical) -> None:
        m, steps = self._filter, self._steps
        intended = plan.intended
        if intended is None:
            return
        self._intended = intended.motion
        steps.saw(7, Look('rows over which the rest of it fades', str(intended.faded)))
        steps.saw(9, *looks.at_pace(m, asked))
        if m.pace < 1:
            steps.changed(9, f'at {m.pace:.3f} of the pace the policy asks')

    def see_what_goes_on(self) -> None:
        """The chunk is refused, or what is left of it: what was in execution goes on."""
        self._steps.saw(14, *looks.at_sending(self._filter, self.now))
        if self._proposed is not None:
            self._steps.changed(14, 'what is checked is played to its rest, and nothing after it')

    def extend(self) -> None:
        """The part of the motion that was refused, check by check."""
        plan = self._filter.plan_to_follow()
        proposal = plan.proposed(self.now.ros_ns)
        if isinstance(proposal, Finding):
            self.finding = proposal
            self._steps.refused(12, proposal)
            return
        self._sent, self._proposed = plan.executing, proposal.motion
        self._intended = plan.pursuit.reference
        self._judge(proposal)
        self.see_what_goes_on()

    def _judge(self, proposal: Proposal) -> None:
        """Steps 9 to 12 on a proposed motion: the first check that finds something decides."""
        m, steps = self._filter, self._steps
        steps.saw(9, *looks.at_rates(m, proposal.fresh))
        steps.saw(10, *looks.at_workspace(m, proposal.fresh))
        steps.saw(11, *looks.at_collisions(m, proposal.fresh))
        steps.saw(12, *looks.at_tail(m, proposal))
        for check in m.checks:
            finding = check.find(proposal.fresh)
            if finding is not None:
                self.finding, self._cut_ns = finding, finding.safe_until_ns
                steps.judged(finding, proposal.braking_ns)
            for number, kind in _MADE_BY.items():
                if isinstance(check, kind):
                    steps.passed(number)
            if finding is not None:
                return
        steps.passed(12)
        self.finding = Finding(Reason.OK, '')

    def look_around(self) -> None:
        """Whether what is under way is still free."""
        m, steps, plan = self._filter, self._steps, self._filter.plan
        if plan is None or m.avoidance is None:
            return
        ahead_ns = self.now.ros_ns + round(m.robot.timing.lead_s * NS)
        self._sent, self._proposed = plan.executing, plan.executing.since(ahead_ns)
        self._intended = plan.pursuit.reference
        steps.saw(11, *looks.at_collisions(m, self._proposed))
        finding = m.avoidance.look(plan.executing, ahead_ns)
        if finding is None:
            steps.passed(11)
            self.finding = Finding(Reason.OK, '')
            return
        self.finding, self._cut_ns = finding, finding.safe_until_ns
        steps.refused(11, finding)
        self._sent = plan.stop(self.now.ros_ns) or plan.executing
        self.see_what_goes_on()

    def open(self, opening: float) -> None:
        """Whether the gripper is free on its way to what it was to be told."""
        m, steps, plan = self._filter, self._steps, self._filter.plan_to_follow()
        if m.avoidance is None:
            return
        self._sent, self._intended = plan.executing, plan.pursuit.reference
        ahead = plan.executing.since(plan.executing.apart(self.now.ros_ns))
        steps.saw(13, Look('opening to be told', f'{opening:.3f}', 'nothing in its way'))
        finding = m.avoidance.find_for_gripper(ahead, opening)
        self.finding = finding or Finding(Reason.OK, '')
        if finding is not None:
            steps.refused(13, finding)
            self._sent = plan.stop(self.now.ros_ns) or plan.executing
        self.see_what_goes_on()

    def rehearse(self, plan: Plan) -> None:
        """What would follow, tick by tick, if nothing else changed."""
        m, steps, now_ns = self._filter, self._steps, self.now.ros_ns
        whole = plan.executing
        while True:
            now_ns += round(m.period_s * NS)
            joint_ns = plan.pursuit.committed_ns
            proposal, result = plan.proposed(now_ns), plan.extend(now_ns)
            if isinstance(result, Finding):
                break
            rested = whole.end_ns < joint_ns
            later = plan.executing if rested else plan.executing.since(joint_ns)
            whole = later if rested else whole.until(joint_ns).then(later)
        ahead = whole.since(self.now.ros_ns)
        steps.saw(9, *looks.at_rates(m, ahead))
        steps.saw(10, *looks.at_workspace(m, ahead))
        steps.saw(11, *looks.at_collisions(m, ahead))
        for number in (9, 10, 11, 12):
            steps.passed(number)
        if isinstance(proposal, Proposal):
            steps.judged(result, proposal.braking_ns)
            self._cut_ns, self._proposed = result.safe_until_ns, proposal.motion
        steps.saw(
            14, Look('would end at rest in', f'{(whole.end_ns - self.now.ros_ns) / NS:.3f} s')
        )
        steps.passed(14)
        self._sent = whole


def _path(chunk: ActionChunk, q: Array) -> RowPath:
    """Rows at their nominal times."""
    step_ns = round(chunk.step_s * NS)
    return RowPath(chunk.start_ns + np.arange(len(q), dtype=np.int64) * step_ns, q)
