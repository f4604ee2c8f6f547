# SPDX-License-Identifier: Apache-2.0
"""Buttons that chatter, services that are called without end, and chunks that come in storms."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vla_contract.action import ActionSpace
from vla_contract.errors import VlaError
from vla_safety.limits import Limits
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError
from vla_safety.storm import MOST, RejectStorm

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

CYCLE_S = 0.01
HALF = {'elbow_joint': 1.9}


def moving(rig: 'Rig') -> 'Rig':
    """In the middle of a chunk."""
    rig.run(0.1)
    rig.filter.on_chunk(rig.chunk(rig.sway(0.3, 40)), rig.instant)
    rig.run(0.6)
    assert not rig.at_rest()
    return rig


def refuse(rig: 'Rig', times: int, every_s: float) -> None:
    """Chunks that mean nothing, again and again."""
    bad = replace(rig.chunk(rig.sway()), values=np.full((20, 6), np.nan))
    for _ in range(times):
        with pytest.raises(RefusedError):
            rig.filter.on_chunk(bad, rig.instant)
        rig.run(every_s)


def test_a_storm_of_refused_chunks_is_a_protective_stop(armed: 'Rig') -> None:
    """A hundred in a second: nobody sane sends them. Armed again, the arm goes on."""
    moving(armed)
    refuse(armed, MOST, CYCLE_S)
    armed.run(0.5)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.PROTECTIVE_STOP
    assert armed.filter.finding.reason is Reason.REJECT_STORM
    armed.arm()
    armed.filter.on_chunk(armed.chunk(armed.sway(), observed_s=1e-3), armed.instant)
    refuse(armed, 3, CYCLE_S)
    assert armed.filter.mode.moving


def test_a_policy_that_is_refused_all_the_time_is_no_storm(armed: 'Rig') -> None:
    """At the pace of a policy: the arm rests and takes the first good chunk."""
    moving(armed)
    refuse(armed, 2 * MOST, 0.05)
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.rejected == 2 * MOST
    armed.filter.on_chunk(armed.chunk(armed.sway()), armed.instant)
    assert armed.filter.mode.moving


def test_refusals_of_before_the_clock_was_set_back_are_not_counted() -> None:
    """Their times mean nothing now."""
    storm = RejectStorm()
    assert all(storm.refused(100 * NS + k) is None for k in range(MOST - 1))
    assert storm.refused(50 * NS) is None


def test_a_button_that_chatters_stops_once_and_stays(armed: 'Rig') -> None:
    """Pressed and released fifty times a second: the first press counts, no release starts."""
    moving(armed)
    sent = []
    for index in range(100):
        command = armed.filter.emergency_stop(index % 2 == 0, armed.instant)
        sent.append(command.motion)
        armed.deliver(command)
        armed.run(CYCLE_S)
        assert armed.filter.mode is Mode.ESTOP
    assert sent[0] is not None
    assert sent[1:] == [None] * 99
    assert armed.at_rest()
    assert (armed.speeds()[-50:] == 0).all()
    armed.arm()
    assert armed.filter.mode is Mode.ARMED


def test_arming_without_end_arms_nothing_that_may_not_be(armed: 'Rig') -> None:
    """While it moves, while the button is pressed, and once when nothing speaks against it."""
    moving(armed)
    armed.deliver(armed.filter.emergency_stop(True, armed.instant))
    answers = []
    for index in range(60):
        if index == 40:
            armed.filter.emergency_stop(False, armed.instant)
        try:
            armed.filter.arm(armed.instant)
            answers.append('armed')
        except RefusedError as refusal:
            answers.append(refusal.text)
        armed.run(CYCLE_S)
    assert all('still pressed' in answer for answer in answers[:40])
    assert answers[40] == 'armed'
    assert all('already armed' in answer for answer in answers[41:])
    assert armed.at_rest()


def test_arming_without_end_does_not_start_an_arm_before_it_stands(armed: 'Rig') -> None:
    """Each try in mid-stop is refused, and the one that is granted begins at rest."""
    moving(armed)
    armed.deliver(armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant))
    for _ in range(60):
        try:
            armed.filter.arm(armed.instant)
            break
        except RefusedError as refusal:
            assert refusal.reason is Reason.MOVING  # noqa: PT017
        armed.run(CYCLE_S)
    assert armed.filter.mode is Mode.ARMED
    assert (armed.speeds()[-1] < 0.02).all()


def test_a_small_lag_is_followed_and_a_large_one_is_a_protective_stop(armed: 'Rig') -> None:
    """Every arm lags a little."""
    armed.offset[0] = 0.1
    moving(armed)
    assert armed.filter.mode is Mode.ACTIVE
    armed.offset[0] = 0.12
    armed.run(CYCLE_S)
    armed.offset[0] = 0.16
    armed.run(2 * CYCLE_S)
    assert armed.filter.finding.reason is Reason.TRACKING
    armed.run(0.5)
    assert armed.at_rest()


def hold(rig: 'Rig', seconds: float) -> None:
    """Let time pass while the controller says where it holds the arm."""
    for _ in range(round(seconds / CYCLE_S)):
        rig.run(CYCLE_S)
        said = dict(zip(rig.robot.joint_names, rig.q.tolist(), strict=True))
        rig.filter.oversight.told.hear(partial(dict, said), rig.instant)


def test_an_arm_that_sags_does_not_step_when_it_is_armed(rig: 'Rig') -> None:
    """It is measured below where it is held, and sags no farther for being armed again."""
    rig.offset[1] = -0.04
    held = rig.q.copy()
    for _ in range(3):
        hold(rig, 0.2)
        rig.arm()
        hold(rig, 0.1)
        stay = replace(rig.chunk(np.zeros((10, 6))), space=ActionSpace.JOINT_DELTA)
        rig.filter.on_chunk(stay, rig.instant)
        hold(rig, 1.0)
        rig.deliver(rig.filter.protect(Reason.STOP_ASKED, 'by hand', rig.instant))
    np.testing.assert_allclose(rig.q, held, atol=1e-9)
    assert rig.speeds().max() < 1e-6


@pytest.mark.parametrize('said', [{}, HALF, {'elbow_joint': 9.0}, {'elbow_joint': np.nan}])
def test_what_no_controller_of_this_arm_says_is_not_believed(
    rig: 'Rig', said: dict[str, float]
) -> None:
    """Half an arm, one that is elsewhere, and no number: then the motion begins as measured."""
    rig.run(0.1)
    names = rig.robot.joint_names
    whole = dict(zip(names, rig.q.tolist(), strict=True)) if len(said) and said != HALF else {}
    rig.filter.oversight.told.hear(lambda: whole | said, rig.instant)
    np.testing.assert_array_equal(rig.filter.oversight.start(rig.instant), rig.q)


def test_what_a_controller_said_long_ago_is_not_believed(rig: 'Rig') -> None:
    """It may have been stopped and the arm moved by hand."""
    rig.run(0.1)
    said = dict(zip(rig.robot.joint_names, (rig.q + 0.02).tolist(), strict=True))
    rig.filter.oversight.told.hear(partial(dict, said), rig.instant)
    np.testing.assert_array_equal(rig.filter.oversight.start(rig.instant), rig.q + 0.02)
    rig.run(1.0)
    np.testing.assert_array_equal(rig.filter.oversight.start(rig.instant), rig.q)


@pytest.mark.parametrize(
    ('lower', 'upper'), [(1.0, -1.0), (0.5, 0.5), (0.49, 0.5), (np.nan, 1.0), (-1.0, np.nan)]
)
def test_limits_that_leave_no_room_are_refused(rig: 'Rig', lower: float, upper: float) -> None:
    """The least above the greatest, both the same, no farther apart than the margins, no number."""
    low, high = rig.kinematics.lower, rig.kinematics.upper
    low[2], high[2] = lower, upper
    with pytest.raises(VlaError, match='elbow_joint has no room'):
        Limits.of(rig.robot, low, high, rig.kinematics.velocity)
