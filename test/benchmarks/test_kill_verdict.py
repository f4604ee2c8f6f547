# SPDX-License-Identifier: Apache-2.0
"""The kill campaign's verdict: each thing that must never be seen is seen by it."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from benchmarks.kill.strikes import VICTIMS, Blow, Strike, events
from benchmarks.kill.tally import Struck, Tally
from benchmarks.kill.verdict import Report, Scene, Track, judge, standstill_s
from vla_safety.limits import Limits
from vla_safety.mode import Mode

STRUCK_S = 10.0
STOPPED_S = 10.4
LIMITS = Limits(
    names=('shoulder', 'elbow'),
    lower=np.array([-3.0, -3.0]),
    upper=np.array([3.0, 3.0]),
    velocity=np.array([2.0, 2.0]),
    acceleration=np.array([10.0, 10.0]),
    jerk=np.array([100.0, 100.0]),
    margin=0.01,
    seam_jump=0.1,
)
KILLED = Strike('safety_node', Blow.KILLED)
SEEN = Struck(speed=0.5, clearance_m=0.02)
PAUSED = Strike('safety_node', Blow.SUSPENDED, 0.3)


def track(moves: tuple[tuple[float, float], ...] = ((9.0, STOPPED_S),)) -> Track:
    """Four seconds of an arm that turns its shoulder at 0.5 rad/s between these times."""
    times = np.arange(9.0, 13.0, 0.01)
    moving = np.any([(times >= begin) & (times < end) for begin, end in moves], axis=0)
    velocities = np.column_stack([np.where(moving, 0.5, 0.0), np.zeros(len(times))])
    return Track(times, np.cumsum(velocities, axis=0) * 0.01, velocities)


def reports(*changes: tuple[float, Mode]) -> tuple[Report, ...]:
    """Twenty a second, of the last mode that was changed to."""
    times = np.arange(9.0, 13.0, 0.05)
    return tuple(
        Report(float(time), [mode for since, mode in changes if since <= time][-1])
        for time in times
    )


def scene(**changes: object) -> Scene:
    """The safety node is killed and armed no more; the arm comes to rest 0.4 s later."""
    usual = Scene(
        strikes=(KILLED,),
        struck_s=STRUCK_S,
        armed_s=9.0,
        track=track(),
        reports=reports((9.0, Mode.ACTIVE), (10.0, Mode.DISARMED)),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def kinds(seen: Scene) -> set[str]:
    """Of the violations found."""
    return {violation.kind for violation in judge(seen, LIMITS)}


def test_an_arm_that_comes_to_rest_is_in_order() -> None:
    """And the time is measured from the strike to the last motion, by stamps."""
    assert kinds(scene()) == set()
    rest_s = standstill_s(track(), STRUCK_S)
    assert rest_s == pytest.approx(0.39, abs=0.011)


def test_turning_round_is_no_rest() -> None:
    """For a moment no joint moves; the rest counts from the last motion of all."""
    turning = track(((9.0, 10.2), (10.3, 10.6)))
    assert standstill_s(turning, STRUCK_S) == pytest.approx(0.59, abs=0.011)


def test_motion_that_was_over_before_the_strike_takes_no_time_to_stop() -> None:
    """Zero, not None."""
    assert standstill_s(track(((9.0, 9.5),)), STRUCK_S) == 0.0


def test_an_arm_that_does_not_come_to_rest_is_found() -> None:
    """Never, or later than allowed."""
    assert 'no rest' in kinds(scene(track=track(((9.0, 13.0),))))
    assert 'no rest' in kinds(scene(track=track(((9.0, 11.2),))))


def test_only_what_must_stop_the_arm_must_stop_it() -> None:
    """A recorder is never needed, and a node that was suspended for a moment is back."""
    goes_on = scene(track=track(((9.0, 13.0),)), reports=reports((9.0, Mode.ACTIVE)))
    assert kinds(replace(goes_on, strikes=(Strike('recorder_node', Blow.KILLED),))) == set()
    assert kinds(replace(goes_on, strikes=(PAUSED,))) == set()
    assert 'no rest' in kinds(replace(goes_on, strikes=(replace(PAUSED, pause_s=1.5),)))
    both = (Strike('recorder_node', Blow.KILLED), KILLED)
    assert 'no rest' in kinds(replace(goes_on, strikes=both))


def test_every_collision_is_a_violation() -> None:
    """Whatever else happened."""
    assert kinds(scene(collisions=['10.200 forearm_link with left post'])) == {'contact'}


@pytest.mark.parametrize(('column', 'value'), [('positions', 3.1), ('velocities', -2.2)])
def test_a_joint_beyond_its_limits_is_found(column: str, value: float) -> None:
    """Of position or of speed."""
    moved = track()
    values = getattr(moved, column).copy()
    values[5:, 1] = value
    assert 'limits' in kinds(scene(track=replace(moved, **{column: values})))


def test_a_step_is_found_though_all_speeds_look_well() -> None:
    """From one joint state to the next, further than the speed limit allows."""
    moved = track()
    positions = moved.positions.copy()
    positions[100:, 0] += 0.05
    assert kinds(scene(track=replace(moved, positions=positions))) == {'step'}


def test_stamps_that_go_back_are_found() -> None:
    """Time from such joint states would mean nothing."""
    moved = track()
    times = moved.times_s.copy()
    times[50] = times[48]
    assert 'step' in kinds(scene(track=replace(moved, times_s=times)))


def test_time_in_which_the_simulator_stood_still_does_not_count() -> None:
    """It goes on with a jump and with the motion that it had: no fault of any node of ours."""
    moved = track()
    late = np.where(moved.times_s > 10.2, moved.times_s + 2.0, moved.times_s)
    jumped = moved.positions + np.where(moved.times_s > 10.2, 0.3, 0.0)[:, None]
    stalled = scene(track=Track(late, jumped, moved.velocities))
    assert kinds(stalled) == set()
    assert stalled.track.starved
    assert kinds(replace(stalled, collisions=['with the beam'])) == {'contact'}
    later = np.where(late > 13.5, 0.5, 0.0)[:, None] + jumped
    assert kinds(scene(track=Track(late, later, moved.velocities))) == {'step'}


def test_motion_that_nobody_asked_for_is_found() -> None:
    """After its rest the arm moves while the safety node holds, is latched, or is dead."""
    again = track(((9.0, STOPPED_S), (12.0, 12.2)))
    for mode in (Mode.HOLD, Mode.PROTECTIVE_STOP, Mode.DISARMED):
        seen = scene(track=again, reports=reports((9.0, Mode.ACTIVE), (10.0, mode)))
        assert kinds(seen) == {'unasked'}, mode
    dead = tuple(report for report in reports((9.0, Mode.ACTIVE)) if report.time_s < STRUCK_S)
    assert kinds(scene(track=again, reports=dead)) == {'unasked'}
    assert kinds(scene(track=again, reports=())) == {'unasked'}


def test_a_hold_may_end_with_a_fresh_chunk_but_a_latched_stop_may_not() -> None:
    """Only arming leads out of it, and out of the mode that a new safety node starts in."""
    again = track(((9.0, STOPPED_S), (12.0, 12.2)))
    modes = ((9.0, Mode.ACTIVE), (10.1, Mode.HOLD), (11.9, Mode.ACTIVE))
    resumed = scene(strikes=(PAUSED,), track=again, reports=reports(*modes))
    assert kinds(resumed) == set()
    for mode in (Mode.PROTECTIVE_STOP, Mode.DISARMED, Mode.UNCONFIGURED):
        modes = ((9.0, Mode.ACTIVE), (10.1, mode), (11.9, Mode.ACTIVE))
        assert kinds(replace(resumed, reports=reports(*modes))) == {'armed itself'}, mode


def test_what_was_reported_before_arming_was_somebodys_wish() -> None:
    """The arm is armed within what is looked at."""
    modes = ((9.0, Mode.DISARMED), (9.5, Mode.ACTIVE), (10.3, Mode.HOLD))
    moved = track(((9.5, STOPPED_S),))
    assert kinds(scene(armed_s=9.5, track=moved, reports=reports(*modes))) == set()


def test_following_chunks_after_the_guard_has_stopped_the_arm_is_found() -> None:
    """Once the safety node had time to hear of it."""
    again = track(((9.0, STOPPED_S), (11.5, 12.2)))
    active = reports((9.0, Mode.ACTIVE))
    seen = scene(strikes=(PAUSED,), track=again, reports=active)
    assert kinds(replace(seen, guard_s=[10.2])) == {'went on'}
    assert kinds(seen) == set()


def test_nodes_that_end_otherwise_than_they_should_are_found() -> None:
    """Of themselves, or with an error where they were asked to end."""
    assert kinds(scene(endings=['policy_node ended of itself with exit code 1'])) == {'ending'}


def test_every_node_meets_every_blow_before_any_meets_one_twice() -> None:
    """Twenty events are one round; pauses are within their bounds."""
    drawn = events(Random(3))  # noqa: S311
    for _ in range(3):
        one_round = [next(drawn) for _ in range(len(VICTIMS) * len(Blow))]
        firsts = {(strikes[0].node, strikes[0].blow) for strikes in one_round}
        assert len(firsts) == len(one_round)
        for strikes in one_round:
            assert len({strike.node for strike in strikes}) == len(strikes) <= 2
            for strike in strikes:
                assert (strike.pause_s > 0) == (strike.blow is Blow.SUSPENDED)


def test_the_tally_adds_up() -> None:
    """Contacts are counted one by one; a stop that never came is no short one."""
    tally = Tally()
    bad = scene(collisions=['10.2 forearm_link with beam'] * 2, track=track(((9.0, 13.0),)))
    tally.add(bad, judge(bad, LIMITS), SEEN)
    good = scene(strikes=(Strike('guard_node', Blow.TERMINATED),))
    tally.add(good, judge(good, LIMITS), SEEN)
    figures = tally.figures()
    assert (figures['kills'], figures['contacts'], figures['stops_demanded']) == (2, 2, 2)
    assert figures['worst_standstill_s'] == pytest.approx(0.39, abs=0.011)
    assert figures['by_node']['guard_node']['violations'] == 0  # type: ignore[index]
    assert figures['clearance_when_struck_p50_m'] == 0.02
    assert tally.details[0]['struck'] == 'safety_node killed'
