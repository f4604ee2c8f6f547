# SPDX-License-Identifier: Apache-2.0
"""Everything outside a chunk that the verdict on it depends on, as one value.

A filter that recalls a situation decides as the one that was in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vla_contract.action import ActionChunk
from vla_safety.avoidance import Seen
from vla_safety.measured import Instant, Readings
from vla_safety.mode import Mode
from vla_safety.plan import Plan, Pursuit
from vla_safety.provenance import Accepted
from vla_safety.reasons import Finding, Reason
from vla_safety.tool_speed import People

if TYPE_CHECKING:
    from vla_safety.filter import MotionFilter


@dataclass(frozen=True)
class Situation:
    """What a filter knows at a moment.

    Attributes:
        now: The moment.
        mode: Of the filter.
        task_id: The current task; None where there is none.
        pursuit: The motion in execution, and what is to follow it; None before arming.
        accepted: Earlier chunks.
        readings: Joints and gripper as measured.
        heard_ns: When each companion was last heard, by the steady clock.
        people: What is known about them.
        seen: The surroundings; None where nothing looks for collisions.
        nearness: Pace that the distance to things allows.
    """

    now: Instant
    mode: Mode
    task_id: str | None
    pursuit: Pursuit | None
    accepted: Accepted
    readings: Readings
    heard_ns: Mapping[str, int]
    people: People
    seen: Seen | None
    nearness: float


class Stage(StrEnum):
    """When a chunk, or what was left of it, was refused."""

    CHUNK = 'chunk'
    """When it came: all of it, or rows beyond what the arm can do."""
    EXTENSION = 'extension'
    """In execution: the next part of it did not pass a check of the motion."""
    UNDERWAY = 'underway'
    """In execution: something came into the way of what had been checked."""
    GRIPPER = 'gripper'
    """In execution: the gripper would hit something on its way to what the rows ask."""


CUT_BY = (
    Reason.COLLISION,
    Reason.WORKSPACE,
    Reason.TOOL_SPEED,
    Reason.JOINT_RANGE,
    Reason.DYNAMICS,
)
"""Reasons of checks that cut off the rest of a chunk in execution."""


@dataclass(frozen=True)
class Rejection:
    """A chunk that was refused, whole or in part.

    Attributes:
        chunk: What was asked for.
        stage: When it was refused.
        met: What the chunk met when it came.
        cut: What its rest met when it was cut off; None where that was when it came.
        finding: Why.
        opening: What the gripper was to be told, where that is why.
    """

    chunk: ActionChunk
    stage: Stage
    met: Situation
    cut: Situation | None
    finding: Finding
    opening: float | None = None


def situation_of(motion_filter: 'MotionFilter', now: Instant) -> Situation:
    """The situation that a filter is in. It changes nothing, and costs little."""
    plan, avoidance = motion_filter.plan, motion_filter.avoidance
    return Situation(
        now=now,
        mode=motion_filter.mode,
        task_id=motion_filter.task_id,
        pursuit=None if plan is None else plan.pursuit,
        accepted=motion_filter.provenance.accepted,
        readings=motion_filter.measured.readings,
        heard_ns=dict(motion_filter.oversight.watch.heard_ns),
        people=motion_filter.tool_speed.people,
        seen=None if avoidance is None else avoidance.seen,
        nearness=motion_filter.pacing.nearness,
    )


def recall(motion_filter: 'MotionFilter', situation: Situation) -> None:
    """Put a filter of the same robot into a situation."""
    motion_filter.mode, motion_filter.task_id = situation.mode, situation.task_id
    motion_filter.provenance.accepted = situation.accepted
    motion_filter.measured.recall(situation.readings)
    motion_filter.oversight.watch.heard_ns = dict(situation.heard_ns)
    motion_filter.tool_speed.recall(situation.people)
    motion_filter.pacing.nearness = situation.nearness
    if motion_filter.avoidance is not None and situation.seen is not None:
        motion_filter.avoidance.recall(situation.seen)
    if situation.pursuit is None:
        motion_filter.plan = None
    else:
        limits, timing = motion_filter.limits, motion_filter.robot.timing
        motion_filter.plan = Plan.resumed(situation.pursuit, limits, motion_filter.checks, timing)
