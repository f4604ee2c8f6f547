# SPDX-License-Identifier: Apache-2.0
"""In which order a chunk is looked at: what is cheap and sure comes first."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vla_contract.action import ActionChunk
from vla_safety.avoidance import Avoidance
from vla_safety.checks import JointCheck, ToolSpeedCheck, WorkspaceCheck
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

FAULTS = (
    Reason.MALFORMED,
    Reason.WRONG_COLUMNS,
    Reason.NOT_FINITE,
    Reason.TOO_LARGE,
    Reason.TIME_GRID,
    Reason.WRONG_TASK,
    Reason.STALE_OBSERVATION,
    Reason.JOINT_RANGE,
    Reason.SEAM_JUMP,
)
"""Of one chunk, in the order in which they are looked for."""


def with_faults(rig: 'Rig', faults: tuple[Reason, ...]) -> ActionChunk:
    """A chunk with all of these."""
    rows = rig.sway()
    rows[:, 0] += 1.0 if Reason.SEAM_JUMP in faults else 0.0
    rows[0, 2] = 9.0 if Reason.JOINT_RANGE in faults else rows[0, 2]
    rows[9, 1] = np.nan if Reason.NOT_FINITE in faults else rows[9, 1]
    chunk = rig.chunk(rows, opening=40.0 if Reason.TOO_LARGE in faults else 1.0)
    changes: dict[Reason, dict[str, object]] = {
        Reason.MALFORMED: {'units': ('rad',)},
        Reason.WRONG_COLUMNS: {'columns': (*reversed(rig.robot.joint_names), 'gripper')},
        Reason.TIME_GRID: {'step_s': 3600.0},
        Reason.WRONG_TASK: {'task_id': 'yesterday'},
        Reason.STALE_OBSERVATION: {'observation_stamp_ns': rig.now_ns - 5 * NS},
    }
    for fault in faults:
        chunk = replace(chunk, **changes.get(fault, {}))  # type: ignore[arg-type]
    return chunk


def told(rig: 'Rig', faults: tuple[Reason, ...]) -> Reason:
    """Which of its faults a chunk is refused for; OK where it is not."""
    try:
        rig.filter.on_chunk(with_faults(rig, faults), rig.instant)
    except RefusedError as refusal:
        return refusal.reason
    return Reason.OK


def test_each_fault_is_told_before_those_that_cost_more_to_see(rig: 'Rig') -> None:
    """A chunk with every fault is refused for the first; with that mended, for the next."""
    assert told(rig, FAULTS) is Reason.NOT_ARMED
    rig.arm().run(0.1)
    rig.alive.discard('policy_node')
    rig.run(0.3)
    own = FAULTS.index(Reason.JOINT_RANGE)
    for index in range(own):
        assert told(rig, FAULTS[index:]) is FAULTS[index]
    assert told(rig, FAULTS[own:]) is Reason.POLICY_SILENT
    rig.alive.add('policy_node')
    rig.run(0.1)
    for index in range(own, len(FAULTS)):
        assert told(rig, FAULTS[index:]) is FAULTS[index]
    assert told(rig, ()) is Reason.OK


def test_a_motion_is_checked_for_rates_then_places_then_collisions(rig: 'Rig') -> None:
    """What is in closed form, what is sampled, and what asks for distances."""
    kinds = [type(check) for check in rig.filter.checks]
    assert kinds == [JointCheck, ToolSpeedCheck, WorkspaceCheck, Avoidance]
