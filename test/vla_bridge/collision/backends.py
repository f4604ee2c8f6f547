# SPDX-License-Identifier: Apache-2.0
"""Every collision checker that imports here, by name, and MoveIt's verdict without coal's."""

from collections.abc import Callable, Collection, Sequence

import pytest

from vla_bridge.collision.moveit import MoveItChecker
from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import CollisionChecker, Margin, Pair
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.motion import Array

Load = Callable[[Arm, Sequence[Arm]], CollisionChecker]


class MoveItAlone(MoveItChecker):
    """Yes and no by MoveIt, which coal cannot overrule; margins and travel are not known to it."""

    def is_free(
        self,
        posture: Array,
        margin: Margin | None = None,
        travel: Array | None = None,
        ignoring: Collection[Pair] = (),
    ) -> bool:
        """What MoveIt says."""
        assert margin is None
        assert travel is None
        return self.moveit.is_free(posture, ignoring)


LOADERS: dict[str, Load] = {
    'embedded': EmbeddedChecker,
    'moveit alone': MoveItAlone,
    'moveit and coal': MoveItChecker,
}


def load_or_skip(name: str, arm: Arm, others: Sequence[Arm] = ()) -> CollisionChecker:
    """A checker by name; where its library is not installed, the test is skipped."""
    try:
        return LOADERS[name](arm, others)
    except VlaError as error:
        if 'cannot be imported' not in str(error):
            raise
        pytest.skip(f'{error}. Run this test in a shell where ROS with moveit_py is sourced.')
