# SPDX-License-Identifier: Apache-2.0
"""One task, from its acceptance to its end, and what can end it. Knows no topics and no actions."""

import math
from dataclasses import dataclass
from enum import IntEnum

from vla_contract.errors import VlaError

POLICY_SOURCE = 'policy'
"""How the policy node signs progress: the claim of the one who does the work."""

_NS = 1_000_000_000


class Outcome(IntEnum):
    """How a task ended, numbered as in Execute.action."""

    SUCCEEDED = 0
    TIMEOUT = 1
    CANCELED = 2
    PREEMPTED = 3
    SAFETY_STOP = 4
    REJECTED = 5
    POLICY_LOST = 6


@dataclass(frozen=True)
class Ending:
    """How a task ended, and why in words."""

    outcome: Outcome
    message: str


@dataclass(frozen=True)
class Judgement:
    """What a judge of success said.

    Attributes:
        stamp_ns: Time of the state that was judged.
        task_id: Empty where the judge does not know it.
        instruction: What was judged.
        progress: 0 to 1.
        success: It is done.
        source: Who judges.
        refusal: Why it cannot be done, empty while it may be.
    """

    stamp_ns: int
    task_id: str
    instruction: str
    progress: float
    success: bool
    source: str
    refusal: str = ''


@dataclass(frozen=True)
class SafetyReport:
    """What the safety node said last.

    Attributes:
        name: Of its state.
        latched: Only a person leads out of that state.
        reason: Code of the last decision.
        text: The same in words.
        speed_scale: 0 to 1.
        accepted: Chunks it has executed since arming.
    """

    name: str
    latched: bool
    reason: str
    text: str
    speed_scale: float
    accepted: int

    def ending(self) -> Ending | None:
        """The end of any task, where the arm cannot move before a person has seen to it."""
        if not self.latched:
            return None
        why = f': {self.reason} {self.text}'.rstrip(': ')
        return Ending(Outcome.SAFETY_STOP, f'the safety node is in {self.name}{why}')


@dataclass(frozen=True)
class Companion:
    """A node that a task cannot do without.

    Attributes:
        name: For people.
        outcome: How the task ends without it.
        timeout_s: Silence that counts [s].
    """

    name: str
    outcome: Outcome
    timeout_s: float


def check_request(instruction: str, timeout_s: float) -> None:
    """Refuse what no task can be made of."""
    if not instruction.strip():
        raise VlaError('an empty instruction is no task; it only ends the one before')
    if not (math.isfinite(timeout_s) and timeout_s >= 0):
        raise VlaError(f'timeout is {timeout_s:g} s; expected 0 (no limit) or more')


class TaskRun:
    """What is known of the task in hand.

    Args:
        task_id: Unique.
        instruction: As given.
        timeout_s: Time allowed, 0 for no limit [s].
        source: topic, service or action.
        now_ns: When it was accepted, by the clock of judgements [ns].
        steady_ns: The same by the steady clock [ns].
        safety: The last report before it, None where none has come.
    """

    def __init__(
        self,
        task_id: str,
        instruction: str,
        timeout_s: float,
        source: str,
        now_ns: int,
        steady_ns: int,
        safety: SafetyReport | None,
    ) -> None:
        """Begin."""
        self.task_id = task_id
        self.instruction = instruction
        self.timeout_s = timeout_s
        self.source = source
        self.accepted_ns = now_ns
        self.progress = math.nan
        self.chunks = 0
        self._begun_steady_ns = steady_ns
        self._counted = None if safety is None else safety.accepted

    def elapsed_s(self, now_ns: int) -> float:
        """Time since it was accepted [s]; 0 where the clock was set back."""
        return max(0.0, (now_ns - self.accepted_ns) / _NS)

    def judged(self, said: Judgement) -> Ending | None:
        """A judge spoke; the end if it is about this task, and it is done or cannot be."""
        if said.task_id and said.task_id != self.task_id:
            return None
        if not said.task_id and (
            said.stamp_ns < self.accepted_ns or _words(said.instruction) != _words(self.instruction)
        ):
            return None
        judge = said.source or 'somebody'
        if said.refusal:
            return Ending(Outcome.REJECTED, f'{judge} refuses: {said.refusal}')
        self.progress = said.progress
        if not said.success:
            return None
        return Ending(Outcome.SUCCEEDED, f'{judge} judges that it is done')

    def heard_safety(self, report: SafetyReport) -> Ending | None:
        """The safety node spoke; the end if it has stopped the arm for good."""
        if self._counted is not None:
            armed_again = report.accepted < self._counted
            self.chunks += report.accepted - (0 if armed_again else self._counted)
        self._counted = report.accepted
        return report.ending()

    def timed(self, now_ns: int) -> Ending | None:
        """Time went by; the end if it was too much."""
        if self.timeout_s and self.elapsed_s(now_ns) > self.timeout_s:
            return Ending(Outcome.TIMEOUT, f'not done within {self.timeout_s:g} s')
        return None

    def missed(self, companion: Companion, heard_ns: int, steady_ns: int) -> Ending | None:
        """A companion was last heard at a time; the end if it has been silent for too long.

        One that is still starting when the task begins gets the same time to be heard.
        """
        silent_s = (steady_ns - max(heard_ns, self._begun_steady_ns)) / _NS
        if silent_s <= companion.timeout_s:
            return None
        return Ending(
            companion.outcome,
            f'{companion.name} has been silent for {silent_s:.1f} s, '
            f'longer than {companion.timeout_s:g} s',
        )


def _words(instruction: str) -> list[str]:
    return instruction.casefold().split()
