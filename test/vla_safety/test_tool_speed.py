# SPDX-License-Identifier: Apache-2.0
"""How fast the tool may be: always, in reduced mode, near people, and link by link."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_contract.robot import LinkSpeed
from vla_contract.separation import Separation
from vla_safety.mode import Mode
from vla_safety.reasons import Reason, RefusedError
from vla_safety.tool_speed import ToolSpeedRule

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

NEAR = Separation(topic='person_distance')


def fast(rig: 'Rig', seconds: float = 1.5, turned: float = 1.2) -> NDArray[np.float64]:
    """Rows that move the tool at well over half a metre a second."""
    t = np.arange(0.0, seconds + 1e-9, 0.05)[:, None] / seconds
    turn = np.array([turned, 0.0, 0.0, 0.0, 0.0, 0.0])
    return np.asarray(rig.q + turn * t**3 * (10 - 15 * t + 6 * t**2))


def tool_speeds(rig: 'Rig') -> NDArray[np.float64]:
    """Speed of the tool between controller cycles [m/s]."""
    points = rig.kinematics.tool_positions(np.array(rig.commands))
    return np.asarray(np.linalg.norm(np.diff(points, axis=0), axis=1) / 0.01)


def test_reduced_speed_slows_the_tool_and_keeps_the_path(armed: 'Rig') -> None:
    """A quarter of a metre a second, and the same place in the end."""
    armed.run(0.1)
    rows = fast(armed)
    armed.filter.tool_speed.reduced = True
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(4.0)
    assert tool_speeds(armed).max() <= 0.25
    assert armed.filter.mode in (Mode.SCALED, Mode.HOLD)


def test_reduced_speed_takes_hold_in_mid_motion_and_lets_go_again(armed: 'Rig') -> None:
    """No stop: the pace changes, within all limits, and the rows go on where they were."""
    armed.run(0.1)
    rows = fast(armed, 2.5, 1.0)
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(1.2)
    assert tool_speeds(armed)[-1] > 0.25
    armed.filter.tool_speed.reduced = True
    armed.run(0.5)
    assert tool_speeds(armed)[-1] <= 0.25
    assert armed.filter.mode is Mode.SCALED
    armed.filter.tool_speed.reduced = False
    armed.run(0.3)
    assert (armed.filter.mode, armed.filter.pace) == (Mode.ACTIVE, 1.0)
    changes = np.abs(np.diff(armed.speeds(), axis=0))
    assert changes.max() <= armed.filter.limits.acceleration.max() * 0.01


@pytest.mark.parametrize('step_s', [0.02, 0.03, 0.04, 0.05])
@pytest.mark.parametrize('offset', [0.1, 0.2, 0.29])
def test_the_way_into_rows_is_as_slow_as_the_rows(
    armed: 'Rig', offset: float, step_s: float
) -> None:
    """Rows that stand still, a little beside the arm: joints could go there at once, it may not."""
    armed.run(0.1)
    armed.filter.tool_speed.reduced = True
    beside = armed.q + np.array([offset, 0.0, 0.0, 0.0, 0.0, 0.0])
    rows = np.repeat(beside[None], 50, axis=0)
    armed.filter.on_chunk(armed.chunk(rows, step_s=step_s), armed.instant)
    armed.run(2.0)
    assert 0.05 < tool_speeds(armed).max() <= 0.25


@pytest.mark.parametrize('stall_s', [0.06, 0.08, 0.1, 0.12, 0.14])
def test_after_a_late_tick_the_tool_is_no_faster_than_before(armed: 'Rig', stall_s: float) -> None:
    """It is led back to rows that it is as fast as it may be on, and behind."""
    armed.run(0.1)
    armed.filter.tool_speed.reduced = True
    rows = armed.q + np.linspace(0, 1.2, 60)[:, None] * np.array([1.0, 0.1, -0.1, 0, 0, 0])
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    for _ in range(3):
        armed.run(0.5)
        armed.ticking = False
        armed.run(stall_s)
        armed.ticking = True
    armed.run(2.0)
    assert 0.05 < tool_speeds(armed).max() <= 0.25


def test_rows_that_cannot_be_followed_slowly_enough_are_not_followed_at_all(armed: 'Rig') -> None:
    """A chunk that is refused leaves no trace: nothing goes its way at full speed."""
    armed.run(0.1)
    armed.filter.tool_speed.reduced = True
    with pytest.raises(RefusedError):
        armed.filter.on_chunk(armed.chunk(fast(armed, 0.3)), armed.instant)
    assert armed.filter.plan is not None
    assert armed.filter.plan.intended is None


def test_a_slow_link_slows_everything(make_rig: type['Rig']) -> None:
    """The forearm may be slower than the tool."""
    rig = make_rig()
    slow = (LinkSpeed(link='wrist_1_link', speed=0.1),)
    rig = make_rig(workspace=rig.robot.workspace.model_copy(update={'link_speeds': slow})).arm()
    rig.run(0.1)
    rig.filter.on_chunk(rig.chunk(fast(rig)), rig.instant)
    rig.run(3.0)
    origins = [rig.kinematics.joint_origins(q)[3] for q in rig.commands]
    speeds = np.linalg.norm(np.diff(origins, axis=0), axis=1) / 0.01
    assert 0.02 < speeds.max() <= 0.1


def test_without_news_of_people_nothing_moves(make_rig: type['Rig']) -> None:
    """Where a topic is named, its silence counts as somebody near."""
    rig = make_rig(separation=NEAR)
    with pytest.raises(RefusedError, match='person_distance') as refused:
        rig.arm()
    assert refused.value.reason is Reason.PERSON_UNKNOWN


def test_the_arm_slows_stops_and_goes_on_with_a_person(make_rig: type['Rig']) -> None:
    """Far: as asked. Nearer: slower. Too near: at rest."""
    rig = make_rig(separation=NEAR)
    speeds = {}
    for distance, turned in ((5.0, 1.2), (0.9, -1.2), (0.3, 1.2)):
        rig.filter.tool_speed.measured(5.0, rig.now_ns)
        if rig.filter.mode is Mode.DISARMED:
            rig.arm().run(0.1)
        rig.filter.on_chunk(rig.chunk(fast(rig, 3.0, turned)), rig.instant)
        for _ in range(15):
            rig.filter.tool_speed.measured(distance, rig.now_ns)
            rig.run(0.1)
        speeds[distance] = tool_speeds(rig)[-1]
        reason = rig.filter.finding.reason
        for _ in range(30):
            rig.filter.tool_speed.measured(5.0, rig.now_ns)
            rig.run(0.1)
    assert speeds[5.0] > speeds[0.9] > 0.0
    assert speeds[0.3] == pytest.approx(0.0, abs=1e-6)
    assert reason is Reason.PERSON_NEAR


def test_old_news_of_people_stops_the_arm(make_rig: type['Rig']) -> None:
    """Half a second of silence is too much."""
    rig = make_rig(separation=NEAR)
    rig.filter.tool_speed.measured(5.0, rig.now_ns)
    rig.arm().run(0.1)
    rig.filter.on_chunk(rig.chunk(fast(rig, 3.0)), rig.instant)
    rig.run(1.5)
    assert rig.at_rest()
    assert rig.filter.finding.reason is Reason.PERSON_UNKNOWN


@given(st.floats(0.0, 20.0))
def test_the_speed_allowed_needs_just_the_distance_there_is(distance: float) -> None:
    """The separation formula and its inverse agree, and nothing exceeds the limit."""
    rule = ToolSpeedRule(10.0, NEAR)
    rule.measured(distance, 0)
    allowed = rule.allowed()
    assert 0 <= allowed <= 10.0
    if rule.finding(0) is None and allowed < 10.0:
        assert rule.needed_m(allowed) == pytest.approx(distance, abs=1e-9)


@pytest.mark.parametrize('distance', [float('nan'), -1.0, float('-inf')])
def test_a_distance_that_is_none_counts_as_unknown(distance: float) -> None:
    """A sensor that fails says nothing; it does not say that nobody is there."""
    rule = ToolSpeedRule(1.0, NEAR)
    rule.measured(distance, 0)
    found = rule.finding(0)
    assert found is not None
    assert found.reason is Reason.PERSON_UNKNOWN
