# SPDX-License-Identifier: Apache-2.0
"""Where a chunk comes from and when: nothing old, replayed, out of order or foreign gets past."""

from dataclasses import dataclass, replace

from vla_contract.action import ActionChunk
from vla_contract.robot import Timing
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

FUTURE_S = 0.05
"""Clocks of machines that are kept together differ by less."""
START_AHEAD_S = 0.5
_SESSIONS_KEPT = 64


@dataclass(frozen=True)
class Accepted:
    """What was accepted so far.

    Attributes:
        session: Of the last chunk, empty before the first.
        sequence: Of the last chunk.
        retired: Sessions that have ended, the newest last.
        not_before_ns: Only images captured after this time count.
    """

    session: str = ''
    sequence: int = 0
    retired: tuple[str, ...] = ()
    not_before_ns: int = 0


class Provenance:
    """Remembers what was accepted, and refuses what does not follow from it.

    Attributes:
        accepted: All that it remembers.
    """

    def __init__(self, timing: Timing) -> None:
        """Start with no session."""
        self._timing = timing
        self.accepted = Accepted()

    def require_newer_than(self, time_ns: int) -> None:
        """From now on, take only chunks computed from images captured after a time."""
        self.accepted = replace(self.accepted, not_before_ns=time_ns)

    def forget_times(self) -> None:
        """The clock was set back: times seen before it mean nothing now."""
        self.accepted = replace(self.accepted, not_before_ns=0)

    def check(self, chunk: ActionChunk, task_id: str | None, now_ns: int) -> None:
        """Refuse a chunk that is not the next of the current session and task.

        Raises:
            RefusedError: With the values that are wrong.
        """
        self._check_order(chunk, task_id)
        self._check_age(chunk, now_ns)

    def accept(self, chunk: ActionChunk) -> None:
        """The chunk is taken: only later ones count from now on."""
        before = self.accepted
        retired = before.retired
        if before.session and chunk.session != before.session:
            retired = (*retired, before.session)[-_SESSIONS_KEPT:]
        self.accepted = replace(
            before, session=chunk.session, sequence=chunk.sequence, retired=retired
        )

    def _check_order(self, chunk: ActionChunk, task_id: str | None) -> None:
        if task_id is None or chunk.task_id != task_id:
            current = task_id or 'none'
            raise RefusedError(
                Reason.WRONG_TASK, f'works on task {chunk.task_id}; the current one is {current}'
            )
        accepted = self.accepted
        if not chunk.session or chunk.session in accepted.retired:
            raise RefusedError(Reason.OLD_SESSION, f'session {chunk.session!r} has ended')
        if chunk.session == accepted.session and chunk.sequence <= accepted.sequence:
            raise RefusedError(
                Reason.OUT_OF_ORDER, f'sequence {chunk.sequence} comes after {accepted.sequence}'
            )

    def _check_age(self, chunk: ActionChunk, now_ns: int) -> None:
        age = (now_ns - chunk.observation_stamp_ns) / NS
        if age < -FUTURE_S or (chunk.start_ns - now_ns) / NS > START_AHEAD_S:
            ahead = (chunk.start_ns - now_ns) / NS
            raise RefusedError(
                Reason.FUTURE_STAMP,
                f'observed {-age:.3f} s and starts {ahead:.3f} s from now; '
                f'at most {FUTURE_S:g} s and {START_AHEAD_S:g} s are taken',
            )
        most = self._timing.observation_max_age_s
        if age > most:
            raise RefusedError(
                Reason.STALE_OBSERVATION,
                f'computed from an image {age:.3f} s old; at most {most:g} s is taken',
            )
        not_before_ns = self.accepted.not_before_ns
        if chunk.observation_stamp_ns <= not_before_ns:
            late = (not_before_ns - chunk.observation_stamp_ns) / NS
            raise RefusedError(
                Reason.NOT_FRESH, f'computed from an image {late:.3f} s before the arm was held'
            )
