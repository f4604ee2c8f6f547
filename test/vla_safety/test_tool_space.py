# SPDX-License-Identifier: Apache-2.0
"""Chunks that speak of the tool: where they lead it, and where they do not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pinocchio as pin
import pytest
from numpy.typing import NDArray

from vla_contract.action import POSE_COLUMNS, POSE_DELTA_COLUMNS, ActionChunk, ActionSpace
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
ROWS = 20


def poses(rig: 'Rig', path: Sequence[pin.SE3], **changes: object) -> ActionChunk:
    """A chunk of tool poses."""
    values = np.array(
        [[*pose.translation, *pin.Quaternion(pose.rotation).coeffs()] for pose in path]
    )
    chunk = replace(
        rig.chunk(values),
        space=ActionSpace.POSE,
        columns=POSE_COLUMNS,
        units=('m',) * 3 + ('1',) * 4,
    )
    return replace(chunk, **changes)  # type: ignore[arg-type]


def deltas(rig: 'Rig', rows: Array) -> ActionChunk:
    """A chunk of tool increments."""
    return replace(
        rig.chunk(rows),
        space=ActionSpace.POSE_DELTA,
        columns=POSE_DELTA_COLUMNS,
        units=('m',) * 3 + ('rad',) * 3,
    )


def line(rig: 'Rig', move: Sequence[float], turn: Sequence[float] = (0, 0, 0)) -> list[pin.SE3]:
    """Poses from where the tool is, starting and ending slowly."""
    start = rig.kinematics.tool_pose(rig.q)
    path = []
    for share in np.linspace(0, 1, ROWS):
        eased = share**3 * (10 - 15 * share + 6 * share**2)
        rotation = pin.exp3(eased * np.array(turn, dtype=np.float64)) @ start.rotation
        path.append(pin.SE3(rotation, start.translation + eased * np.array(move)))
    return path


def refusal(rig: 'Rig', chunk: ActionChunk) -> RefusedError:
    """Why the chunk is refused."""
    with pytest.raises(RefusedError) as caught:
        rig.filter.on_chunk(chunk, rig.instant)
    return caught.value


def test_the_tool_goes_where_the_poses_lead(armed: 'Rig') -> None:
    """Ten centimetres up and a turn, met to a tenth of a millimetre."""
    armed.run(0.1)
    path = line(armed, (0.0, 0.05, 0.1), (0.0, 0.0, 0.3))
    armed.filter.on_chunk(poses(armed, path), armed.instant)
    armed.run(2.5)
    reached = armed.kinematics.tool_pose(armed.q)
    np.testing.assert_allclose(reached.translation, path[-1].translation, atol=1e-4)
    assert np.linalg.norm(pin.log3(reached.rotation.T @ path[-1].rotation)) < 1e-3


def test_a_quaternion_and_its_negative_are_the_same_turn(armed: 'Rig') -> None:
    """Policies flip signs between rows; the arm does not notice."""
    armed.run(0.1)
    chunk = poses(armed, line(armed, (0, 0, 0.05)))
    flipped = chunk.values.copy()
    flipped[1::2, 3:] *= -1
    same = replace(chunk, values=flipped, sequence=chunk.sequence + 1)
    first = armed.filter.on_chunk(chunk, armed.instant).rows.q
    np.testing.assert_allclose(armed.filter.on_chunk(same, armed.instant).rows.q, first, atol=1e-9)


@pytest.mark.parametrize('factor', [0.0, 0.5, 2.0])
def test_a_quaternion_that_is_no_rotation_is_refused(armed: 'Rig', factor: float) -> None:
    """Zero among them."""
    armed.run(0.1)
    chunk = poses(armed, line(armed, (0, 0, 0.05)))
    values = chunk.values.copy()
    values[3, 3:] *= factor
    assert refusal(armed, replace(chunk, values=values)).reason is Reason.BAD_QUATERNION


@pytest.mark.parametrize('frame', ['', 'world', 'gripper_tcp'])
def test_poses_in_another_frame_are_refused(armed: 'Rig', frame: str) -> None:
    """Both names are said."""
    armed.run(0.1)
    found = refusal(armed, poses(armed, line(armed, (0, 0, 0.05)), frame=frame))
    assert found.reason is Reason.WRONG_FRAME
    assert "'base_link'" in found.text


def test_increments_move_in_base_axes_and_turn_about_the_tool(armed: 'Rig') -> None:
    """A turn alone leaves the tool's point where it is."""
    armed.run(0.1)
    start = armed.kinematics.tool_pose(armed.q)
    ramp = np.sin(np.linspace(0, np.pi, ROWS)) ** 2
    rows = np.outer(ramp / ramp.sum(), [0, 0, 0.06, 0, 0, 0.2])
    armed.filter.on_chunk(deltas(armed, rows), armed.instant)
    armed.run(2.5)
    reached = armed.kinematics.tool_pose(armed.q)
    np.testing.assert_allclose(reached.translation - start.translation, [0, 0, 0.06], atol=1e-3)
    np.testing.assert_allclose(
        pin.log3(reached.rotation @ start.rotation.T), [0, 0, 0.2], atol=5e-3
    )


def test_what_is_out_of_reach_is_cut_off(armed: 'Rig') -> None:
    """The arm follows as far as it can, at rest in the end, and says which row it was."""
    armed.run(0.1)
    out = [pin.SE3(p.rotation, p.translation) for p in line(armed, (1.2, 0, 0))]
    asked = armed.filter.on_chunk(poses(armed, out), armed.instant)
    assert len(asked.rows.q) < ROWS
    assert asked.cut.startswith(f'row {len(asked.rows.q)}: ')
    assert armed.filter.finding.reason is Reason.TRUNCATED
    armed.run(3.0)
    assert armed.at_rest()


def test_a_first_pose_out_of_reach_is_refused(armed: 'Rig') -> None:
    """With what is left in millimetres and degrees."""
    armed.run(0.1)
    far = pin.SE3(np.eye(3), np.array([2.0, 0.0, 0.5]))
    found = refusal(armed, poses(armed, [far] * 3))
    assert found.reason is Reason.UNREACHABLE
    assert 'mm' in found.text


def test_near_a_singularity_the_pace_falls_and_then_rows_are_cut(armed: 'Rig') -> None:
    """Towards the stretched arm: slower than asked, and no joint ever too fast."""
    armed.run(0.1)
    asked = armed.filter.on_chunk(poses(armed, line(armed, (0.45, 0.0, 0.0))), armed.instant)
    assert asked.pace < 0.6
    assert asked.cut
    armed.run(4.0)
    assert armed.at_rest()
    assert armed.speeds().max() <= armed.filter.limits.velocity.max()


def test_the_solution_stays_on_its_branch(armed: 'Rig') -> None:
    """Neighbouring rows have neighbouring joints: no elbow or wrist flips over."""
    armed.run(0.1)
    asked = armed.filter.on_chunk(
        poses(armed, line(armed, (-0.1, 0.2, 0.05), (0.3, 0.2, -0.4))), armed.instant
    )
    assert np.abs(np.diff(asked.rows.q, axis=0)).max() < 0.15


def test_a_solution_on_another_branch_is_not_followed(armed: 'Rig') -> None:
    """Nor any solution that is far from the row before, though it is a good one by itself."""
    armed.run(0.1)
    start = armed.kinematics.tool_pose(armed.q)
    turns = [pin.exp3(np.array([0.0, 0.0, angle])) for angle in (0.0, 0.1, 0.2, 0.9, 1.0)]
    about_itself = [pin.SE3(start.rotation @ turn, start.translation) for turn in turns]
    chunk = poses(armed, about_itself, step_s=0.3)
    asked = armed.filter.on_chunk(chunk, armed.instant)
    assert len(asked.rows.q) == 3
    assert 'would turn by 0.70' in asked.cut
