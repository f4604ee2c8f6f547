# SPDX-License-Identifier: Apache-2.0
"""Action goals: what a trajectory goal asks for, and how goals end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from vla_sim.controllers.trajectory_message import TrajectoryMessage


@dataclass(frozen=True)
class TrajectoryGoal:
    """What an action goal asks for.

    Attributes:
        message: The trajectory.
        path_tolerance: By joint name [rad or m]; 0 for the default, -1 for none.
        goal_tolerance: The same, at the end.
        goal_time_s: Time after the end to get there; 0 for the default, -1 for ever [s].
    """

    message: TrajectoryMessage
    path_tolerance: Mapping[str, float] = field(default_factory=dict)
    goal_tolerance: Mapping[str, float] = field(default_factory=dict)
    goal_time_s: float = 0.0


class GoalStatus(StrEnum):
    """How far a goal is."""

    EXECUTING = 'executing'
    SUCCEEDED = 'succeeded'
    ABORTED = 'aborted'
    CANCELED = 'canceled'


class GoalCode(IntEnum):
    """``error_code`` of the action's result."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class GoalHandle:
    """An accepted goal. The controller changes it; others read it."""

    def __init__(self) -> None:
        """Begin to execute."""
        self.status = GoalStatus.EXECUTING
        self.code = GoalCode.SUCCESSFUL
        self.text = ''

    def finish(self, status: GoalStatus, code: GoalCode, text: str) -> None:
        """End with a result."""
        self.status, self.code, self.text = status, code, text
