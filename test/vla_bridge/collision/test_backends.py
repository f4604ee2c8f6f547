# SPDX-License-Identifier: Apache-2.0
"""One suite for every collision checker: the same scenes, the same postures, the same verdicts."""

from pathlib import Path

import numpy as np
import pytest

from test.vla_bridge.collision.backends import LOADERS, load_or_skip
from test.vla_safety.collision.scenes import (
    NAMES,
    a_box,
    an_arm,
    boxes,
    home,
    random_postures,
    tool_point,
)
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
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
from vla_safety.motion import Array

SCENES = 4
POSTURES = 150
TOLD_APART_M = 1e-4
"""Two libraries need not agree on shapes that are nearer to touching than this [m]."""
FOOT = frozenset({'shoulder_link'})
"""Part of it only turns in itself: no distance of coal, but part of the link to MoveIt."""


@pytest.fixture(params=sorted(LOADERS))
def backend(request: pytest.FixtureRequest) -> str:
    """Its name."""
    return str(request.param)


def mixed_scene(seed: int) -> list[SceneObject]:
    """Boxes, balls and poles around an arm, turned anyhow, and the ground below it."""
    rng = np.random.default_rng(seed)
    shapes: list[Shape] = [BoxShape((0.2, 0.1, 0.05)), SphereShape(0.07), CylinderShape(0.03, 0.5)]
    found: list[SceneObject] = []
    for item in boxes(9, seed):
        turn = rng.normal(size=4)
        x, y, z, w = (turn / np.linalg.norm(turn)).tolist()
        shape = shapes[len(found) % len(shapes)]
        found.append(SceneObject(item.name, shape, Pose(item.pose.position, (x, y, z, w))))
    return [*found, SceneObject('ground', PlaneShape(), Pose((0.0, 0.0, -0.05)))]


def a_hull(path: Path) -> MeshShape:
    """An octahedron of 10 cm from corner to corner."""
    corners = [tuple(s * (k == i) for k in range(3)) for i in range(3) for s in (0.05, -0.05)]
    faces = [(x, y, z) for x in (1, 2) for y in (3, 4) for z in (5, 6)]
    lines = ['v {} {} {}'.format(*corner) for corner in corners]
    lines += ['f {} {} {}'.format(*face) for face in faces]
    path.write_text('\n'.join(lines))
    return MeshShape(path)


@pytest.mark.parametrize('name', NAMES)
def test_random_postures_are_judged_as_their_distances_say(backend: str, name: str) -> None:
    """In scenes of boxes, balls, poles and a floor; distances are coal's."""
    arm = an_arm(name)
    checker, ruler = load_or_skip(backend, arm), EmbeddedChecker(arm)
    judged = {True: 0, False: 0}
    for seed in range(SCENES):
        scene = mixed_scene(seed)
        checker.set_scene(scene)
        ruler.set_scene(scene)
        for posture in random_postures(arm, ruler, POSTURES, seed):
            nearest = ruler.clearance(posture)
            assert nearest is not None
            if abs(nearest.distance_m) < TOLD_APART_M:
                continue
            free = checker.is_free(posture)
            assert free == (nearest.distance_m > 0), f'{nearest} at {posture.tolist()}'
            judged[free] += 1
    assert min(judged.values()) > SCENES * POSTURES / 50, judged


@pytest.mark.parametrize(('gap_m', 'free'), [(0.001, True), (-0.001, False)])
@pytest.mark.parametrize('kind', ['box', 'sphere', 'cylinder', 'mesh', 'plane'])
def test_a_millimetre_decides(
    backend: str, kind: str, gap_m: float, free: bool, tmp_path: Path
) -> None:
    """A thing whose top is just below the lowest point of the arm, or just above it."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    posture, (x, y, z) = lowest_point(arm)
    things: dict[str, tuple[Shape, float]] = {
        'box': (BoxShape((0.1, 0.1, 0.1)), 0.05),
        'sphere': (SphereShape(0.1), 0.1),
        'cylinder': (CylinderShape(0.1, 0.1), 0.05),
        'mesh': (a_hull(tmp_path / 'hull.obj'), 0.05),
        'plane': (PlaneShape(), 0.0),
    }
    shape, height = things[kind]
    checker.set_scene([SceneObject('thing', shape, Pose((x, y, z - height - gap_m)), FOOT)])
    assert checker.is_free(posture) is free


def lowest_point(arm: Arm) -> tuple[Array, tuple[float, float, float]]:
    """The arm's home, and the point of it that is nearest to a floor far below."""
    ruler = EmbeddedChecker(arm)
    ruler.set_scene([SceneObject('floor', PlaneShape(), Pose((0.0, 0.0, -1.0)), FOOT)])
    posture = home(ruler, arm)
    nearest = ruler.clearance(posture, own=False)
    assert nearest is not None
    return posture, nearest.points[0]


def test_postures_that_are_not_to_be_believed_are_never_free(backend: str) -> None:
    """NaN, infinity, and what is finite and absurd."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    posture = home(EmbeddedChecker(arm), arm)
    assert checker.is_free(posture)
    for index in range(len(posture)):
        for value in (np.nan, np.inf, -np.inf, 1e300, -1e300, 1e4):
            broken = posture.copy()
            broken[index] = value
            assert not checker.is_free(broken), f'{value} for {checker.layout.names[index]}'


@pytest.mark.parametrize('count', [0, 1, 6, 8])
def test_posture_of_the_wrong_length_is_refused(backend: str, count: int) -> None:
    """MoveIt's own binding reads beyond the end of a short one."""
    checker = load_or_skip(backend, an_arm())
    with pytest.raises(VlaError, match='7 numbers are needed'):
        checker.is_free(np.zeros(count))


def test_each_verdict_is_of_the_posture_that_is_asked_about(backend: str) -> None:
    """Asked in turn, a free and a colliding posture never get each other's answer."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    free = home(EmbeddedChecker(arm), arm)
    folded = free.copy()
    folded[2] = 3.1
    for _ in range(5):
        assert checker.is_free(free)
        assert not checker.is_free(folded)


def test_scenes_replace_each_other(backend: str) -> None:
    """What stood in the way is gone with its scene, and a second arm's scene is its own."""
    arm = an_arm()
    checker, other = load_or_skip(backend, arm), load_or_skip(backend, arm)
    posture = home(EmbeddedChecker(arm), arm)
    in_the_way = a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)
    checker.set_scene([in_the_way])
    assert not checker.is_free(posture)
    assert other.is_free(posture)
    checker.set_scene([])
    assert checker.is_free(posture)


def test_what_may_touch_may_touch(backend: str) -> None:
    """All links may touch a thing that names them; one that it does not name may not."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    ruler = EmbeddedChecker(arm)
    posture = home(ruler, arm)
    crate = a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)
    ruler.set_scene([crate])
    links = frozenset(contact.first for contact in ruler.contacts(posture))
    assert len(links) > 1
    checker.set_scene([SceneObject('crate', crate.shape, crate.pose, links)])
    assert checker.is_free(posture)
    for link in sorted(links):
        checker.set_scene([SceneObject('crate', crate.shape, crate.pose, links - {link})])
        assert not checker.is_free(posture), link


def test_ignored_pairs_do_not_count_until_they_do(backend: str) -> None:
    """Of three links in a crate, two ignored ones leave one; without it, all count again."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    posture = home(EmbeddedChecker(arm), arm)
    checker.set_scene([a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)])
    pairs = [contact.pair for contact in checker.contacts(posture)]
    assert not checker.is_free(posture, ignoring=pairs[1:])
    assert checker.is_free(posture, ignoring=pairs)
    assert not checker.is_free(posture)


def test_carried_thing_is_part_of_the_arm(backend: str) -> None:
    """A stick in the gripper hits what the gripper would not, until it is let go of."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    posture = home(EmbeddedChecker(arm), arm)
    x, y, z = tool_point(arm, np.array(arm.robot.home))
    checker.set_scene([a_box('crate', (x, y, z - 0.3), 0.1)])
    assert checker.is_free(posture)
    fingers = frozenset({'gripper_left_finger_link', 'gripper_right_finger_link'})
    touch = fingers | {'gripper_base_link', 'tool0', 'wrist_camera_link'}
    stick = AttachedObject('stick', CylinderShape(0.01, 0.5), 'tool0', Pose((0.0, 0.0, 0.4)), touch)
    checker.attach(stick)
    assert not checker.is_free(posture)
    assert {'stick', 'crate'} in [contact.pair for contact in checker.contacts(posture)]
    checker.detach('stick')
    assert checker.is_free(posture)


def test_thing_that_is_picked_up_leaves_the_scene(backend: str) -> None:
    """A cube that is larger than the open gripper is in the way; once carried, it is not."""
    arm = an_arm()
    checker = load_or_skip(backend, arm)
    posture = home(EmbeddedChecker(arm), arm)
    checker.set_scene([a_box('cube', tool_point(arm, np.array(arm.robot.home)), 0.1)])
    assert not checker.is_free(posture)
    touch = frozenset(
        {'gripper_left_finger_link', 'gripper_right_finger_link', 'gripper_base_link'}
    )
    checker.attach(AttachedObject('cube', SphereShape(0.02), 'gripper_base_link', Pose(), touch))
    assert checker.is_free(posture)


def test_two_arms_are_checked_against_each_other(backend: str) -> None:
    """Random postures of both: what is near the other arm is as near as its distance says."""
    arm, left = an_arm(), an_arm('so101', 'left', Pose((0.0, 0.5, 0.0), (0.0, 0.0, 0.6, 0.8)))
    checker, ruler = load_or_skip(backend, arm, [left]), EmbeddedChecker(arm, [left])
    ours = random_postures(arm, EmbeddedChecker(arm), POSTURES)
    theirs = random_postures(left, EmbeddedChecker(an_arm('so101')), POSTURES)
    met = 0
    for mine, other in zip(ours, theirs, strict=True):
        posture = ruler.layout.posture(mine[:-1], mine[-1], {'left': (other[:-1], other[-1])})
        nearest = ruler.clearance(posture)
        assert nearest is not None
        if abs(nearest.distance_m) >= TOLD_APART_M:
            assert checker.is_free(posture) == (nearest.distance_m > 0), f'{nearest}'
        met += any(
            name.startswith('left/') and contact.distance_m < -TOLD_APART_M
            for contact in checker.contacts(posture)
            for name in contact.pair
        )
    assert met
