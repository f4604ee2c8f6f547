# SPDX-License-Identifier: Apache-2.0
"""Whether two verdicts on one posture fit together, and what it means if they do not. No ROS."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from vla_safety.collision.checker import Clearance

NAMED = 3
"""Contacts that are named; of all others there is only the number."""
CLOSE_M = 0.002
"""Things nearer to touching than this may be judged either way [m]."""


class Outcome(IntEnum):
    """From harmless to harmful."""

    AGREED = 0
    UNANSWERED = 1
    ONLY_OURS = 2
    ONLY_THEIRS = 3


@dataclass(frozen=True)
class Audit:
    """One posture, judged twice.

    Attributes:
        outcome: Whether the verdicts fit.
        text: What was found, and what to look at.
    """

    outcome: Outcome
    text: str


def compare(clearance: Clearance | None, valid: bool, contacts: Sequence[tuple[str, str]]) -> Audit:
    """Compare our nearest pair with what move_group said of the same posture.

    Args:
        clearance: Ours; None where nothing can ever meet.
        valid: Whether move_group found the posture free.
        contacts: What touches what, by move_group.
    """
    touching = _named(contacts)
    if clearance is None:
        near, text = True, 'nothing can meet'
    else:
        first, second = clearance.contact.first, clearance.contact.second
        near = clearance.distance_m > 0
        text = f'{first} and {second} are {clearance.distance_m * 1000:.1f} mm apart'
        if abs(clearance.distance_m) < CLOSE_M:
            return Audit(Outcome.AGREED, f'too close to tell: {text}')
    if near == valid:
        return Audit(Outcome.AGREED, text)
    if near:
        return Audit(
            Outcome.ONLY_THEIRS,
            f'move_group says that {touching} touch, where by our checker {text}: it knows '
            'something that the scene of the safety node lacks',
        )
    return Audit(
        Outcome.ONLY_OURS,
        f'by our checker {text}, where move_group finds the posture free: its scene lacks '
        'something, or its SRDF allows more',
    )


def _named(contacts: Sequence[tuple[str, str]]) -> str:
    named = ', '.join(f'{first} and {second}' for first, second in contacts[:NAMED])
    more = f' (and {len(contacts) - NAMED} more pairs)' if len(contacts) > NAMED else ''
    return named + more if named else 'something'
