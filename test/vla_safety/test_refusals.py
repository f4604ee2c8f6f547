# SPDX-License-Identifier: Apache-2.0
"""Chunks that are refused, each with the reason a person needs."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig


def reason_of(armed: 'Rig', **changes: object) -> Reason:
    """Why a chunk with these changes is refused; OK where it is not."""
    armed.run(0.1)
    chunk = replace(armed.chunk(armed.sway()), **changes)  # type: ignore[arg-type]
    try:
        armed.filter.on_chunk(chunk, armed.instant)
    except RefusedError as refused:
        return refused.reason
    return Reason.OK


def with_value(armed: 'Rig', value: float) -> np.ndarray:
    """Rows with one bad number in the middle."""
    rows = armed.sway()
    rows[7, 3] = value
    return rows


def test_a_good_chunk_is_taken(armed: 'Rig') -> None:
    """The other tests change one thing in this one."""
    assert reason_of(armed) is Reason.OK


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused(armed: 'Rig', value: float) -> None:
    """One NaN anywhere condemns the chunk."""
    assert reason_of(armed, values=with_value(armed, value)) is Reason.NOT_FINITE


def test_an_absurd_number_is_refused(armed: 'Rig') -> None:
    """Collision checkers call 1e300 free."""
    assert reason_of(armed, values=with_value(armed, 1e300)) is Reason.TOO_LARGE


def test_a_denormal_number_is_just_small(armed: 'Rig') -> None:
    """No trap in arithmetic near zero: it is judged as the position it is, far from the arm."""
    assert reason_of(armed, values=with_value(armed, 5e-324)) in (Reason.OK, Reason.INFEASIBLE)


def test_no_rows_are_refused(armed: 'Rig') -> None:
    """Zero points."""
    assert reason_of(armed, values=np.empty((0, 6))) is Reason.MALFORMED


def test_rows_without_columns_are_refused(armed: 'Rig') -> None:
    """Nothing in a row, nothing named, nothing to follow."""
    nothing: dict[str, object] = {'values': np.empty((20, 0)), 'columns': (), 'units': ()}
    assert reason_of(armed, **nothing) is Reason.MALFORMED


def test_one_row_is_a_place_to_go(armed: 'Rig') -> None:
    """One point is enough to say where."""
    armed.run(0.1)
    values = armed.q[None] + 0.02
    chunk = replace(armed.chunk(values), start_ns=armed.now_ns + NS // 2)
    armed.filter.on_chunk(chunk, armed.instant)
    armed.run(2.0)
    np.testing.assert_allclose(armed.q, values[0], atol=1e-6)


def test_too_many_rows_are_refused(armed: 'Rig') -> None:
    """A million points would take for ever to check."""
    assert reason_of(armed, values=np.zeros((1_000_000, 6))) is Reason.TOO_LARGE


def test_permuted_joints_are_refused(armed: 'Rig') -> None:
    """The same names in another order are another arm."""
    columns = tuple(reversed(armed.robot.joint_names))
    assert reason_of(armed, columns=columns) is Reason.WRONG_COLUMNS


def test_degrees_are_refused(armed: 'Rig') -> None:
    """The unit is written on every column."""
    assert reason_of(armed, units=('deg',) * 6) is Reason.WRONG_UNITS


@pytest.mark.parametrize('step_s', [1e-9, 3600.0, 0.0, -0.05, np.nan, np.inf])
def test_a_time_step_out_of_bounds_is_refused(armed: 'Rig', step_s: float) -> None:
    """From a nanosecond to an hour, and what is no time at all."""
    assert reason_of(armed, step_s=step_s) is Reason.TIME_GRID


def test_a_chunk_for_another_task_is_refused(armed: 'Rig') -> None:
    """The instruction changed while the policy thought."""
    assert reason_of(armed, task_id='yesterday') is Reason.WRONG_TASK


def test_a_chunk_sent_twice_is_refused(armed: 'Rig') -> None:
    """Replays do not move the arm."""
    assert reason_of(armed) is Reason.OK
    assert reason_of(armed, sequence=armed.sequence) is Reason.OUT_OF_ORDER


def test_a_chunk_of_an_ended_session_is_refused(armed: 'Rig') -> None:
    """The policy restarted; what its predecessor still had on the wire is void."""
    assert reason_of(armed, session='first') is Reason.OK
    assert reason_of(armed, session='second', sequence=1) is Reason.OK
    assert reason_of(armed, session='first') is Reason.OLD_SESSION


def test_an_old_observation_is_refused(armed: 'Rig') -> None:
    """The world may have changed since."""
    old = armed.now_ns - 2 * NS
    assert reason_of(armed, observation_stamp_ns=old) is Reason.STALE_OBSERVATION


def test_an_observation_from_the_future_is_refused(armed: 'Rig') -> None:
    """A clock is wrong somewhere."""
    ahead = armed.now_ns + 2 * NS
    assert reason_of(armed, observation_stamp_ns=ahead) is Reason.FUTURE_STAMP


def test_a_chunk_that_starts_far_ahead_is_refused(armed: 'Rig') -> None:
    """It would lie in wait."""
    assert reason_of(armed, start_ns=armed.now_ns + 60 * NS) is Reason.FUTURE_STAMP


def test_a_chunk_far_from_the_arm_is_refused(armed: 'Rig') -> None:
    """A jump that no seam bridges: radians mistaken, deltas taken for positions, another arm."""
    assert reason_of(armed, values=armed.sway() + 1.0) is Reason.SEAM_JUMP


def test_a_gripper_in_millimetres_is_refused(armed: 'Rig') -> None:
    """Openings go from 0 to 1."""
    chunk = armed.chunk(armed.sway(), opening=40.0)
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(chunk, armed.instant)
    assert refused.value.reason is Reason.TOO_LARGE


def test_nothing_is_taken_before_arming(rig: 'Rig') -> None:
    """Not even a perfect chunk."""
    with pytest.raises(RefusedError) as refused:
        rig.filter.on_chunk(rig.chunk(rig.sway()), rig.instant)
    assert refused.value.reason is Reason.NOT_ARMED


def test_a_chunk_observed_before_arming_is_refused(rig: 'Rig') -> None:
    """A replay after re-arming does not move the arm."""
    early = rig.chunk(rig.sway())
    rig.run(0.05)
    rig.arm()
    with pytest.raises(RefusedError) as refused:
        rig.filter.on_chunk(early, rig.instant)
    assert refused.value.reason is Reason.NOT_FRESH
