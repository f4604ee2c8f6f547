# SPDX-License-Identifier: Apache-2.0
"""The motion in execution, and what is to follow it.

Invariant: ``executing`` was checked whole and ends at rest. It is what the controller holds, so
whatever dies, the arm plays it to its end. ``extend`` is the only place that lets it grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vla_contract.robot import Timing
from vla_safety.braking import BrakingError, brake
from vla_safety.checks import MotionCheck
from vla_safety.limits import Limits
from vla_safety.motion import NS, Array, Motion, State
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.rows import RowPath
from vla_safety.splice import Spliced, splice

_KEPT_NS = 2 * NS
_BRAKED_FIRST = (0.0, 0.5, 1.0)
"""Parts of a stop to make before entering rows that cannot be entered at speed."""


@dataclass(frozen=True)
class Pursuit:
    """What a plan knows at a moment.

    Attributes:
        executing: What the controller holds; it ends at rest.
        reference: What is to follow it, not ending at rest; None where the arm stops.
        committed_ns: End of the part of both that is the same.
        expires_ns: When the rows are out of date.
    """

    executing: Motion
    reference: Motion | None
    committed_ns: int
    expires_ns: int


@dataclass(frozen=True)
class Entry:
    """A way into rows that has not been taken yet.

    Attributes:
        rows: The rows.
        lead_in: What is executed before the rows are entered.
        spliced: From there through the rows.
        seam_ns: Where it leaves the motion in execution.
        expires_ns: When the rows are out of date.
    """

    rows: RowPath
    lead_in: Motion
    spliced: Spliced
    seam_ns: int
    expires_ns: int


@dataclass(frozen=True)
class Proposal:
    """A motion that nobody has checked yet.

    Attributes:
        motion: All of it, ending at rest.
        fresh: What would be new.
        braking_ns: When it begins to brake.
    """

    motion: Motion
    fresh: Motion
    braking_ns: int


class Plan:
    """What the arm does now, what is checked, and what is still only intended.

    Attributes:
        executing: The motion that was sent, or is about to be.
        joins_ns: When it leaves what was sent before; the controller needs it by then.
    """

    def __init__(
        self, start_ns: int, q: Array, limits: Limits, checks: Sequence[MotionCheck], timing: Timing
    ) -> None:
        """Start at rest."""
        self.executing = Motion.still(start_ns, q)
        self._limits = limits
        self._checks = tuple(checks)
        self._timing = timing
        self._intended: Spliced | None = None
        self._reference: Motion | None = None
        self._committed_ns = self._expires_ns = start_ns
        self._before = (self.executing, start_ns)
        self.joins_ns = start_ns
        self._rows: RowPath | None = None

    @classmethod
    def of(cls, executing: Motion, limits: Limits, timing: Timing) -> 'Plan':
        """Take over a motion that somebody else had checked, to stop it."""
        plan = cls(executing.start_ns, executing.q[0], limits, (), timing)
        plan.executing = executing
        plan._before = (executing, plan._committed_ns)
        return plan

    @classmethod
    def resumed(
        cls, pursuit: Pursuit, limits: Limits, checks: Sequence[MotionCheck], timing: Timing
    ) -> 'Plan':
        """As it was at another moment, able to extend; the rows themselves are not known."""
        plan = cls(pursuit.executing.start_ns, pursuit.executing.q[0], limits, checks, timing)
        plan.executing, plan._reference = pursuit.executing, pursuit.reference
        plan._committed_ns, plan._expires_ns = pursuit.committed_ns, pursuit.expires_ns
        plan._before = (plan.executing, plan._committed_ns)
        return plan

    @property
    def pursuit(self) -> Pursuit:
        """What it knows now."""
        return Pursuit(self.executing, self._reference, self._committed_ns, self._expires_ns)

    @property
    def intended(self) -> Spliced | None:
        """The chunk that is being executed, None where the arm stops."""
        return self._intended

    @property
    def checked_until_ns(self) -> int:
        """End of the motion in execution."""
        return self.executing.end_ns

    def seam_ns(self, now_ns: int, period_s: float) -> int:
        """Earliest time that a motion decided now can begin at: after the next message."""
        return now_ns + round((self._timing.lead_s + period_s) * NS)

    def entry(
        self,
        rows: RowPath,
        now_ns: int,
        period_s: float,
        most_scale: float = 1.0,
        least_fade_ns: int = 0,
    ) -> Entry:
        """A way from the motion in execution into rows; nothing is taken over yet.

        Rows that are followed slower than asked still expire: what the policy wanted a while
        after its last row is not known.

        Args:
            rows: The rows.
            now_ns: The present.
            period_s: Time until the next message.
            most_scale: Pace not to exceed.
            least_fade_ns: Time in which to come to the rows at the earliest.

        Raises:
            RefusedError: The rows cannot be entered.
        """
        seam_ns = self.seam_ns(now_ns, period_s)
        self._check_seam(rows, seam_ns)
        lead_in, spliced = self._enter(rows, seam_ns, most_scale, least_fade_ns)
        expires_ns = int(rows.times_ns[-1]) + round(self._timing.observation_max_age_s * NS)
        return Entry(rows, lead_in, spliced, seam_ns, expires_ns)

    def follow(self, entry: Entry) -> None:
        """Intend to follow rows from now on."""
        self._reference = entry.lead_in.then(entry.spliced.motion)
        self._intended, self._rows = entry.spliced, entry.rows
        self._committed_ns, self._expires_ns = entry.seam_ns, entry.expires_ns

    def release(self) -> None:
        """Intend nothing more: the arm plays what is checked, which ends at rest."""
        self._intended = self._reference = self._rows = None

    def stop(self, now_ns: int) -> Motion | None:
        """Brake as soon as the controller can follow, dropping what was checked beyond that.

        Each joint brakes for itself, which leads off the path that was checked. So the stop is
        checked as well; what it would meet and the path does not is not worth being sooner.

        Returns:
            The motion to send; None where the checked one, which goes on, is the better stop.
        """
        self.release()
        start_ns = now_ns + round(self._timing.lead_s * NS)
        if not self.executing.start_ns <= start_ns < self.executing.end_ns:
            return None  # at rest, or by a clock that was set back
        head = self.executing.until(start_ns)
        try:
            candidate = head.then(brake(_end(head), start_ns, self._limits))
        except BrakingError:
            return None
        if candidate.end_ns >= self.executing.end_ns:
            return None
        going_on = self.executing.since(self.executing.apart(start_ns))
        if self._finding(candidate.since(start_ns)) and not self._finding(going_on):
            return None
        self._replace(candidate, self._committed_ns, start_ns)
        return self._message(now_ns)

    def unsent(self) -> None:
        """The last message did not leave: what was sent before goes on."""
        self.executing, self._committed_ns = self._before

    def extend(self, now_ns: int) -> Motion | Finding:
        """Check and take over the next part of what is intended.

        Returns:
            The motion to send, or why the arm must stop: then the checked stop is under way.
        """
        proposal = self.proposed(now_ns)
        if isinstance(proposal, Finding):
            return proposal
        finding = self._finding(proposal.fresh)
        if finding is not None:
            return finding
        candidate = proposal.motion
        kept_ns = min(max(candidate.start_ns, now_ns - _KEPT_NS), now_ns)
        kept = candidate.since(candidate.apart(kept_ns))
        self._replace(kept, proposal.braking_ns, self._committed_ns)
        return self._message(now_ns)

    def proposed(self, now_ns: int) -> Proposal | Finding:
        """The next part of what is intended, with a stop after it; or why there is none."""
        if self._reference is None:
            return Finding(Reason.CHUNK_ENDED, 'there are no more rows')
        if now_ns + round(self._timing.lead_s / 2 * NS) > self._committed_ns:
            return Finding(
                Reason.LATE,
                f'the motion checked ended {(now_ns - self._committed_ns) / NS:.3f} s ago',
            )
        horizon_ns = now_ns + round((self._timing.lead_s + self._timing.commit_s) * NS)
        target_ns = min(
            max(horizon_ns, self._committed_ns), self._reference.end_ns, self._expires_ns
        )
        if target_ns <= self._committed_ns:
            ended = self._committed_ns >= self._reference.end_ns
            text = 'the last row is reached' if ended else 'the rows are out of date'
            return Finding(Reason.CHUNK_ENDED, text)
        target_ns = max(self._reference.apart(target_ns), self._committed_ns)
        head = self._reference.until(target_ns)
        try:
            candidate = head.then(brake(_end(head), target_ns, self._limits))
        except BrakingError as error:
            return Finding(Reason.DYNAMICS, str(error))
        return Proposal(candidate, candidate.since(self._committed_ns), target_ns)

    def reentry(
        self, now_ns: int, period_s: float, most_scale: float, least_fade_ns: int = 0
    ) -> Entry:
        """A way into what is left of the rows, at a pace, from where the arm is on their path.

        Also the way back after a message that came too late for the controller: then the arm has
        begun to brake where the checked motion ended, and the rows wait for it there.

        Args:
            now_ns: The present.
            period_s: Time until the next message.
            most_scale: Pace not to exceed.
            least_fade_ns: Time in which to come to the rows at the earliest.

        Raises:
            RefusedError: They cannot be entered any more.
        """
        if self._rows is None or self._intended is None:
            raise RefusedError(Reason.LATE, 'there are no rows to enter again')
        seam_ns = self.seam_ns(now_ns, period_s)
        reached_ns = self._intended.phase_ns(min(seam_ns, self._committed_ns))
        rows = self._rows.later(seam_ns - reached_ns)
        entry = self.entry(rows, now_ns, period_s, most_scale, least_fade_ns)
        return replace(entry, expires_ns=self._expires_ns)

    def _replace(self, motion: Motion, committed_ns: int, joins_ns: int) -> None:
        """Execute another motion, which leaves the one before at a time."""
        self._before = (self.executing, self._committed_ns)
        self.executing, self._committed_ns, self.joins_ns = motion, committed_ns, joins_ns

    def _finding(self, motion: Motion) -> Finding | None:
        """What the first check that finds anything says of a motion."""
        found = (check.find(motion) for check in self._checks)
        return next((finding for finding in found if finding is not None), None)

    def _message(self, now_ns: int) -> Motion:
        """The motion in execution with the history that makes replacing it seamless."""
        start_ns = now_ns - round(self._timing.history_s * NS)
        return self.executing.since(self.executing.apart(start_ns))

    def _enter(
        self, rows: RowPath, seam_ns: int, most_scale: float, least_fade_ns: int
    ) -> tuple[Motion, Spliced]:
        """Splice at speed, or after part of a stop, whichever works first."""
        head = self.executing.until(seam_ns)
        if head.end_ns < seam_ns:
            head = head.then(_rest(head, seam_ns))
        refusals: list[RefusedError] = []
        try:
            stop = brake(_end(head), seam_ns, self._limits)
        except BrakingError as error:
            raise RefusedError(Reason.INFEASIBLE, str(error)) from error
        for part in _BRAKED_FIRST:
            start_ns = seam_ns + round(part * (stop.end_ns - seam_ns))
            lead_in = head.then(stop.until(start_ns)) if start_ns > seam_ns else head
            try:
                return lead_in, splice(
                    _end(lead_in), start_ns, rows, self._limits, most_scale, least_fade_ns
                )
            except RefusedError as error:
                refusals.append(error)
        raise refusals[0]

    def _check_seam(self, rows: RowPath, seam_ns: int) -> None:
        times = np.array([min(seam_ns, int(rows.times_ns[-1]))], dtype=np.int64)
        jump = np.abs(rows.at(times).q[0] - self.executing.at(seam_ns).q)
        joint, most = int(np.argmax(jump)), self._limits.seam_jump
        if jump[joint] > most:
            raise RefusedError(
                Reason.SEAM_JUMP,
                f'{self._limits.names[joint]} would jump by {jump[joint]:.4f}; '
                f'at most {most:g} is bridged',
            )


def _end(motion: Motion) -> State:
    """State at the last knot."""
    return State(motion.q[-1], motion.v[-1], motion.a[-1])


def _rest(motion: Motion, until_ns: int) -> Motion:
    """Standing at the end of a motion until a later time."""
    zero = np.zeros_like(motion.q[-1])
    times_ns = np.array([motion.end_ns, until_ns], dtype=np.int64)
    return Motion(
        times_ns, np.stack([motion.q[-1]] * 2), np.stack([zero, zero]), np.stack([zero, zero])
    )
