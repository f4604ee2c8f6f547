# SPDX-License-Identifier: Apache-2.0
"""Whole motions: what is hit between two samples is hit all the same."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.vla_safety.collision.scenes import START_NS, a_box, a_motion, an_arm, boxes, tool_point
from test.vla_safety.collision.test_broadphase import Flat
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import TOUCH, Margin, colliding
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    PlaneShape,
    Pose,
    SceneObject,
    SphereShape,
)
from vla_safety.collision.swept import RESOLUTION_M, SweptCheck
from vla_safety.motion import NS, Array, Motion
from vla_safety.reasons import Reason

Q = np.array([0.0, -1.3, 1.6, -1.8, -1.57, 0.0])
"""The simulated arm above its table, pointing down."""
SWING = np.array([0.8, 0.0, 0.0, 0.0, 0.0, 0.0])
OPEN = (1.0, 1.0)
DENSE_M = 1e-4


def swept(checker: EmbeddedChecker, margin_m: float = 0.0) -> SweptCheck:
    """A check with the gripper standing open."""
    check = SweptCheck(checker, Margin(margin_m))
    check.opening = OPEN
    return check


def pole(at: tuple[float, float, float], diameter: float = 0.005) -> SceneObject:
    """It stands upright, 30 cm tall."""
    return SceneObject('pole', CylinderShape(diameter / 2, 0.3), Pose(at))


@pytest.mark.parametrize('speed', [0.5, 2.0, 20.0])
def test_a_thin_pole_is_not_stepped_over(arm: Arm, checker: EmbeddedChecker, speed: float) -> None:
    """5 mm, crossed in one segment at up to ten times full speed; no knot is near it."""
    checker.set_scene([pole(tool_point(arm, Q))])
    motion = a_motion(Q - SWING, Q + SWING, seconds=1.875 * 1.6 / speed, knots=2)
    finding = swept(checker).find(motion)
    assert finding is not None
    assert finding.reason is Reason.COLLISION
    assert 'pole' in finding.text
    assert finding.safe_until_ns is not None
    assert START_NS < finding.safe_until_ns < (motion.start_ns + motion.end_ns) // 2


def test_the_motion_is_free_up_to_the_time_told_and_hits_soon_after(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """What is cut off there can be sent; what follows would have touched."""
    checker.set_scene([pole(tool_point(arm, Q))])
    motion = a_motion(Q - SWING, Q + SWING, 2.0)
    check = swept(checker)
    finding = check.find(motion)
    assert finding is not None
    assert finding.safe_until_ns is not None
    assert check.find(motion.until(finding.safe_until_ns)) is None
    last = checker.layout.posture(motion.at(finding.safe_until_ns).q)
    clearance = checker.clearance(last, own=False)
    assert clearance is not None
    assert 0 < clearance.distance_m < 3 * RESOLUTION_M


def test_free_ends_do_not_make_a_free_way(arm: Arm, checker: EmbeddedChecker) -> None:
    """A bridge between two postures, each with room, goes through a wall."""
    x, y, z = tool_point(arm, Q)
    wall = SceneObject('wall', BoxShape((1.0, 0.02, 1.0)), Pose((x + 0.3, y, z)))
    checker.set_scene([wall])
    for end in (Q - SWING, Q + SWING):
        assert checker.is_free(checker.layout.posture(end), Margin(0.05))
    assert swept(checker).find(a_motion(Q - SWING, Q + SWING, knots=2)) is not None


def test_an_overshoot_between_knots_is_seen(arm: Arm, checker: EmbeddedChecker) -> None:
    """Knots that stand still, joined by speeds that do not."""
    x, y, z = tool_point(arm, Q + SWING / 4)
    checker.set_scene([pole((x, y, z))])
    q = np.stack([Q, Q])
    v = np.stack([4 * SWING, 4 * SWING])
    times_ns = START_NS + np.array([0, NS])
    assert swept(checker).find(Motion(times_ns, q, np.zeros_like(v), np.zeros_like(v))) is None
    finding = swept(checker).find(Motion(times_ns, q, v, np.zeros_like(v)))
    assert finding is not None
    assert 'pole' in finding.text


def test_the_arm_does_not_pass_through_itself(checker: EmbeddedChecker) -> None:
    """The elbow folds until the hand is in the shoulder."""
    folded = np.array([0.0, -1.57, 2.9, 0.0, -1.57, 0.0])
    start = np.array([0.0, -1.57, 1.2, 0.0, -1.57, 0.0])
    finding = swept(checker).find(a_motion(start, folded))
    assert finding is not None
    posture = checker.layout.posture(folded)
    contact = colliding(checker, posture)
    assert contact is not None
    assert contact.first in finding.text or contact.second in finding.text


def test_the_table_stops_a_motion_down(arm: Arm, checker: EmbeddedChecker) -> None:
    """By the margin, too."""
    _, _, z = tool_point(arm, Q)
    down = Q + np.array([0.0, 0.4, 0.0, -0.4, 0.0, 0.0])
    _, _, lower = tool_point(arm, down)
    assert lower < z
    motion = a_motion(Q, down)
    checker.set_scene([SceneObject('table', PlaneShape(), Pose((0.0, 0.0, lower - 0.05)))])
    assert swept(checker, 0.02).find(motion) is None
    finding = swept(checker, 0.08).find(motion)
    assert finding is not None
    assert 'table' in finding.text
    assert '80 mm are kept' in finding.text


def test_a_carried_rod_hits_what_the_hand_passes(arm: Arm, checker: EmbeddedChecker) -> None:
    """The radii grow with it; let go of, it is forgotten."""
    x, y, z = tool_point(arm, Q)
    checker.set_scene([pole((x, y, z - 0.35))])
    motion, check = a_motion(Q - SWING, Q + SWING), swept(checker)
    assert check.find(motion) is None
    alone = checker.radii
    rod = AttachedObject('rod', CylinderShape(0.01, 0.4), 'gripper_tcp', Pose((0.0, 0.0, 0.2)))
    fingers = frozenset(link for link in LINKS_OF_HAND)
    checker.attach(AttachedObject(rod.name, rod.shape, rod.link, rod.pose, fingers))
    assert (checker.radii[:5] > alone[:5] + 0.1).all()
    finding = check.find(motion)
    assert finding is not None
    assert 'rod' in finding.text
    assert 'pole' in finding.text
    checker.detach('rod')
    assert check.find(motion) is None


LINKS_OF_HAND = (
    'gripper_base_link',
    'gripper_left_finger_link',
    'gripper_right_finger_link',
    'wrist_3_link',
)


def test_fingers_that_may_open_meanwhile_are_checked_open(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """A post beside the closed hand: free only as long as it is known to stay closed."""
    x, y, z = tool_point(arm, Q)
    motion = a_motion(Q, Q + np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.01]))
    found = []
    for turn in np.linspace(0, np.pi, 24, endpoint=False):
        at = (x + 0.045 * np.cos(turn), y + 0.045 * np.sin(turn), z)
        checker.set_scene([a_box('post', at, 0.01)])
        check = SweptCheck(checker, TOUCH)
        told = []
        for opening in ((0.0, 0.0), (0.0, 0.1), (0.0, 1.0), (1.0, 1.0)):
            check.opening = opening
            told.append(check.find(motion) is None)
        found.append(told)
    assert [True, True, False, False] in found


def test_a_motion_out_of_a_collision_may_go_on_and_one_into_it_may_not(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """Started 1 cm inside the margin: away is allowed, along is, nearer is not."""
    x, y, z = tool_point(arm, Q)
    up = Q + np.array([0.0, -0.2, 0.0, 0.2, 0.0, 0.0])
    down = Q + np.array([0.0, 0.05, 0.0, -0.05, 0.0, 0.0])
    for depth in (-0.01, 0.005):
        floor = SceneObject('floor', PlaneShape(), Pose((x, y, z + depth)))
        checker.set_scene([SceneObject('floor', BoxShape((0.2, 0.2, 0.02)), floor.pose)])
        check = swept(checker, 0.02)
        assert check.find(a_motion(Q, up)) is None
        assert check.find(Motion.still(START_NS, Q)) is None
        finding = check.find(a_motion(Q, down))
        assert finding is not None
        assert 'only away is allowed' in finding.text
        assert 'floor' in finding.text


def test_what_was_left_is_not_entered_again(arm: Arm, checker: EmbeddedChecker) -> None:
    """Up and down again is no way out."""
    x, y, z = tool_point(arm, Q)
    checker.set_scene([SceneObject('floor', BoxShape((0.2, 0.2, 0.02)), Pose((x, y, z)))])
    up = Q + np.array([0.0, -0.3, 0.0, 0.3, 0.0, 0.0])
    there = a_motion(Q, up)
    back = a_motion(up, Q)
    again = Motion(back.times_ns + NS, back.q, back.v, back.a)
    check = swept(checker, 0.01)
    assert check.find(there) is None
    finding = check.find(there.then(again))
    assert finding is not None
    assert finding.safe_until_ns is not None
    assert finding.safe_until_ns > START_NS + NS


def test_leaving_one_thing_does_not_allow_to_enter_another(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """Away from the floor, into a lid."""
    x, y, z = tool_point(arm, Q)
    up = Q + np.array([0.0, -0.3, 0.0, 0.3, 0.0, 0.0])
    lid_x, lid_y, lid_z = tool_point(arm, up)
    floor = SceneObject('floor', BoxShape((0.2, 0.2, 0.02)), Pose((x, y, z)))
    lid = SceneObject('lid', SphereShape(0.01), Pose((lid_x, lid_y, lid_z)))
    checker.set_scene([floor, lid])
    finding = swept(checker, 0.01).find(a_motion(Q, up))
    assert finding is not None
    assert 'lid' in finding.text


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e300])
def test_a_senseless_motion_is_a_finding(checker: EmbeddedChecker, value: float) -> None:
    """Never an exception, and never free."""
    motion = a_motion(Q, Q + SWING)
    for part in ('q', 'v', 'a'):
        values = {'q': motion.q.copy(), 'v': motion.v.copy(), 'a': motion.a.copy()}
        values[part][5, 2] = value
        finding = swept(checker).find(Motion(motion.times_ns, **values))
        assert finding is not None
        assert finding.reason is Reason.COLLISION


ARM = an_arm()
SCENES = [boxes(40, seed) for seed in range(4)]
CHECKERS = [EmbeddedChecker(ARM) for _ in SCENES]
for _checker, _scene in zip(CHECKERS, SCENES, strict=True):
    _checker.set_scene(_scene)
FLAT = [Flat(ARM, scene) for scene in SCENES]


def a_free_start(number: int, rng: np.random.Generator) -> Array:
    """A random posture with some room."""
    checker = CHECKERS[number]
    while True:
        q = rng.uniform(-np.pi, np.pi, 6)
        if checker.is_free(checker.layout.posture(q), Margin(0.02, 0.006)):
            return q


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, Motion]:
    """A scene and a curved motion of some 20 cm through it, sometimes with overshoot."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    number = draw(st.integers(0, len(SCENES) - 1))
    start = a_free_start(number, rng)
    way = rng.normal(0, 0.15, 6)
    motion = a_motion(start, start + way, 0.5, draw(st.integers(2, 5)))
    bend = rng.normal(0, draw(st.sampled_from([0.0, 0.5])), motion.v.shape)
    return number, Motion(motion.times_ns, motion.q, motion.v + bend, motion.a)


def dense(motion: Motion, radii: Array) -> Array:
    """Postures no farther apart than ``DENSE_M`` at any point of the arm."""
    steps = np.abs(np.diff(motion.bezier, axis=1)).sum(axis=(0, 1)) @ radii[:6]
    count = min(max(int(np.ceil(steps / DENSE_M)), 2), 6_000)
    return motion.sample(np.linspace(motion.start_ns, motion.end_ns, count).astype(np.int64))[0]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_what_is_called_free_is_free_however_densely_one_looks(case: tuple[int, Motion]) -> None:
    """An oracle with flat pairs samples every 0.1 mm; it may find nothing before the time told."""
    number, motion = case
    checker, flat = CHECKERS[number], FLAT[number]
    finding = swept(checker).find(motion)
    free = motion if finding is None else motion.until(finding.safe_until_ns or 0)
    if len(free.times_ns) < 2:
        return
    postures = [checker.layout.posture(q) for q in dense(free, checker.radii)]
    assert all(flat.is_free(posture) for posture in postures)
    if finding is not None:
        after = motion.since(finding.safe_until_ns or 0)
        near = [checker.layout.posture(q) for q in dense(after, checker.radii)]
        close = Margin(3 * RESOLUTION_M, 3 * RESOLUTION_M)
        assert not all(checker.is_free(posture, close) for posture in near)


@settings(max_examples=60, deadline=None)
@given(cases(), st.floats(0, 0.05), st.floats(0, 0.05))
def test_the_verdict_is_monotone_in_the_margin(
    case: tuple[int, Motion], one: float, two: float
) -> None:
    """What is free by more is free by less."""
    number, motion = case
    checker, (less, more) = CHECKERS[number], sorted((one, two))
    if swept(checker, more).find(motion) is None:
        assert swept(checker, less).find(motion) is None
