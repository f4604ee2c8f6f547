# SPDX-License-Identifier: Apache-2.0
"""Two checkers on one arm, MoveIt's played by a stand-in: where they disagree, nothing moves.

What MoveIt itself says is tested where it is installed.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pytest
from typing_extensions import override

from test.vla_safety.collision.scenes import a_box, a_motion, an_arm, home, tool_point
from vla_bridge.collision.moveit import MoveItChecker
from vla_bridge.collision.planning_scene import MoveItScene
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin, Pair
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import AttachedObject, SceneObject
from vla_safety.collision.swept import SweptCheck
from vla_safety.motion import Array
from vla_safety.reasons import Reason

MARGIN = Margin(0.003)
PAN = np.eye(6)[0]


class OtherScene(MoveItScene):
    """As strict as MoveIt's, and blind to what it is told to be blind to."""

    def __init__(self, arm: Arm, blind_to: Collection[str] = ()) -> None:
        """It has read the arm as it is."""
        self._own = EmbeddedChecker(arm)
        self._blind_to = blind_to

    @override
    def build(
        self,
        objects: Sequence[SceneObject],
        attached: Sequence[AttachedObject],
        pairs: frozenset[Pair],
    ) -> None:
        """Take the scene, and lose some of it."""
        self._own.set_scene([item for item in objects if item.name not in self._blind_to])

    @override
    def is_free(self, posture: Array, ignoring: Collection[Pair] = ()) -> bool:
        """Touching or not."""
        return self._own.is_free(posture, ignoring=ignoring)

    @override
    def touching(self, posture: Array) -> tuple[Pair, ...]:
        """What touches."""
        return tuple(contact.pair for contact in self._own.contacts(posture))


def checker(blind_coal: Collection[str] = (), blind_moveit: Collection[str] = ()) -> MoveItChecker:
    """A crate in the way of a turn, which one of both may not have."""
    arm = an_arm()
    both = MoveItChecker(arm, moveit=OtherScene(arm, blind_moveit))
    crate = a_box('crate', tool_point(arm, np.array(arm.robot.home) + 0.5 * PAN), 0.1)
    both.set_scene([crate])
    both.coal.set_scene([item for item in [crate] if item.name not in blind_coal])
    return both


@pytest.mark.parametrize(
    ('blind_coal', 'blind_moveit', 'free'),
    [
        ((), (), False),
        (('crate',), (), False),
        ((), ('crate',), False),
        (('crate',), ('crate',), True),
    ],
)
def test_a_crate_that_either_has_stops_a_motion(
    blind_coal: tuple[str, ...], blind_moveit: tuple[str, ...], free: bool
) -> None:
    """Case 65: it is followed up to where the first of them finds a collision, and says what."""
    both = checker(blind_coal, blind_moveit)
    start = np.array(an_arm().robot.home)
    motion = a_motion(start, start + 0.9 * PAN, 2.0)
    check = SweptCheck(both, MARGIN)
    finding = check.find(motion)
    assert (finding is None) is free
    if finding is None:
        return
    assert finding.reason is Reason.COLLISION
    assert 'crate' in finding.text
    assert finding.safe_until_ns is not None
    at = motion.at(finding.safe_until_ns).q[0] - start[0]
    assert 0.1 < at < 0.5


def test_an_arm_in_what_only_one_of_them_has_is_not_armed() -> None:
    """The contact says what it is, though its depth is not known."""
    arm = an_arm()
    crate = a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)
    for blind in ('coal', 'moveit', 'neither'):
        both = MoveItChecker(arm, moveit=OtherScene(arm, ['crate'] if blind == 'moveit' else []))
        both.set_scene([crate])
        both.coal.set_scene([] if blind == 'coal' else [crate])
        posture = home(both.coal, arm)
        assert not both.is_free(posture)
        contacts = both.contacts(posture)
        assert any('crate' in contact.pair for contact in contacts)
        assert all(contact.distance_m <= 0 for contact in contacts)
