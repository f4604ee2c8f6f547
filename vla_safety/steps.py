# SPDX-License-Identifier: Apache-2.0
"""The table of an explanation: the steps of the pipeline, what each saw, and what it decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from vla_safety.reasons import Finding, Reason, RefusedError

TITLES = {
    1: 'mode and size',
    2: 'content',
    3: 'provenance',
    4: 'state and surroundings',
    5: 'time grid',
    6: 'one form for all spaces',
    7: 'seam',
    8: 'position limits',
    9: 'pace',
    10: 'workspace and singularities',
    11: 'collisions, swept',
    12: 'braking tail',
    13: 'gripper',
    14: 'what is sent',
}
"""In the order in which they are listed everywhere."""

_STEP_OF = {
    Reason.JOINT_RANGE: 8,
    Reason.UNREACHABLE: 6,
    Reason.SINGULAR: 10,
    Reason.SEAM_JUMP: 7,
    Reason.ELAPSED: 5,
    Reason.INFEASIBLE: 9,
    Reason.DYNAMICS: 9,
    Reason.TOOL_SPEED: 9,
    Reason.WORKSPACE: 10,
    Reason.COLLISION: 11,
}
"""Whose a reason is, where one call makes several steps."""


class Verdict(StrEnum):
    """What a step decided."""

    PASSED = 'passed'
    CHANGED = 'changed'
    REFUSED = 'refused'
    NOT_REACHED = 'not reached'


@dataclass(frozen=True)
class Look:
    """One value that a step looked at.

    Attributes:
        what: Name.
        value: With its unit.
        bound: What is allowed.
    """

    what: str
    value: str
    bound: str = ''


@dataclass
class Step:
    """One step of the pipeline.

    Attributes:
        number: From 1.
        looks: What it looked at.
        verdict: What it decided.
        text: Why, where it did not just pass.
    """

    number: int
    looks: list[Look] = field(default_factory=list)
    verdict: Verdict = Verdict.NOT_REACHED
    text: str = ''

    @property
    def title(self) -> str:
        """What it is about."""
        return TITLES[self.number]


class Steps:
    """All steps, filled in while a chunk goes through them."""

    def __init__(self) -> None:
        """None is reached yet."""
        self._steps = {number: Step(number) for number in TITLES}

    @property
    def all(self) -> tuple[Step, ...]:
        """In order."""
        return tuple(self._steps.values())

    def saw(self, number: int, *looks: Look) -> None:
        """A step looked at something."""
        self._steps[number].looks.extend(looks)

    def passed(self, number: int) -> None:
        """A step found nothing wrong."""
        if self._steps[number].verdict is Verdict.NOT_REACHED:
            self._steps[number].verdict = Verdict.PASSED

    def changed(self, number: int, text: str) -> None:
        """A step let the chunk go on as something else."""
        self._steps[number].verdict, self._steps[number].text = Verdict.CHANGED, text

    def refused(self, number: int, finding: Finding) -> None:
        """A step refused the chunk."""
        step = self._steps[number]
        step.verdict, step.text = Verdict.REFUSED, f'{finding.reason}: {finding.text}'

    @contextmanager
    def at(self, *numbers: int) -> Iterator[None]:
        """What is called meanwhile makes these steps: they pass, or the one it is refused by."""
        try:
            yield
        except RefusedError as refusal:
            number = _STEP_OF.get(refusal.reason, numbers[0])
            self.refused(number, Finding(refusal.reason, refusal.text))
            raise
        for number in numbers:
            self.passed(number)

    def judged(self, finding: Finding, braking_ns: int) -> None:
        """A check of the motion refused what was proposed: rows, or the stop after them.

        Rows are within range by then: only the stop can leave it.
        """
        late = finding.safe_until_ns is not None and finding.safe_until_ns >= braking_ns
        tail = late or finding.reason is Reason.JOINT_RANGE
        self.refused(12 if tail else _STEP_OF.get(finding.reason, 12), finding)
