# SPDX-License-Identifier: Apache-2.0
"""Joint states and clocks that lie: the arm stops, or does not start."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

CYCLE_NS = 10_000_000


def refusal(rig: 'Rig') -> RefusedError:
    """Why the arm cannot be armed."""
    with pytest.raises(RefusedError) as refused:
        rig.filter.arm(rig.instant)
    return refused.value


def moving(rig: 'Rig') -> 'Rig':
    """In the middle of a chunk."""
    rig.run(0.1)
    rig.filter.on_chunk(rig.chunk(rig.sway(0.3)), rig.instant)
    rig.run(0.6)
    assert not rig.at_rest()
    return rig


def tell(rig: 'Rig', velocity: float) -> None:
    """A joint state with every velocity the same."""
    names = rig.robot.joint_names
    positions = dict(zip(names, rig.q.tolist(), strict=True))
    speeds = dict.fromkeys(names, velocity)
    rig.filter.measured.update(positions, speeds, rig.instant.ros_ns, rig.instant)


def test_a_joint_that_never_came_is_named_and_nothing_is_armed(rig: 'Rig') -> None:
    """Five of six are not an arm."""
    rig.filter.measured.forget()
    names = rig.robot.joint_names
    positions = {name: 0.0 for name in names if name != 'elbow_joint'}
    rig.filter.measured.update(positions, {}, rig.instant.ros_ns, rig.instant)
    refused = refusal(rig)
    assert refused.reason is Reason.NO_JOINT_STATE
    assert 'elbow_joint' in refused.text
    assert 'wrist_1_joint' not in refused.text


def test_states_of_other_joints_are_nobodys(armed: 'Rig') -> None:
    """Another robot on the same topic neither moves this one nor stands for it."""
    moving(armed)
    before = armed.filter.measured.positions
    other = {f'left_{name}': 9.0 for name in armed.robot.joint_names}
    armed.filter.measured.update(other, {}, armed.instant.ros_ns, armed.instant)
    np.testing.assert_array_equal(armed.filter.measured.positions, before)
    assert armed.filter.mode is Mode.ACTIVE


def test_values_that_are_frozen_under_live_stamps_stop_the_arm(armed: 'Rig') -> None:
    """A driver that repeats the last reading looks like an arm that does not follow."""
    armed.run(0.1)
    armed.sensors = False
    frozen = dict(zip(armed.robot.joint_names, armed.q.tolist(), strict=True))
    still = dict.fromkeys(armed.robot.joint_names, 0.0)
    armed.filter.on_chunk(armed.chunk(armed.sway(0.6, 40)), armed.instant)
    for _ in range(200):
        armed.filter.measured.update(frozen, still, armed.instant.ros_ns, armed.instant)
        armed.run(CYCLE_NS / NS)
    assert armed.filter.mode is Mode.PROTECTIVE_STOP
    assert armed.filter.finding.reason is Reason.TRACKING
    assert armed.at_rest()
    unseen = np.abs(armed.q - np.array(armed.robot.home)).max()
    assert unseen < armed.robot.margins.tracking + 0.2


@pytest.mark.parametrize('velocity', [math.nan, math.inf, -math.inf])
def test_a_velocity_that_is_no_number_does_not_hide_motion(armed: 'Rig', velocity: float) -> None:
    """Speed is then told from positions, or the arm counts as moving."""
    moving(armed)
    armed.deliver(armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant))
    armed.sensors = False
    for _ in range(4):
        armed.run(CYCLE_NS / NS)
        tell(armed, velocity)
    assert refusal(armed).reason is Reason.MOVING


def test_an_arm_that_tells_no_velocities_can_be_armed_at_rest(rig: 'Rig') -> None:
    """Some drivers never do."""
    rig.sensors = False
    for _ in range(3):
        rig.run(CYCLE_NS / NS)
        tell(rig, math.nan)
    rig.filter.arm(rig.instant)
    assert rig.filter.mode is Mode.ARMED


def beside_its_limit(make_rig: type['Rig'], by: float) -> 'Rig':
    """An arm whose elbow stands beyond its upper limit by so much."""
    joints = list(make_rig().robot.joints)
    home = make_rig().robot.home[2]
    joints[2] = joints[2].model_copy(update={'position': (0.0, home - by)})
    return make_rig(joints=tuple(joints))


def test_an_arm_outside_its_limits_is_not_armed(make_rig: type['Rig']) -> None:
    """By more than the margin that is kept from them: which joint, and by how much."""
    refused = refusal(beside_its_limit(make_rig, 0.05))
    assert refused.reason is Reason.JOINT_RANGE
    assert 'elbow_joint is 0.0500 beyond' in refused.text


@pytest.mark.parametrize('way', [-0.05, 0.0, 0.05])
def test_an_arm_a_hair_outside_its_limits_only_comes_back(
    make_rig: type['Rig'], way: float
) -> None:
    """Encoders are not exact: it may start, and wherever it is led, it goes no farther out."""
    rig = beside_its_limit(make_rig, 0.005).arm()
    rig.run(0.1)
    share = np.linspace(0, 1, 20)[:, None]
    eased = share**3 * (10 - 15 * share + 6 * share**2)
    rows = rig.q + eased * np.array([0.0, 0.0, way, 0.0, 0.0, 0.0])
    if way > 0:
        with pytest.raises(RefusedError, match='the last of 1 rows'):
            rig.filter.on_chunk(rig.chunk(rows), rig.instant)
    else:
        assert rig.filter.on_chunk(rig.chunk(rows), rig.instant).clipped
    rig.run(2.0)
    assert rig.at_rest()
    assert np.max(rig.commands, axis=0)[2] <= rig.robot.home[2] + 1e-9
    upper = rig.filter.limits.upper[2] - rig.robot.margins.position
    reached = rows[0, 2] if way > 0 else min(upper, rows[-1, 2])
    assert rig.q[2] == pytest.approx(reached, abs=1e-5)


@pytest.mark.parametrize('jump_s', [-600.0, 600.0])
def test_a_clock_that_was_set_stops_and_then_serves_again(armed: 'Rig', jump_s: float) -> None:
    """The arm rests, a person arms it, and chunks of the new time move it."""
    moving(armed)
    before = armed.chunk(armed.sway())
    jump_ns = round(jump_s * NS)
    armed.skew_ns += jump_ns
    armed.filter.clock_jumped(jump_s)
    armed.measure()
    armed.run(0.5)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.PROTECTIVE_STOP
    armed.arm()
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(before, armed.instant)
    assert refused.value.reason in (Reason.FUTURE_STAMP, Reason.STALE_OBSERVATION)
    armed.now_ns += CYCLE_NS
    armed.measure()
    chunk = armed.chunk(armed.sway())
    now_ns = armed.instant.ros_ns
    fresh = replace(chunk, observation_stamp_ns=now_ns, start_ns=now_ns)
    armed.filter.on_chunk(fresh, armed.instant)
    assert armed.filter.mode.moving


@pytest.mark.parametrize('asked', ['emergency_stop', 'protect', 'disarm'])
@pytest.mark.parametrize('noticed', [True, False])
def test_a_stop_after_the_clock_was_set_back_leads_nowhere(
    armed: 'Rig', asked: str, noticed: bool
) -> None:
    """By the new time the arm is where it was long ago: to stop there would be a jump."""
    moving(armed)
    armed.skew_ns -= 600 * NS
    if noticed:
        armed.filter.clock_jumped(-600.0)
    if asked == 'emergency_stop':
        command = armed.filter.emergency_stop(True, armed.instant)
    elif asked == 'protect':
        command = armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant)
    else:
        command = armed.filter.disarm(armed.instant, Reason.NOT_ARMED, 'by hand')
    assert command.motion is None
    armed.run(0.5)
    assert armed.at_rest()
    assert not armed.filter.mode.takes_chunks


def test_a_chunk_between_the_jump_and_its_discovery_moves_nothing(armed: 'Rig') -> None:
    """It comes with new stamps while the plan is still of the old time."""
    moving(armed)
    sent = len(armed.sent)
    later = Instant(armed.now_ns + 3600 * NS, armed.now_ns)
    armed.filter.measured.update(
        dict(zip(armed.robot.joint_names, armed.q.tolist(), strict=True)), {}, later.ros_ns, later
    )
    armed.now_ns += 3600 * NS
    chunk = armed.chunk(armed.sway())
    armed.now_ns -= 3600 * NS
    armed.filter.on_chunk(chunk, later)
    armed.filter.clock_jumped(3600.0)
    assert armed.filter.mode is Mode.PROTECTIVE_STOP
    armed.run(0.5)
    assert len(armed.sent) == sent
    assert armed.at_rest()


def test_time_that_stands_holds_the_arm_when_it_goes_on(armed: 'Rig') -> None:
    """A simulation was paused: what was observed before the pause no longer moves anything."""
    moving(armed)
    before = armed.chunk(armed.sway())
    paused = Instant(armed.instant.ros_ns, armed.instant.steady_ns + 5 * NS)
    finding = armed.filter.measured.finding(paused)
    assert finding is not None
    assert finding.reason is Reason.STALE_JOINT_STATE
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(before, paused)
    assert refused.value.reason is Reason.STALE_JOINT_STATE
    armed.filter.tick(paused)
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is Reason.STALLED


@pytest.mark.parametrize('stamp_ns', [0, -NS])
def test_joint_states_of_a_clock_that_never_ran_arm_nothing(rig: 'Rig', stamp_ns: int) -> None:
    """Zero is not a time."""
    rig.filter.measured.forget()
    positions = dict(zip(rig.robot.joint_names, rig.q.tolist(), strict=True))
    rig.filter.measured.update(positions, {}, stamp_ns, Instant(0, rig.now_ns))
    assert refusal(rig).reason is Reason.BAD_JOINT_STATE
