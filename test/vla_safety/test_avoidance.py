# SPDX-License-Identifier: Apache-2.0
"""Things in the way of the arm: it stops before them, goes on when they go, and says which."""

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.robot import Box
from vla_contract.scene import Collision, Scene
from vla_contract.scene import SceneObject as Described
from vla_safety.collision.objects import BoxShape, Pose, SceneObject, SphereShape
from vla_safety.mode import Mode
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
MARKERS = 'markers'
REACH = np.array([0.9, 0.0, 0.0, 0.0, 0.0, 0.0])
"""A turn of the shoulder that sweeps the tool past many places."""


def turn(rig: 'Rig', rows: int = 40) -> Array:
    """Rows of one smooth turn."""
    return smooth(rig.q, rig.q + REACH, rows)


def smooth(start: Array, end: Array, rows: int) -> Array:
    """Rows from rest to rest."""
    share = np.linspace(0, 1, rows)[:, None]
    return np.asarray(start + (end - start) * share**3 * (10 - 15 * share + 6 * share**2))


def in_the_way(rig: 'Rig', share: float, size: float = 0.05) -> SceneObject:
    """A ball where the tool will be after a share of the turn."""
    place = rig.kinematics.tool_pose(rig.q + REACH * share).translation
    return SceneObject('ball', SphereShape(size), Pose((place[0], place[1], place[2])))


def see(rig: 'Rig', *objects: SceneObject) -> None:
    """A topic says all that there is."""
    rig.avoidance.see(MARKERS, objects, rig.now_ns)


def closest(rig: 'Rig', count: int) -> float:
    """Least distance to the scene over the last commands [m]."""
    found = [rig.avoidance_distance(q) for q in rig.commands[-count:]]
    return min(found)


def test_the_arm_stops_before_what_is_in_its_way(armed: 'Rig') -> None:
    """At rest, outside the margin, and with both names in the reason."""
    armed.run(0.1)
    see(armed, in_the_way(armed, 0.6))
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(2.5)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'ball' in armed.filter.finding.text
    assert closest(armed, 250) >= armed.robot.collision.margin - 1e-4
    assert np.abs(armed.q - np.array(armed.robot.home)).max() > 0.1


def test_a_free_way_is_taken_to_its_end(armed: 'Rig') -> None:
    """The same turn with the ball elsewhere."""
    armed.run(0.1)
    rows = turn(armed)
    see(armed, SceneObject('ball', SphereShape(0.05), Pose((-0.4, 0.0, 0.5))))
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(3.0)
    np.testing.assert_allclose(armed.q, rows[-1], atol=1e-4)


def test_a_thing_that_appears_stops_the_arm_at_once(armed: 'Rig') -> None:
    """What was checked before it came is checked again."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.9)
    see(armed, in_the_way(armed, 0.75))
    armed.run(1.5)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.COLLISION
    assert closest(armed, 150) > 0


def test_the_arm_goes_on_when_the_way_is_free_again(armed: 'Rig') -> None:
    """With a chunk observed a while after; one from before is not enough."""
    armed.run(0.1)
    rows = turn(armed)
    see(armed, in_the_way(armed, 0.6))
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(2.5)
    see(armed)
    armed.run(1.0)
    rest = smooth(armed.q, rows[-1], 20)
    armed.filter.on_chunk(armed.chunk(rest, step_s=0.2), armed.instant)
    armed.run(5.0)
    np.testing.assert_allclose(armed.q, rows[-1], atol=1e-3)


def test_a_flickering_thing_does_not_wear_the_arm_out(armed: 'Rig') -> None:
    """For half a second after it was in the way, nothing moves, whatever the camera says."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.9)
    assert armed.filter.plan is not None
    place = armed.kinematics.tool_pose(armed.filter.plan.executing.q[-1]).translation
    see(armed, SceneObject('ball', SphereShape(0.02), Pose(tuple(place))))
    armed.run(0.1)
    see(armed)
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    assert refused.value.reason is Reason.NOT_FRESH


def test_a_thing_that_goes_on_flickering_lets_the_arm_rest(armed: 'Rig') -> None:
    """Seen every fifth of a second, and a policy that insists: one stop, and no new beginnings."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.9)
    rested = 0
    for index in range(20):
        ball = SceneObject('ball', SphereShape(0.03), Pose(ahead_of(armed)))
        see(armed, *([ball] if index % 2 == 0 else []))
        with suppress(RefusedError):
            armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
        armed.run(0.1)
        rested = rested + 1 if armed.at_rest() else 0
    assert rested >= 15
    see(armed)
    armed.run(0.6)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.5)
    assert not armed.at_rest()


def ahead_of(rig: 'Rig') -> tuple[float, float, float]:
    """A little before the tool, on the way of a turn."""
    x, y, z = rig.kinematics.tool_positions((rig.q + REACH * 0.2)[None])[0].tolist()
    return x, y, z


def test_an_arm_in_collision_is_not_armed(rig: 'Rig') -> None:
    """Which link overlaps what, and by how much."""
    place = rig.kinematics.tool_pose(rig.q).translation
    see(rig, SceneObject('crate', BoxShape((0.1, 0.1, 0.1)), Pose(tuple(place))))
    with pytest.raises(RefusedError, match=r'overlaps crate by .* mm') as refused:
        rig.arm()
    assert refused.value.reason is Reason.COLLISION


def test_an_arm_that_is_too_near_may_only_move_away(make_rig: type['Rig']) -> None:
    """Nearer is refused, farther is not."""
    rig = make_rig(collision=Collision(margin=0.05))
    place = rig.kinematics.tool_pose(rig.q + REACH * 0.22).translation
    see(rig, SceneObject('ball', SphereShape(0.02), Pose(tuple(place))))
    rig.arm().run(0.1)
    before = rig.q.copy()
    rig.filter.on_chunk(rig.chunk(turn(rig)), rig.instant)
    rig.run(1.0)
    assert rig.filter.finding.reason is Reason.COLLISION
    assert np.abs(rig.q - before).max() < 0.05
    away = smooth(rig.q, rig.q - REACH * 0.4, 20)
    rig.filter.on_chunk(rig.chunk(away, step_s=0.1), rig.instant)
    rig.run(3.0)
    assert (before - rig.q)[0] > 0.3


@pytest.mark.parametrize('speed', [0.0002, 0.001, 0.004])
def test_an_arm_does_not_creep_into_what_it_is_near(make_rig: type['Rig'], speed: float) -> None:
    """Each part of a slow motion is little nearer than the one before: none of it adds up."""
    rig = make_rig(collision=Collision(margin=0.02))
    place = rig.kinematics.tool_pose(rig.q + REACH * 0.25).translation
    see(rig, SceneObject('ball', SphereShape(0.02), Pose(tuple(place))))
    rig.arm().run(0.1)
    at_first = rig.avoidance_distance(rig.q)
    assert at_first < 0.02
    joint_speed = speed / float(place[0])
    for _ in range(8):
        rows = rig.q + np.arange(40)[:, None] * 0.05 * joint_speed * np.eye(6)[0]
        rig.filter.on_chunk(rig.chunk(rows), rig.instant)
        rig.run(1.0)
    assert rig.avoidance_distance(rig.q) > at_first - 1e-4
    assert 'only away is allowed' in rig.filter.finding.text


def test_a_keep_out_holds_for_every_part_of_the_arm(make_rig: type['Rig']) -> None:
    """The elbow may not enter it either, with the tool far outside."""
    rig = make_rig()
    elbow = rig.kinematics.joint_origins(rig.q + REACH)[2]
    low, high = elbow - 0.03, elbow + 0.03
    box = Box(name='shelf', min=tuple(low), max=tuple(high))
    rig = make_rig(workspace=rig.robot.workspace.model_copy(update={'keep_outs': (box,)})).arm()
    rig.run(0.1)
    rig.filter.on_chunk(rig.chunk(turn(rig)), rig.instant)
    rig.run(2.5)
    assert rig.at_rest()
    assert 'keep-out shelf' in rig.filter.finding.text
    assert 'gripper' not in rig.filter.finding.text
    (inside,) = rig.robot.workspace.boxes
    tool = rig.kinematics.tool_positions(np.array(rig.commands))
    assert ((tool > inside.min) & (tool < inside.max)).all()
    assert ((tool < low - 0.1) | (tool > high + 0.1)).any(axis=1).all()
    assert min(rig.avoidance_distance(q) for q in rig.commands[-150:]) > 0


def test_a_required_scene_that_is_empty_allows_nothing(make_rig: type['Rig']) -> None:
    """Nothing known is not the same as nothing there."""
    rig = make_rig(scene=Scene(required=True))
    with pytest.raises(RefusedError) as refused:
        rig.arm()
    assert refused.value.reason is Reason.NO_SCENE


def test_a_scene_that_is_awaited_must_come_and_stay_fresh(make_rig: type['Rig']) -> None:
    """Silence of its topic brings the arm to rest."""
    rig = make_rig(scene=Scene(markers=MARKERS, max_age_s=0.5))
    with pytest.raises(RefusedError, match='nothing has come from markers'):
        rig.arm()
    see(rig)
    rig.arm().run(0.1)
    rig.filter.on_chunk(rig.chunk(turn(rig)), rig.instant)
    rig.run(1.5)
    assert rig.at_rest()
    assert rig.filter.finding.reason is Reason.STALE_SCENE


def test_news_that_cannot_be_understood_stops_the_arm(armed: 'Rig') -> None:
    """Two things of one name: one would hide the other."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.5)
    twin = SceneObject('twin', SphereShape(0.01), Pose((-0.5, 0.0, 0.5)))
    see(armed, twin, twin)
    armed.run(1.0)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.SCENE_BAD
    assert 'twin' in armed.filter.finding.text


def test_the_pace_falls_with_the_distance(make_rig: type['Rig']) -> None:
    """Past a ball that is near but not in the way: slower beside it, and on its way all along."""
    near = Described(name='wall', box=(0.02, 0.02, 0.5), position=(0.52, 0.40, 0.25))
    paces = {}
    for slow_from in (0.0, 0.25):
        rule = Collision(margin=0.01, slow_from=slow_from, slowest=0.2)
        rig = make_rig(collision=rule, scene=Scene(objects=(near,))).arm()
        rig.run(0.1)
        rig.filter.on_chunk(rig.chunk(turn(rig)), rig.instant)
        lowest = 1.0
        for _ in range(25):
            rig.run(0.1)
            lowest = min(lowest, rig.filter.pace)
        paces[slow_from] = lowest
        assert rig.filter.finding.reason is not Reason.COLLISION
    assert paces[0.0] == 1.0
    assert paces[0.25] < 0.9


def test_a_thing_that_is_worked_on_does_not_slow_the_arm(make_rig: type['Rig']) -> None:
    """Nearness to the table is no reason to be slow where the table says so."""
    rule = Collision(margin=0.003, slow_from=0.3)
    fast = make_rig(collision=rule).arm()
    slow = Described(name='table', box=(1.2, 1.24, 0.04), position=(0.32, 0.0, -0.02))
    slowed = make_rig(collision=rule, scene=Scene(objects=(slow,))).arm()
    for rig in (fast, slowed):
        rig.run(0.1)
        rig.filter.on_chunk(rig.chunk(turn(rig)), rig.instant)
        rig.run(0.5)
    assert fast.filter.pace == 1.0
    assert slowed.filter.pace < 1.0


def test_bad_news_from_one_source_is_not_mended_by_another(armed: 'Rig') -> None:
    """Until the same source makes sense again."""
    armed.avoidance.refuse('camera', 'frame map is unknown')
    see(armed)
    found = armed.avoidance.finding(armed.now_ns)
    assert found is not None
    assert found.reason is Reason.SCENE_BAD
    armed.avoidance.see('camera', (), armed.now_ns)
    assert armed.avoidance.finding(armed.now_ns) is None


def test_a_gripper_does_not_open_into_things(armed: 'Rig') -> None:
    """The fingers' own way is looked at as well as the arm's, at rest too."""
    armed.run(0.1)
    close_and_rest(armed)
    see(armed, beside_the_finger(armed, 0.02))
    armed.filter.on_chunk(
        armed.chunk(np.repeat(armed.q[None], 20, axis=0), opening=1.0), armed.instant
    )
    armed.run(0.5)
    assert armed.gripper[-1] == 0.0
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'finger_link would be' in armed.filter.finding.text


def test_a_gripper_opens_where_there_is_room(armed: 'Rig') -> None:
    """The same farther away."""
    armed.run(0.1)
    close_and_rest(armed)
    see(armed, beside_the_finger(armed, 0.06))
    armed.filter.on_chunk(
        armed.chunk(np.repeat(armed.q[None], 20, axis=0), opening=1.0), armed.instant
    )
    armed.run(0.5)
    assert armed.gripper[-1] == 0.04


def close_and_rest(rig: 'Rig') -> None:
    """Shut the gripper, the arm standing still."""
    still = np.repeat(rig.q[None], 10, axis=0)
    rig.filter.on_chunk(rig.chunk(still, opening=0.0), rig.instant)
    rig.run(2.0)
    assert rig.gripper[-1] == 0.0


def beside_the_finger(rig: 'Rig', gap: float) -> SceneObject:
    """A ball so far from the left finger of the shut gripper, in the way that it opens."""
    pose = rig.kinematics.tool_pose(rig.q)
    place = pose.translation + pose.rotation @ np.array([0.0, 0.0135 + 0.01 + gap, -0.02])
    return SceneObject('ball', SphereShape(0.01), Pose(tuple(place)))
