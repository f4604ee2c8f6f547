# SPDX-License-Identifier: Apache-2.0
"""Two arms in one scene, each with a safety node: they come to rest apart, whatever is asked."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test.vla_safety.two_arms import MARGIN_M, MIDDLE, SIDES, TURNED, Pair, among, other
from vla_contract.errors import VlaError
from vla_safety.collision.checker import Margin
from vla_safety.collision.objects import AttachedObject, Pose, SphereShape
from vla_safety.collision.swept import OtherMotion
from vla_safety.early_stop import stop_deviation
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS, Motion
from vla_safety.reasons import Reason, RefusedError
from vla_safety.turns import Turns

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

ROBOT = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
ROUNDING_M = 1e-4
ASIDE = MIDDLE + np.array([0.9, 0.0, 0.0, 0.0, 0.0, 0.0])


@pytest.fixture
def pair(make_rig: type['Rig']) -> Pair:
    """Both at home, disarmed, and hearing each other."""
    return Pair(make_rig, ROBOT)


def both_at_rest(pair: Pair) -> bool:
    """Neither moves."""
    return all(rig.at_rest() for rig in pair.arms.values())


def test_case_56_arms_driven_at_each_other_stop_apart(pair: Pair) -> None:
    """Both are sent to one place: at rest, outside the margin, and each names the other."""
    pair.arm()
    for side in SIDES:
        pair.send(side, MIDDLE)
    pair.run(2.0)
    assert both_at_rest(pair)
    assert min(pair.distances) >= MARGIN_M - ROUNDING_M
    assert min(pair.distances) < 0.1
    for side in SIDES:
        finding = pair.arms[side].filter.finding
        assert finding.reason is Reason.COLLISION
        assert f'{other(side)}/' in finding.text


def test_an_arm_goes_where_the_other_is_not(pair: Pair) -> None:
    """The turn costs nothing that shows: the chunk is followed to its end, and on time."""
    pair.arm()
    pair.send('left', ASIDE, rows=40)
    pair.run(2.6)
    np.testing.assert_allclose(pair.arms['left'].q, ASIDE, atol=1e-3)
    pair.send('right', MIDDLE, rows=40)
    pair.run(2.6)
    np.testing.assert_allclose(pair.arms['right'].q, MIDDLE, atol=1e-3)


def test_an_arm_that_stands_in_the_way_is_left_by_moving_away(pair: Pair) -> None:
    """Stopped at the other, an arm may go back."""
    pair.arm()
    pair.send('left', MIDDLE)
    pair.run(2.0)
    pair.send('right', MIDDLE)
    pair.run(2.5)
    right = pair.arms['right']
    assert right.filter.finding.reason is Reason.COLLISION
    pair.send('right', np.array(right.robot.home))
    pair.run(2.0)
    np.testing.assert_allclose(right.q, right.robot.home, atol=1e-3)


def test_nothing_is_armed_beside_an_arm_that_says_nothing(make_rig: type['Rig']) -> None:
    """Its safety node is not there: which arm, and where it was listened for."""
    pair = Pair(make_rig, ROBOT, delay=lambda: None)
    with pytest.raises(RefusedError, match='no plan of arm right came from /their/plan') as refused:
        pair.arm()
    assert refused.value.reason is Reason.OTHER_ARM_SILENT


def test_an_arm_whose_neighbour_falls_silent_comes_to_rest(pair: Pair) -> None:
    """In mid-motion; with the age in the reason."""
    pair.arm()
    pair.send('left', ASIDE, rows=60)
    pair.run(0.5)
    assert not pair.arms['left'].at_rest()
    pair.silent.add('right')
    pair.run(1.0)
    left = pair.arms['left']
    assert left.at_rest()
    assert left.filter.mode is Mode.HOLD
    assert left.filter.finding.reason is Reason.OTHER_ARM_SILENT
    assert 'arm right is 0.2' in left.filter.finding.text


def test_no_arm_moves_unless_it_is_given_the_turn(pair: Pair) -> None:
    """The other is heard, and hears nothing: it never passes the turn on."""
    pair.arm()
    pair.links['right'].delay = lambda: None
    pair.run(0.5)
    before = pair.arms['left'].q
    with pytest.raises(RefusedError, match='leave to move of arm right is 0'):
        pair.send('left', ASIDE)
    pair.run(0.2)
    np.testing.assert_array_equal(pair.arms['left'].q, before)


def test_an_arm_that_is_pushed_by_hand_is_evaded(pair: Pair) -> None:
    """It keeps no rules: what was under way is stopped where it comes too near."""
    pair.arm()
    right = pair.arms['right']
    right.filter.disarm(right.instant, Reason.NOT_ARMED, 'by request')
    pair.send('left', MIDDLE, rows=60)
    pair.run(1.5)
    right.q = MIDDLE
    right.controller.submit = lambda *_: None  # type: ignore[method-assign]
    right.controller.update = lambda *_: MIDDLE  # type: ignore[method-assign]
    pair.run(0.5)
    left = pair.arms['left']
    assert left.at_rest()
    assert left.filter.mode is Mode.HOLD
    assert left.filter.finding.reason in (Reason.COLLISION, Reason.OTHER_ARM_ASTRAY)


def test_an_arm_that_is_not_where_it_says_stops_the_other(pair: Pair) -> None:
    """Its joint states and its plan come from two places, and must agree."""
    pair.arm()
    neighbours = pair.arms['left'].avoidance.neighbours
    assert neighbours is not None
    now = pair.arms['left'].now_ns
    neighbours.feel('right', pair.arms['right'].q + np.array([0.3, 0, 0, 0, 0, 0]), now)
    finding = neighbours.finding(now)
    assert finding is not None
    assert finding.reason is Reason.OTHER_ARM_ASTRAY
    assert 'shoulder_pan_joint of arm right is 0.3000 from its plan' in finding.text


def test_robot_files_that_disagree_about_a_place_are_noticed(pair: Pair) -> None:
    """Each says where it thinks the other stands."""
    neighbours = pair.arms['left'].avoidance.neighbours
    theirs = pair.arms['right'].avoidance.neighbours
    assert neighbours is not None
    assert theirs is not None
    now = pair.arms['right'].instant
    told = theirs.share(None, False, pair.arms['right'].q, now)
    assert told is not None
    (session,) = told.poses
    moved = replace(told, poses={session: Pose((1.0, 0.01, 0.0), TURNED)})
    neighbours.meet('right', moved, now.steady_ns)
    finding = neighbours.finding(now.steady_ns)
    assert finding is not None
    assert 'put arm right 10.0 mm and 0.0000 rad apart' in finding.text


def test_a_plan_that_fits_no_arm_is_refused(pair: Pair) -> None:
    """Of other joints, not finite, or going back in time."""
    neighbours = pair.arms['left'].avoidance.neighbours
    assert neighbours is not None
    told = neighbours.share(None, False, np.zeros(6), Instant(0, 0))
    assert told is not None
    times_ns, rest = np.array([0, 0]), np.zeros((2, 6))
    for motion, words in (
        (Motion.still(0, np.zeros(5)), '6 joints move'),
        (Motion.still(0, np.full(6, np.nan)), 'not finite'),
        (Motion(times_ns, rest, rest, rest), 'do not increase'),
    ):
        with pytest.raises(VlaError, match=words):
            neighbours.meet('right', replace(told, motion=OtherMotion(motion)), 0)


def test_what_an_arm_carries_is_kept_from_the_other_too(pair: Pair) -> None:
    """It is as near as what it holds."""
    pair.arm()
    left = pair.arms['left']
    neighbours = left.avoidance.neighbours
    assert neighbours is not None
    before = neighbours.nearest(left.q)
    held = AttachedObject('pole', SphereShape(0.15), 'wrist_2_link')
    left.avoidance.carry([held])
    after = neighbours.nearest(left.q)
    assert before is not None
    assert after is not None
    assert after.distance_m < before.distance_m - 0.02
    left.avoidance.carry([])


def test_what_an_arm_carries_is_in_the_way_of_the_other(pair: Pair) -> None:
    """Its shape is not told, only how far it sticks out: the other stays outside of all of that."""
    left, right = pair.arms['left'], pair.arms['right']
    pair.arm()
    pair.send('right', ASIDE, rows=40)
    pair.run(2.6)
    np.testing.assert_allclose(right.q, ASIDE, atol=1e-3)
    held = ahead_of_the_hand(left)
    left.avoidance.carry([held])
    pair.run(0.1)
    ruler = among(ROBOT, left.robot, 'right')
    ruler.attach(held)

    def gap() -> float:
        there = {'right': (right.q, 1.0)}
        posture = ruler.layout.posture(left.q, 1.0, there)
        return ruler.contacts(posture, Margin(1.0))[0].distance_m

    nearest = np.inf
    for target in (MIDDLE, np.array(right.robot.home), MIDDLE):
        with suppress(RefusedError):
            pair.send('right', target)
        for _ in range(30):
            pair.run(0.05)
            nearest = min(nearest, gap())
        assert right.filter.finding.reason is Reason.COLLISION
    assert nearest >= MARGIN_M
    left.avoidance.carry([])
    pair.run(0.6)
    pair.send('right', np.array(right.robot.home), rows=40)
    pair.run(2.6)
    np.testing.assert_allclose(right.q, right.robot.home, atol=1e-3)


def ahead_of_the_hand(rig: 'Rig') -> AttachedObject:
    """A ball that sticks out towards the other arm."""
    x, y, z = (rig.kinematics.tool_pose(rig.q).rotation.T @ np.array([0.12, 0.0, 0.0])).tolist()
    hand = ('gripper_base_link', 'gripper_left_finger_link', 'gripper_right_finger_link')
    return AttachedObject(
        'ball', SphereShape(0.06), 'gripper_tcp', Pose((x, y, z)), frozenset(hand)
    )


def test_an_early_stop_stays_as_near_its_path_as_is_said(armed: 'Rig') -> None:
    """The tool never leaves the path by more than what others leave room for."""
    armed.run(0.1)
    amount = np.array([1.0, 0.2, -0.3, 0.8, 0.2, 1.0])
    share = np.linspace(0, 1, 25)[:, None]
    rows = armed.q + amount * share**3 * (10 - 15 * share + 6 * share**2)
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    largest = 0.0
    for _ in range(12):
        armed.run(0.06)
        plan, now_ns = armed.filter.plan, armed.now_ns
        assert plan is not None
        path = plan.executing
        radii = armed.checker.radii[:6]
        most = stop_deviation(path, now_ns, now_ns + NS // 8, armed.filter.limits, radii)
        places = tool_points(armed, path, now_ns)
        stop = plan.of(path, armed.filter.limits, armed.robot.timing).stop(now_ns)
        if stop is not None:
            aside = tool_points(armed, stop, now_ns)[:, None] - places[None]
            assert np.linalg.norm(aside, axis=2).min(axis=1).max() <= most + 1e-3
        largest = max(largest, most)
    assert 0.001 < largest < 0.1


def tool_points(rig: 'Rig', motion: Motion, since_ns: int) -> np.ndarray:
    """Where the tool is on a motion from a time on."""
    times_ns = np.arange(since_ns, motion.end_ns + 4_000_000, 4_000_000, dtype=np.int64)
    return np.array([rig.kinematics.tool_pose(q).translation for q in motion.sample(times_ns)[0]])


def hostile(pair: Pair, rng: np.random.Generator) -> None:
    """A few tenths of a second in which anything may be asked of either arm."""
    for side, rig in pair.arms.items():
        what = rng.random()
        target = MIDDLE + rng.normal(0, 0.25, 6) * [1, 0.4, 0.4, 0.6, 0.4, 1]
        try:
            if what < 0.8:
                pair.send(side, target, rows=int(rng.integers(8, 30)))
            elif what < 0.88:
                rig.filter.hold(Reason.HOLD_ASKED, 'asked', rig.instant)
            elif what < 0.94:
                rig.deliver(rig.filter.protect(Reason.STOP_ASKED, 'asked', rig.instant))
            else:
                rig.filter.arm(rig.instant)
        except RefusedError:
            pass
    pair.run(float(rng.uniform(0.05, 0.4)))
    for rig in pair.arms.values():
        if rig.filter.mode.latched and rng.random() < 0.7 and rig.at_rest():
            with suppress(RefusedError):
                rig.filter.arm(rig.instant)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_whatever_the_timing_they_never_come_nearer_than_the_margin(
    make_rig: type['Rig'], seed: int
) -> None:
    """News is lost, 80 ms late, out of order; clocks are apart; a node dies and starts anew."""
    rng = np.random.default_rng(seed)
    loss, late = rng.choice([0.0, 0.2]), int(rng.integers(1, 9))
    pair = Pair(
        make_rig,
        ROBOT,
        delay=lambda: None if rng.random() < loss else int(rng.integers(0, late)),
        skew_cycles=int(rng.integers(-20, 21)),
    )
    pair.run(0.3)
    for rig in pair.arms.values():
        rig.filter.arm(rig.instant)
        rig.filter.set_task('task')
    for _ in range(8):
        hostile(pair, rng)
    victim = SIDES[int(rng.integers(2))]
    pair.arms[victim].ticking = False
    for _ in range(2):
        hostile(pair, rng)
    pair.run(1.0)
    assert both_at_rest(pair)
    pair.join(victim, ROBOT)
    pair.arms[victim].ticking = True
    for _ in range(3):
        hostile(pair, rng)
    pair.run(1.5)
    assert both_at_rest(pair)
    assert min(pair.distances) >= MARGIN_M - ROUNDING_M


def test_without_turns_they_would_come_too_near(
    make_rig: type['Rig'], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above would find: both go on at once, each by what it heard last."""
    monkeypatch.setattr(Turns, 'mine', property(lambda _: True))
    nearest = []
    for late in (8, 12):
        pair = Pair(make_rig, ROBOT, delay=partial(int, late))
        pair.run(0.3)
        for rig in pair.arms.values():
            rig.filter.arm(rig.instant)
            rig.filter.set_task('task')
        pair.run(0.05)
        for side in SIDES:
            pair.send(side, MIDDLE, rows=16)
        pair.run(1.5)
        nearest.append(min(pair.distances))
    assert min(nearest) < MARGIN_M
