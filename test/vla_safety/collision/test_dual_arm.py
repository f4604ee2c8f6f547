# SPDX-License-Identifier: Apache-2.0
"""Two arms in one scene: the other one is an obstacle that moves, at the time it moves."""

import numpy as np
import pytest

from test.vla_safety.collision.scenes import START_NS, a_motion, an_arm, tool_point
from vla_contract.errors import VlaError
from vla_safety.collision.checker import Margin, colliding
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import PlaneShape, Pose, SceneObject
from vla_safety.collision.swept import OtherMotion, SweptCheck
from vla_safety.motion import NS, Motion

Q = np.array([0.0, -1.3, 1.6, -1.8, -1.57, 0.0])
ASIDE = Q + np.array([1.2, 0, 0, 0, 0, 0])
X, Y, _ = tool_point(an_arm(), Q)
FACING = Pose((2 * X, 2 * Y, 0.0), (0.0, 0.0, 1.0, 0.0))
"""On the other side of the table, looking here: at Q, both tools are in one place."""
OTHER_SIDE = Q - np.array([1.2, 0, 0, 0, 0, 0])


@pytest.fixture(scope='module')
def checker() -> EmbeddedChecker:
    """Two of the same arm, face to face."""
    return EmbeddedChecker(an_arm(), [an_arm(called='left', pose=FACING)])


def shifted(motion: Motion, seconds: float) -> Motion:
    """The same, later."""
    return Motion(motion.times_ns + round(seconds * NS), motion.q, motion.v, motion.a)


def test_a_posture_holds_both_arms(checker: EmbeddedChecker) -> None:
    """The other's numbers carry its name."""
    names = checker.layout.names
    assert names[:7] == (*an_arm().robot.joint_names, 'opening')
    assert names[7:] == tuple(f'left/{name}' for name in names[:7])
    with pytest.raises(VlaError, match='left'):
        checker.layout.posture(Q)


def test_arms_that_reach_for_the_same_place_collide(checker: EmbeddedChecker) -> None:
    """And are clear of each other when one turns aside; the nearest pair is of one link each."""
    together = checker.layout.posture(Q, others={'left': (Q, 1.0)})
    contact = colliding(checker, together)
    assert contact is not None
    assert not contact.own
    assert [contact.first.startswith('left/'), contact.second.startswith('left/')] == [False, True]
    apart = checker.layout.posture(Q, others={'left': (ASIDE, 1.0)})
    assert checker.is_free(apart, Margin(0.05))
    clearance = checker.clearance(apart, own=False)
    assert clearance is not None
    assert clearance.contact.second.startswith('left/')


def test_the_same_by_symmetry(checker: EmbeddedChecker) -> None:
    """Exchanging the arms turns the scene around and changes no distance."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        one, two = Q + rng.normal(0, 0.3, 6), Q + rng.normal(0, 0.3, 6)
        here = checker.clearance(checker.layout.posture(one, 1, {'left': (two, 1)}), own=False)
        there = checker.clearance(checker.layout.posture(two, 1, {'left': (one, 1)}), own=False)
        assert here is not None
        assert there is not None
        if here.distance_m > 0:
            assert here.distance_m == pytest.approx(there.distance_m, abs=1e-5)


def test_the_other_arm_is_not_judged_against_scene_or_itself(checker: EmbeddedChecker) -> None:
    """Its own filter does that."""
    folded = np.array([0.0, -1.57, 2.9, 0.0, -1.57, 0.0])
    checker.set_scene([SceneObject('table', PlaneShape())])
    posture = checker.layout.posture(OTHER_SIDE, others={'left': (folded, 1.0)})
    checker.set_scene([])
    assert checker.is_free(posture)


def test_an_arm_in_motion_is_met_where_it_is_at_that_time(checker: EmbeddedChecker) -> None:
    """It leaves before we come: free. It leaves a second after: not."""
    come = shifted(a_motion(OTHER_SIDE, Q, 1.0), 1.2)
    leave = a_motion(Q, OTHER_SIDE, 1.0)
    check = SweptCheck(checker, Margin(0.01))
    check.opening = (1.0, 1.0)
    for late, free in ((0.0, True), (2.4, False)):
        check.others = {'left': OtherMotion(shifted(leave, late), (1.0, 1.0))}
        finding = check.find(come)
        assert (finding is None) is free
    assert finding is not None
    assert 'left/' in finding.text


def test_an_arm_of_which_nothing_is_known_stops_everything(checker: EmbeddedChecker) -> None:
    """Not told, or told only from a time on at which it is already moving."""
    motion = a_motion(OTHER_SIDE, OTHER_SIDE + 0.01)
    check = SweptCheck(checker, Margin(0.01))
    assert check.find(motion) is not None
    known = a_motion(ASIDE, ASIDE + 0.2)
    check.others = {'left': OtherMotion(known)}
    assert check.find(motion) is None
    check.others = {'left': OtherMotion(shifted(known.since(START_NS + NS // 2), 0.0))}
    finding = check.find(motion)
    assert finding is not None
    assert 'what arm left does meanwhile is not known' in finding.text


def test_other_arms_have_names_of_their_own() -> None:
    """Two that are called alike could not be told apart."""
    with pytest.raises(VlaError, match='each other one of its own'):
        EmbeddedChecker(an_arm(), [an_arm(pose=FACING)])
    with pytest.raises(VlaError, match='give no pose'):
        EmbeddedChecker(an_arm(pose=FACING))
