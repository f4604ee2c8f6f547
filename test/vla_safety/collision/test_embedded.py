# SPDX-License-Identifier: Apache-2.0
"""One posture against the arm itself, its scene, and what it carries."""

import re
from pathlib import Path

import numpy as np
import pytest

from test.vla_safety.collision.scenes import NAMES, a_box, an_arm, home, random_postures, tool_point
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin, colliding
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
)

FINGERS = frozenset(('gripper_left_finger_link', 'gripper_right_finger_link', 'gripper_base_link'))


@pytest.mark.parametrize('name', NAMES)
def test_every_robot_is_free_at_home_whatever_its_opening(name: str) -> None:
    """Its SRDF allows what is built to touch, and all else has room."""
    arm = an_arm(name)
    checker = EmbeddedChecker(arm)
    for opening in np.linspace(0, 1, 11):
        posture = checker.layout.posture(np.array(arm.robot.home), float(opening))
        assert colliding(checker, posture) is None
        assert checker.is_free(posture)


def test_an_arm_folded_onto_itself_collides(checker: EmbeddedChecker) -> None:
    """The hand in the shoulder, with nothing else in the scene."""
    folded = checker.layout.posture(np.array([0.0, -1.57, 2.9, 0.0, -1.57, 0.0]))
    contact = colliding(checker, folded)
    assert contact is not None
    assert contact.own
    assert not checker.is_free(folded)


def test_the_table_is_hit_from_above(arm: Arm, checker: EmbeddedChecker) -> None:
    """A plane is solid below; the base that stands on it is not compared with it."""
    checker.set_scene([SceneObject('table', PlaneShape())])
    assert checker.is_free(home(checker, arm))
    low = checker.layout.posture(np.array([0.0, -0.6, 1.9, -1.5708, -1.5708, 0.0]))
    contact = colliding(checker, low)
    assert contact is not None
    assert contact.second == 'table'


@pytest.mark.parametrize(
    'shape', [BoxShape((0.1, 0.1, 0.1)), SphereShape(0.05), CylinderShape(0.05, 0.1)]
)
def test_distances_are_those_of_geometry(shape: Shape, arm: Arm, checker: EmbeddedChecker) -> None:
    """A pin-head below the fingers, straight above the highest point of every shape."""
    q = np.array(arm.robot.home)
    x, y, z = tool_point(arm, q)
    checker.set_scene([SceneObject('thing', shape, Pose((x, y, z - 0.2)))])
    pin_head = SphereShape(0.001)
    checker.attach(AttachedObject('pin head', pin_head, 'gripper_tcp', Pose((0.0, 0.0, 0.05))))
    posture = checker.layout.posture(q)
    assert checker.distance(posture, frozenset(('pin head', 'thing'))) == pytest.approx(0.099)
    clearance = checker.clearance(posture, own=False)
    assert clearance is not None
    assert clearance.distance_m == pytest.approx(0.099, abs=1e-6)
    assert clearance.contact.pair == {'pin head', 'thing'}
    assert clearance.points[0] == pytest.approx((x, y, z - 0.051), abs=1e-3)
    assert clearance.points[1] == pytest.approx((x, y, z - 0.15), abs=1e-3)
    assert checker.is_free(posture, Margin(0.0988))
    assert not checker.is_free(posture, Margin(0.0991))


def test_a_plane_is_as_far_as_it_lies_low(arm: Arm, checker: EmbeddedChecker) -> None:
    """Also where it is tilted: a wall that faces the arm."""
    x, _, z = tool_point(arm, np.array(arm.robot.home))
    posture = home(checker, arm)
    checker.attach(AttachedObject('pin head', SphereShape(0.001), 'gripper_tcp'))
    half = np.sqrt(0.5).item()
    for pose in (Pose((5.0, -3.0, z - 0.1)), Pose((x + 0.1, 4.0, 7.0), (0.0, -half, 0.0, half))):
        checker.set_scene([SceneObject('plane', PlaneShape(), pose)])
        distance = checker.distance(posture, frozenset(('pin head', 'plane')))
        assert distance == pytest.approx(0.099, abs=1e-5)


def test_clearance_and_margin_tell_the_same(arm: Arm, checker: EmbeddedChecker) -> None:
    """Free at every margin below the clearance, and not above it."""
    checker.set_scene([a_box('box', (0.6, 0.1, 0.3))])
    for posture in random_postures(arm, checker, 200):
        clearance = checker.clearance(posture)
        assert clearance is not None
        distance = clearance.distance_m
        if distance > 3e-4:
            assert checker.is_free(posture, Margin(distance - 2e-4, distance - 2e-4))
        assert not checker.is_free(posture, Margin(max(distance, 0.0), max(distance, 0.0)))


def test_a_margin_is_kept_from_the_scene_and_not_within_the_arm(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """Parts of the arm are built nearer to each other than a table may come."""
    posture = home(checker, arm)
    own = checker.clearance(posture)
    assert own is not None
    assert checker.is_free(posture, Margin(own.distance_m + 0.1, 0.0))
    assert not checker.is_free(posture, Margin(0.0, own.distance_m + 0.001))
    assert checker.clearance(posture, own=False) is None


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e6, 700.0])
@pytest.mark.parametrize('number', [0, 5, 6])
def test_a_senseless_posture_is_never_free(
    arm: Arm, checker: EmbeddedChecker, value: float, number: int
) -> None:
    """Coal calls 1e300 free: it is not asked."""
    posture = home(checker, arm)
    posture[number] = value
    assert not checker.is_free(posture)
    with pytest.raises(VlaError, match='not credible'):
        checker.contacts(posture)
    with pytest.raises(VlaError, match='not credible'):
        checker.clearance(posture)


def test_a_senseless_travel_is_never_free(arm: Arm, checker: EmbeddedChecker) -> None:
    """Neither is what may be anywhere."""
    for value in (np.nan, np.inf, -1.0, 1e300):
        travel = np.full(7, 0.0)
        travel[2] = value
        assert not checker.is_free(home(checker, arm), travel=travel)


def test_a_posture_of_the_wrong_length_is_an_error(checker: EmbeddedChecker) -> None:
    """It says how many numbers are needed."""
    with pytest.raises(VlaError, match='7 numbers are needed'):
        checker.is_free(np.zeros(6))
    with pytest.raises(VlaError, match='5 positions for the 6 joints'):
        checker.layout.posture(np.zeros(5))


def test_a_carried_thing_hits_what_the_empty_hand_clears(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """It moves with the link that carries it, and is gone once it is let go of."""
    q = np.array(arm.robot.home)
    x, y, z = tool_point(arm, q)
    checker.set_scene([a_box('box', (x, y, z - 0.2))])
    posture = checker.layout.posture(q)
    assert checker.is_free(posture, Margin(0.1))
    rod = AttachedObject('rod', CylinderShape(0.01, 0.4), 'gripper_tcp', touch_links=FINGERS)
    checker.attach(rod)
    contact = colliding(checker, posture)
    assert contact is not None
    assert contact.pair == {'rod', 'box'}
    checker.detach('rod')
    assert checker.is_free(posture, Margin(0.1))
    with pytest.raises(VlaError, match='rod is not attached'):
        checker.detach('rod')


def test_a_carried_thing_touches_only_what_it_may(arm: Arm, checker: EmbeddedChecker) -> None:
    """Fingers hold it; any other link it meets is a collision."""
    posture = checker.layout.posture(np.array(arm.robot.home), 0.3)
    cube = BoxShape((0.03, 0.04, 0.03))
    checker.attach(AttachedObject('cube', cube, 'gripper_tcp', touch_links=FINGERS))
    assert checker.is_free(posture)
    checker.detach('cube')
    checker.attach(AttachedObject('cube', cube, 'gripper_tcp'))
    contact = colliding(checker, posture)
    assert contact is not None
    assert 'cube' in contact.pair
    assert contact.own


def test_it_is_known_how_far_a_carried_thing_sticks_out(checker: EmbeddedChecker) -> None:
    """At least by its length before the fingers, and no farther than they reach beyond the hand."""
    assert checker.overhang_m == 0.0
    for length in (0.2, 0.6):
        end = Pose((0.0, 0.0, length / 2))
        checker.attach(AttachedObject('rod', CylinderShape(0.01, length), 'gripper_tcp', end))
        assert length < checker.overhang_m < length + 0.08
        checker.detach('rod')
    assert checker.overhang_m == 0.0
    checker.attach(AttachedObject('pin', SphereShape(0.01), 'base_link', Pose((0.0, 0.0, 0.05))))
    assert checker.overhang_m < 0.03


def test_an_object_leaves_the_scene_when_it_is_carried(arm: Arm, checker: EmbeddedChecker) -> None:
    """It would collide with itself."""
    posture = home(checker, arm)
    checker.set_scene([a_box('cube', (0.9, 0.0, 0.1))])
    checker.attach(AttachedObject('cube', BoxShape((0.01, 0.01, 0.01)), 'gripper_tcp'))
    assert checker.clearance(posture, own=False) is None
    with pytest.raises(VlaError, match='two objects are called cube'):
        checker.set_scene([a_box('cube', (0.9, 0.0, 0.1))])


def test_fingers_may_touch_what_they_grasp_and_nothing_else_may(
    arm: Arm, checker: EmbeddedChecker
) -> None:
    """Permission is by link, in the object itself."""
    q = np.array(arm.robot.home)
    posture = checker.layout.posture(q, 0.1)
    grasped = a_box('cube', tool_point(arm, q), 0.04)
    checker.set_scene([grasped])
    assert colliding(checker, posture) is not None
    checker.set_scene([SceneObject('cube', grasped.shape, grasped.pose, FINGERS)])
    assert checker.is_free(posture)


def test_an_object_that_moves_is_where_it_went(arm: Arm, checker: EmbeddedChecker) -> None:
    """The same things at other places are not built anew, and yet all answers are."""
    rng = np.random.default_rng(3)
    drawn = random_postures(arm, checker, 20)
    for _ in range(4):
        places = rng.uniform((-0.8, -0.8, 0.0), (0.8, 0.8, 1.0), (5, 3)).tolist()
        scene = [a_box(f'box {i}', (x, y, z), 0.2) for i, (x, y, z) in enumerate(places)]
        checker.set_scene(scene)
        fresh = EmbeddedChecker(arm)
        fresh.set_scene(scene)
        for posture in drawn:
            assert checker.is_free(posture) is fresh.is_free(posture)
            assert checker.clearance(posture, own=False) == fresh.clearance(posture, own=False)


def test_opening_the_gripper_moves_its_fingers(arm: Arm, checker: EmbeddedChecker) -> None:
    """A wall beside the hand is clear of closed fingers and hit by open ones."""
    q = np.array(arm.robot.home)
    closed, opened = (checker.layout.posture(q, opening) for opening in (0.0, 1.0))
    x, y, z = tool_point(arm, q)
    hits = []
    for turn in np.linspace(0, np.pi, 24, endpoint=False):
        across = 0.045 * np.array([np.cos(turn), np.sin(turn)])
        checker.set_scene([a_box('post', (x + across[0], y + across[1], z), 0.01)])
        hits.append((checker.is_free(closed), checker.is_free(opened)))
    assert (True, False) in hits


def test_a_mesh_is_its_convex_hull_and_a_missing_one_an_error(
    arm: Arm, checker: EmbeddedChecker, tmp_path: Path
) -> None:
    """A tetrahedron of 10 cm, written in decimetres."""
    file = tmp_path / 'tetrahedron.obj'
    file.write_text('v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 1 3 4\nf 2 3 4\n')
    checker.set_scene([SceneObject('t', MeshShape(file, (0.1, 0.1, 0.1)), Pose((2.0, 0.0, 0.0)))])
    clearance = checker.clearance(home(checker, arm), own=False)
    assert clearance is not None
    assert clearance.points[1][0] == pytest.approx(2.0, abs=0.1)
    file.write_text('no mesh at all')
    with pytest.raises(VlaError, match=re.escape(str(file))):
        checker.set_scene([SceneObject('t', MeshShape(file), Pose())])


def changed(arm: Arm, folder: Path, old: str, new: str) -> Arm:
    """The same arm with another URDF."""
    text = arm.urdf.read_text()
    assert old in text
    urdf = folder / 'arm.urdf'
    urdf.write_text(text.replace(old, new))
    return Arm(arm.robot, urdf, arm.srdf)


def test_a_mesh_of_the_arm_that_is_missing_is_named(arm: Arm, tmp_path: Path) -> None:
    """It is never left out: the link would be invisible to the checker."""
    old = '<box size="0.024 0.07 0.026"/>'
    for uri in ('camera.stl', 'package://no_such_package/camera.stl'):
        broken = changed(arm, tmp_path, old, f'<mesh filename="{uri}"/>')
        with pytest.raises(VlaError, match=uri):
            EmbeddedChecker(broken)


def test_a_link_that_is_seen_and_not_checked_is_refused(arm: Arm, tmp_path: Path) -> None:
    """A shape only to be looked at can be hit all the same."""
    link = arm.urdf.read_text().partition('<link name="wrist_3_link">')[2]
    shape = link[link.index('<collision>') : link.index('</collision>') + len('</collision>')]
    with pytest.raises(VlaError, match='wrist_3_link has <visual> and no <collision>'):
        EmbeddedChecker(changed(arm, tmp_path, shape, ''))


def test_a_joint_that_nobody_knows_is_refused(arm: Arm, tmp_path: Path) -> None:
    """Where its link is, is anybody's guess."""
    with pytest.raises(VlaError, match='gripper_right_finger_joint moves'):
        EmbeddedChecker(changed(arm, tmp_path, '<mimic joint="gripper_finger_joint"/>', ''))


@pytest.mark.parametrize('name', NAMES)
def test_no_number_moves_a_thing_farther_than_its_radius(name: str) -> None:
    """Distances to four far pin-heads change by no more than the steps times the radii."""
    arm = an_arm(name)
    checker = EmbeddedChecker(arm)
    corners = [(9.0, 0.0, 0.0), (-9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0)]
    links = {link for pair in checker.pairs for link in pair}
    checker.set_scene(
        [SceneObject(f'far {i}', SphereShape(0.01), Pose(at)) for i, at in enumerate(corners)]
    )
    pairs = [pair for pair in checker.pairs if not pair <= links]
    rng = np.random.default_rng(1)
    greatest = 0.0
    for posture in random_postures(arm, checker, 5):
        for number in range(len(posture)):
            after = posture.copy()
            after[number] += (step := float(rng.uniform(-0.3, 0.3)))
            for pair in pairs:
                moved = abs(checker.distance(posture, pair) - checker.distance(after, pair))
                assert moved <= checker.radii[number] * abs(step) + 1e-5
                greatest = max(greatest, moved / (checker.radii[number] * abs(step)))
    assert greatest > 0.5  # the bound is no empty one
