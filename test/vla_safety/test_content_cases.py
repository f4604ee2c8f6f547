# SPDX-License-Identifier: Apache-2.0
"""What a chunk may claim to be and is not: names, numbers, times, units, sessions."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vla_contract.action import POSE_COLUMNS, ActionChunk, ActionSpace
from vla_safety.canonical import canonical
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

FAR = (Reason.SEAM_JUMP, Reason.JOINT_RANGE)
"""Nowhere near the arm, and perhaps where it can never be."""


def verdict(armed: 'Rig', **changes: object) -> Reason:
    """What becomes of a good chunk with these changes."""
    armed.run(0.1)
    chunk = replace(armed.chunk(armed.sway()), **changes)  # type: ignore[arg-type]
    try:
        armed.filter.on_chunk(chunk, armed.instant)
    except RefusedError as refused:
        return refused.reason
    return Reason.OK


def test_denormals_and_negative_zero_move_nothing(armed: 'Rig') -> None:
    """Increments of the least number there is, and of minus nothing: taken, and without effect."""
    steps = np.full((20, 6), 5e-324)
    steps[::2] = -0.0
    start = armed.q.copy()
    assert verdict(armed, values=steps, space=ActionSpace.JOINT_DELTA) is Reason.OK
    armed.run(1.0)
    np.testing.assert_array_equal(armed.q, start)


@pytest.mark.parametrize('width', [1, 5, 7])
def test_rows_of_another_width_are_refused(armed: 'Rig', width: int) -> None:
    """One joint too few, or too many, is another arm."""
    values = np.resize(armed.sway(), (20, width))
    assert verdict(armed, values=values) is Reason.MALFORMED


@pytest.mark.parametrize('width', [1, 5])
def test_another_arm_that_is_consistent_is_refused_by_its_names(armed: 'Rig', width: int) -> None:
    """As many names and units as values: fewer joints than there are, all of them known."""
    names, units = armed.robot.joint_names[:width], ('rad',) * width
    values = armed.sway()[:, :width]
    assert verdict(armed, values=values, columns=names, units=units) is Reason.WRONG_COLUMNS
    more: dict[str, object] = {
        'values': np.resize(armed.sway(), (20, 6 + width)),
        'columns': (*armed.robot.joint_names, *(f'joint_{k}' for k in range(width))),
        'units': ('rad',) * (6 + width),
    }
    assert verdict(armed, **more) is Reason.WRONG_COLUMNS


@pytest.mark.parametrize('shape', [(120,), (20, 6, 1), ()])
def test_values_that_are_no_rows_are_refused(armed: 'Rig', shape: tuple[int, ...]) -> None:
    """One row after the other, without an end of each, cannot be told apart."""
    assert verdict(armed, values=np.zeros(shape)) is Reason.MALFORMED


def test_a_chunk_has_one_step_and_no_list_of_times() -> None:
    """Times out of order, twice the same, or missing, cannot be said."""
    timed = {field.name for field in fields(ActionChunk) if field.name.endswith(('_ns', '_s'))}
    assert timed == {'observation_stamp_ns', 'start_ns', 'step_s'}
    assert ActionChunk.__annotations__['step_s'] in (float, 'float')


@pytest.mark.parametrize('step_s', [0.002, 0.0333333333, 1 / 3, 1.0])
def test_rows_come_one_after_the_other_at_any_step_that_is_taken(
    armed: 'Rig', step_s: float
) -> None:
    """Strictly later each, however the step is rounded."""
    armed.run(0.1)
    chunk = armed.chunk(np.tile(armed.q, (9, 1)), step_s=step_s)
    assert armed.filter.plan is not None
    executing = armed.filter.plan.executing
    asked = canonical(chunk, executing, armed.filter.limits, 0.01, armed.filter.ik)
    assert (np.diff(asked.rows.times_ns) > 0).all()


@pytest.mark.parametrize('step_s', [-1.0, -0.05, -0.0, 1e-10])
def test_time_that_stands_or_goes_back_from_row_to_row_is_refused(
    armed: 'Rig', step_s: float
) -> None:
    """Nearest to an unsorted list of times, and to one that repeats a time."""
    assert verdict(armed, step_s=step_s) is Reason.TIME_GRID


@pytest.mark.parametrize('start_ns', [0, -1, -(2**63), 2**62, 2**63 - 1, 2**80])
def test_a_start_that_no_clock_shows_is_refused(armed: 'Rig', start_ns: int) -> None:
    """Before the beginning of time, and where adding a duration would overflow."""
    assert verdict(armed, start_ns=start_ns) is Reason.TIME_GRID


@pytest.mark.parametrize('stamp_ns', [0, -(2**63), 2**63 - 1, 2**80])
def test_an_observation_that_no_clock_shows_is_refused(armed: 'Rig', stamp_ns: int) -> None:
    """Its age is computed without overflow."""
    found = verdict(armed, observation_stamp_ns=stamp_ns)
    assert found is (Reason.FUTURE_STAMP if stamp_ns > armed.now_ns else Reason.STALE_OBSERVATION)


def test_a_chunk_that_goes_on_for_ever_is_refused(armed: 'Rig') -> None:
    """Rows and step are in bounds, their product is not."""
    assert verdict(armed, values=np.tile(armed.q, (40, 1)), step_s=0.9) is Reason.TIME_GRID


@pytest.mark.parametrize('wrong', ['elbow_joint', 'left_shoulder_pan_joint', 'arm/elbow', ''])
def test_a_joint_of_another_name_is_refused(armed: 'Rig', wrong: str) -> None:
    """One that is named twice, one of another arm, one with a prefix, one without a name."""
    columns = (wrong, *armed.robot.joint_names[1:])
    assert verdict(armed, columns=columns) is Reason.WRONG_COLUMNS


def test_the_gripper_is_the_last_column_or_none(armed: 'Rig') -> None:
    """Named in the place of a joint, it does not become one."""
    columns = ('gripper', *armed.robot.joint_names[:5])
    assert verdict(armed, columns=columns) is Reason.WRONG_COLUMNS


def test_degrees_that_call_themselves_radians_are_refused(armed: 'Rig') -> None:
    """The unit lies, the distance from the arm does not."""
    assert verdict(armed, values=np.degrees(armed.sway())) in FAR


def test_increments_that_call_themselves_positions_are_refused(armed: 'Rig') -> None:
    """An arm at home is far from zero."""
    steps = np.full((20, 6), 0.005)
    assert verdict(armed, values=steps) in FAR


def test_positions_that_call_themselves_increments_are_refused(armed: 'Rig') -> None:
    """Added up, they are nowhere near."""
    assert verdict(armed, space=ActionSpace.JOINT_DELTA) in FAR


@pytest.mark.parametrize('turns', [-1, 1])
@pytest.mark.parametrize('first', [0, 10])
def test_a_joint_that_is_a_turn_away_is_not_unwound(armed: 'Rig', first: int, turns: int) -> None:
    """Two positions that look the same are a whole turn of the wrist apart."""
    armed.run(0.1)
    rows, start = armed.sway(0.02), armed.q.copy()
    rows[first:, 5] += 2 * np.pi * turns
    try:
        armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    except RefusedError as refused:
        assert refused.reason in (*FAR, Reason.INFEASIBLE)  # noqa: PT017
    armed.run(1.5)
    assert armed.at_rest()
    assert np.abs(armed.q - start).max() < 0.1


def elbow_down(rows: np.ndarray) -> np.ndarray:
    """The same places of the tool, with the elbow on the other side."""
    upper_arm, forearm = 0.425, 0.3922
    _, lift, elbow, wrist, _, _ = rows.T
    angle = np.arctan2(forearm * np.sin(elbow), upper_arm + forearm * np.cos(elbow))
    flipped = rows.copy()
    flipped[:, 1], flipped[:, 2] = lift + 2 * angle, -elbow
    flipped[:, 3] = wrist + 2 * (elbow - angle)
    return flipped


@pytest.mark.parametrize(('first', 'reason'), [(1, Reason.SEAM_JUMP), (10, Reason.INFEASIBLE)])
def test_rows_that_flip_to_another_branch_are_not_swung_through(
    armed: 'Rig', first: int, reason: Reason
) -> None:
    """The tool stays where it is and the elbow is asked to be elsewhere from row to row."""
    armed.run(0.1)
    rows, start = armed.sway(0.02), armed.q.copy()
    flipped = elbow_down(rows)
    np.testing.assert_allclose(
        armed.kinematics.tool_positions(flipped), armed.kinematics.tool_positions(rows), atol=1e-9
    )
    rows[first:] = flipped[first:]
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    assert refused.value.reason is reason
    armed.run(1.0)
    np.testing.assert_array_equal(armed.q, start)


def test_a_sequence_that_goes_back_or_wraps_is_refused(armed: 'Rig') -> None:
    """The last number of all is followed by none; an earlier one is old."""
    assert verdict(armed, sequence=2**64 - 1) is Reason.OK
    for late in (2**64 - 2, 0, 1):
        assert verdict(armed, sequence=late) is Reason.OUT_OF_ORDER
    assert verdict(armed, session='restarted', sequence=1) is Reason.OK


def test_what_moved_the_arm_before_it_was_armed_again_moves_it_no_more(armed: 'Rig') -> None:
    """Word for word, or with its stamps set to now: its number is spent."""
    armed.run(0.1)
    chunk = armed.chunk(armed.sway())
    armed.filter.on_chunk(chunk, armed.instant)
    armed.run(0.2)
    armed.deliver(armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant))
    armed.run(0.5)
    armed.arm()
    armed.run(0.1)
    forged = replace(chunk, observation_stamp_ns=armed.now_ns, start_ns=armed.now_ns)
    for replayed in (chunk, forged):
        with pytest.raises(RefusedError) as refused:
            armed.filter.on_chunk(replayed, armed.instant)
        assert refused.value.reason in (Reason.OUT_OF_ORDER, Reason.NOT_FRESH)
    assert armed.filter.mode is Mode.ARMED
    armed.run(0.5)
    assert armed.at_rest()


def test_what_is_said_of_no_task_moves_nothing(armed: 'Rig') -> None:
    """The instruction was taken back; chunks for it are still on the wire."""
    armed.run(0.1)
    chunk = armed.chunk(armed.sway())
    armed.filter.set_task(None)
    for task_id in ('task', ''):
        with pytest.raises(RefusedError) as refused:
            armed.filter.on_chunk(replace(chunk, task_id=task_id), armed.instant)
        assert refused.value.reason is Reason.WRONG_TASK


def test_an_observation_is_refused_a_moment_after_it_is_too_old(armed: 'Rig') -> None:
    """At the very bound it is taken."""
    armed.run(1.5)
    bound_ns = round(armed.robot.timing.observation_max_age_s * NS)
    assert verdict(armed, observation_stamp_ns=armed.now_ns + 100_000_000 - bound_ns) is Reason.OK
    late = armed.now_ns + 100_000_000 - bound_ns - 1
    assert verdict(armed, observation_stamp_ns=late) is Reason.STALE_OBSERVATION


def spoiled(rig: 'Rig') -> list[ActionChunk]:
    """Chunks that must be refused, each for one thing that is wrong with it."""
    rows, names, now_ns = rig.sway(), rig.robot.joint_names, rig.now_ns
    poses: dict[str, object] = {
        'space': ActionSpace.POSE,
        'columns': POSE_COLUMNS,
        'units': ('m',) * 3 + ('1',) * 4,
        'values': np.tile([0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0], (20, 1)),
    }
    changes: list[tuple[str, object]] = [
        ('values', rows[:, :5]),
        ('values', rows.ravel()),
        ('values', np.empty((0, 6))),
        ('values', np.zeros((1_000_000, 6))),
        ('values', rows + 1.0),
        ('columns', tuple(reversed(names))),
        ('columns', (names[1], *names[1:])),
        ('columns', tuple(f'left_{name}' for name in names)),
        ('units', ('deg',) * 6),
        ('observation_stamp_ns', now_ns - 5 * NS),
        ('observation_stamp_ns', now_ns + 5 * NS),
        ('task_id', 'yesterday'),
        ('sequence', 1),
        ('session', ''),
    ]
    changes += [('values', np.where(np.arange(6) == 3, x, rows)) for x in (np.nan, np.inf, 1e300)]
    changes += [('step_s', step_s) for step_s in (-0.05, 0.0, 1e-9, 3600.0, np.nan)]
    changes += [('start_ns', start_ns) for start_ns in (-1, 2**80, now_ns + 60 * NS)]
    whole = [poses, poses | {'frame': 'world'}, *({name: value} for name, value in changes)]
    return [replace(rig.chunk(rows), **change) for change in whole]  # type: ignore[arg-type]


def test_what_is_refused_leaves_the_motion_in_execution_to_the_last_bit(
    armed: 'Rig', make_rig: type['Rig']
) -> None:
    """Whatever is wrong, and whenever it comes: the arm goes on as if nothing had."""
    undisturbed = make_rig().arm()
    for rig in (armed, undisturbed):
        rig.run(0.1)
        rig.filter.on_chunk(rig.chunk(rig.sway(0.3, 40)), rig.instant)
    refused = 0
    for index in range(28):
        for rig in (armed, undisturbed):
            rig.run(0.06)
        chunks = spoiled(armed)
        with pytest.raises(RefusedError):
            armed.filter.on_chunk(chunks[index % len(chunks)], armed.instant)
        refused += 1
    for rig in (armed, undisturbed):
        rig.run(1.0)
    assert refused >= len(chunks)
    assert armed.filter.rejected == refused
    assert armed.speeds().max() > 0.1
    np.testing.assert_array_equal(np.array(armed.commands), np.array(undisturbed.commands))
