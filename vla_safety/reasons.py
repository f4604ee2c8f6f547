# SPDX-License-Identifier: Apache-2.0
"""Why the filter decided as it did: a code for programs, a sentence with values for people."""

from dataclasses import dataclass
from enum import StrEnum

from vla_contract.errors import VlaError


class Reason(StrEnum):
    """Code of a decision."""

    OK = 'OK'
    SCALED = 'SCALED'
    CLIPPED = 'CLIPPED'
    TRUNCATED = 'TRUNCATED'
    NOT_ARMED = 'NOT_ARMED'
    MALFORMED = 'MALFORMED'
    NOT_FINITE = 'NOT_FINITE'
    TOO_LARGE = 'TOO_LARGE'
    WRONG_COLUMNS = 'WRONG_COLUMNS'
    WRONG_UNITS = 'WRONG_UNITS'
    WRONG_FRAME = 'WRONG_FRAME'
    BAD_QUATERNION = 'BAD_QUATERNION'
    UNREACHABLE = 'UNREACHABLE'
    SINGULAR = 'SINGULAR'
    TIME_GRID = 'TIME_GRID'
    WRONG_TASK = 'WRONG_TASK'
    OLD_SESSION = 'OLD_SESSION'
    OUT_OF_ORDER = 'OUT_OF_ORDER'
    STALE_OBSERVATION = 'STALE_OBSERVATION'
    FUTURE_STAMP = 'FUTURE_STAMP'
    NOT_FRESH = 'NOT_FRESH'
    ELAPSED = 'ELAPSED'
    SEAM_JUMP = 'SEAM_JUMP'
    INFEASIBLE = 'INFEASIBLE'
    JOINT_RANGE = 'JOINT_RANGE'
    DYNAMICS = 'DYNAMICS'
    TOOL_SPEED = 'TOOL_SPEED'
    WORKSPACE = 'WORKSPACE'
    COLLISION = 'COLLISION'
    NO_SCENE = 'NO_SCENE'
    STALE_SCENE = 'STALE_SCENE'
    SCENE_BAD = 'SCENE_BAD'
    OTHER_ARM_SILENT = 'OTHER_ARM_SILENT'
    OTHER_ARM_ASTRAY = 'OTHER_ARM_ASTRAY'
    PERSON_NEAR = 'PERSON_NEAR'
    PERSON_UNKNOWN = 'PERSON_UNKNOWN'
    NO_JOINT_STATE = 'NO_JOINT_STATE'
    STALE_JOINT_STATE = 'STALE_JOINT_STATE'
    BAD_JOINT_STATE = 'BAD_JOINT_STATE'
    TRACKING = 'TRACKING'
    MOVING = 'MOVING'
    POLICY_SILENT = 'POLICY_SILENT'
    INSTRUCTION_SILENT = 'INSTRUCTION_SILENT'
    GUARD_SILENT = 'GUARD_SILENT'
    CHUNK_ENDED = 'CHUNK_ENDED'
    TASK_ENDED = 'TASK_ENDED'
    LATE = 'LATE'
    STALLED = 'STALLED'
    GUARD_STOPPED = 'GUARD_STOPPED'
    CLOCK_JUMP = 'CLOCK_JUMP'
    HOLD_ASKED = 'HOLD_ASKED'
    REJECT_STORM = 'REJECT_STORM'
    STOP_ASKED = 'STOP_ASKED'
    EMERGENCY_STOP = 'EMERGENCY_STOP'
    BUTTON_GONE = 'BUTTON_GONE'
    SECOND_PUBLISHER = 'SECOND_PUBLISHER'
    NO_CONTROLLER = 'NO_CONTROLLER'
    DEACTIVATED = 'DEACTIVATED'
    LOCKED = 'LOCKED'


@dataclass(frozen=True)
class Finding:
    """What a check found wrong.

    Attributes:
        reason: Code.
        text: What, with the values and bounds.
        safe_until_ns: The motion is in order up to here; None: nowhere.
    """

    reason: Reason
    text: str
    safe_until_ns: int | None = None


class RefusedError(VlaError):
    """A chunk or a request is refused; what is in execution goes on."""

    def __init__(self, reason: Reason, text: str) -> None:
        """Keep code and text apart for the status message."""
        self.reason = reason
        self.text = text
        super().__init__(f'{reason}: {text}')
