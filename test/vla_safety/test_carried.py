# SPDX-License-Identifier: Apache-2.0
"""What the hand carries is part of the arm as long as it is carried, in mid-motion too."""

from typing import TYPE_CHECKING

import numpy as np
import pinocchio as pin
import pytest

from vla_contract.errors import VlaError
from vla_safety.collision.objects import AttachedObject, BoxShape, Pose, SceneObject, SphereShape
from vla_safety.mode import Mode
from vla_safety.reasons import Reason

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig
    from vla_safety.motion import Array

SCENE = 'planning_scene'
TURN = np.array([0.9, 0.0, 0.0, 0.0, 0.0, 0.0])
BACK = np.array([-0.3, 0.0, 0.0, 0.0, 0.0, 0.0])
UP = np.array([0.0, -0.2, 0.0, 0.2, 0.0, 0.0])
STICK = AttachedObject('stick', BoxShape((0.02, 0.02, 0.3)), 'tool0', Pose((0.0, 0.0, 0.3)))


def turn(rig: 'Rig') -> 'Array':
    """Rows of one smooth turn of the shoulder."""
    return np.asarray(rig.q + TURN * eased(40))


def eased(rows: int) -> 'Array':
    """Parts of a way from rest to rest, one a row."""
    share = np.linspace(0, 1, rows)[:, None]
    return np.asarray(share**3 * (10 - 15 * share + 6 * share**2))


def a_post(rig: 'Rig', share: float) -> SceneObject:
    """Where only the end of a stick in the hand would hit it, after a share of the turn."""
    tool = rig.kinematics.tool_pose(rig.q + TURN * share)
    x, y, z = tool.translation + tool.rotation[:, 2] * 0.22
    return SceneObject('post', SphereShape(0.03), Pose((x, y, z)))


def test_a_hand_that_carries_nothing_passes(armed: 'Rig') -> None:
    """So that what follows is the stick's doing."""
    armed.run(0.1)
    rows = turn(armed)
    armed.avoidance.see(SCENE, [a_post(armed, 0.6)], armed.now_ns)
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(3.0)
    np.testing.assert_allclose(armed.q, rows[-1], atol=1e-3)


def test_what_is_carried_hits_before_the_hand_would(armed: 'Rig') -> None:
    """Case 57: the arm stops for the stick, and says so."""
    armed.run(0.1)
    armed.avoidance.see(SCENE, [a_post(armed, 0.6)], armed.now_ns)
    armed.avoidance.carry([STICK])
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(2.5)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'stick' in armed.filter.finding.text
    assert 'post' in armed.filter.finding.text


def test_what_is_grasped_in_the_middle_of_a_chunk_counts_at_once(armed: 'Rig') -> None:
    """The way that was free for the empty hand is looked at again."""
    armed.run(0.1)
    armed.avoidance.see(SCENE, [a_post(armed, 0.8)], armed.now_ns)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.7)
    armed.avoidance.carry([STICK])
    armed.run(2.0)
    assert armed.at_rest()
    assert 'stick' in armed.filter.finding.text


def test_what_is_dropped_in_the_middle_of_a_chunk_is_where_it_was_dropped(armed: 'Rig') -> None:
    """Case 58: from now on it stands in the way of what the arm still has before it."""
    armed.run(0.1)
    armed.avoidance.carry([STICK])
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.7)
    x, y, z = armed.kinematics.tool_pose(armed.q + TURN * 0.6).translation
    armed.avoidance.carry([])
    dropped = SceneObject('stick', BoxShape((0.05, 0.05, 0.3)), Pose((x, y, z)))
    armed.avoidance.see(SCENE, [dropped], armed.now_ns)
    armed.run(2.0)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'stick' in armed.filter.finding.text
    assert armed.avoidance_distance(armed.q) > 0


def test_what_is_let_go_of_at_speed_stops_the_hand_around_it_and_lets_it_leave(
    armed: 'Rig',
) -> None:
    """Case 58, at its nearest: a finger runs into it, may go back to the other one, and then up."""
    armed.run(0.1)
    fingers = [f'gripper_{part}_link' for part in ('base', 'left_finger', 'right_finger')]
    cube = AttachedObject(
        'cube', BoxShape((0.03, 0.03, 0.03)), 'gripper_tcp', touch_links=frozenset(fingers)
    )
    armed.avoidance.carry([cube])
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.7)
    assert armed.filter.mode is Mode.ACTIVE
    pose = armed.kinematics.tool_pose(armed.q)
    x, y, z, w = pin.Quaternion(pose.rotation).coeffs().tolist()
    place = Pose(tuple(pose.translation.tolist()), (x, y, z, w))
    armed.avoidance.carry([])
    armed.avoidance.see(SCENE, [SceneObject('cube', cube.shape, place)], armed.now_ns)
    armed.run(1.0)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'cube' in armed.filter.finding.text
    assert armed.avoidance_distance(armed.q) < 0
    for way in (BACK, UP):
        rows = armed.q + way * eased(30)
        armed.filter.on_chunk(armed.chunk(rows), armed.instant)
        armed.run(2.5)
    np.testing.assert_allclose(armed.q, rows[-1], atol=1e-3)
    assert armed.avoidance_distance(armed.q) > 0.05


def test_one_that_cannot_be_carried_leaves_the_others(rig: 'Rig') -> None:
    """And they can still be let go."""
    lost = AttachedObject('lost', SphereShape(0.01), 'nose')
    with pytest.raises(VlaError, match='nose'):
        rig.avoidance.carry([STICK, lost])
    assert rig.avoidance.carried == (STICK,)
    rig.avoidance.carry([])
    rig.avoidance.carry([STICK])
    assert rig.avoidance.carried == (STICK,)
