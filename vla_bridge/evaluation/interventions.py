# SPDX-License-Identifier: Apache-2.0
"""Everything that the motion filter did to what a policy asked for, counted by reason."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from vla_safety.filter import MotionFilter
from vla_safety.mode import Mode
from vla_safety.reasons import Reason
from vla_safety.situation import Stage

_EXPECTED = (Reason.TASK_ENDED, Reason.CHUNK_ENDED)
"""Holds that are no intervention: the task is over, or the rows have run out."""


class Interventions:
    """What one filter did in one episode.

    Attributes:
        rejected: Chunks not followed at all, by reason.
        cut: Chunks whose rest was not followed, by reason.
        held: Times that motion was held for another reason than the end of a task or chunk.
        stopped: Protective stops, by reason.
        clipped: Chunks of which rows were moved to the limit of a joint.
        slowed: Chunks followed at less than the pace they ask for.
        ran_out: Times that the rows ran out before the next chunk came; no intervention.
        followed: Chunks that were followed.
    """

    def __init__(self, motion_filter: MotionFilter) -> None:
        """Nothing was done yet."""
        self._filter = motion_filter
        self.rejected: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.stopped: Counter[str] = Counter()
        self.clipped = self.slowed = self.ran_out = self.followed = 0
        self._slow = False

    @property
    def total(self) -> int:
        """All of them."""
        counted = (self.rejected, self.cut, self.held, self.stopped)
        return sum(map(Counter.total, counted)) + self.clipped + self.slowed

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what the filter does inside."""
        before = self._filter.mode
        try:
            yield
        finally:
            cut = self.cut.total()
            self._note_rejections()
            self._note_mode(before, told=self.cut.total() > cut)

    def accepted(self, *, clipped: bool) -> None:
        """A chunk is followed."""
        self.followed += 1
        self.clipped += clipped
        self._slow = False

    def _note_rejections(self) -> None:
        waiting = self._filter.rejections
        while waiting:
            rejection = waiting.popleft()
            reason = rejection.finding.reason
            if reason is Reason.WRONG_TASK:
                continue  # it was on its way when the task ended
            partly = rejection.stage is not Stage.CHUNK or reason is Reason.TRUNCATED
            (self.cut if partly else self.rejected)[str(reason)] += 1

    def _note_mode(self, before: Mode, *, told: bool) -> None:
        """Note what a change of mode says; to hold where a chunk was cut is told already."""
        mode, reason = self._filter.mode, self._filter.finding.reason
        if mode.latched and not before.latched:
            self.stopped[str(reason)] += 1
        elif mode is Mode.HOLD and before.moving:
            if reason not in _EXPECTED and not told:
                self.held[str(reason)] += 1
            self.ran_out += reason is Reason.CHUNK_ENDED
        if mode is Mode.SCALED and not self._slow:
            self._slow = True
            self.slowed += 1

    def by_reason(self) -> dict[str, int]:
        """Every kind with its reason, in words that stay the same."""
        kinds = {
            'rejected': self.rejected,
            'cut': self.cut,
            'held': self.held,
            'stopped': self.stopped,
        }
        told = {
            f'{kind} {reason}': count
            for kind, counted in kinds.items()
            for reason, count in sorted(counted.items())
        }
        more = {'clipped': self.clipped, 'slowed': self.slowed}
        return told | {kind: count for kind, count in more.items() if count}
