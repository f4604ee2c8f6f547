# SPDX-License-Identifier: Apache-2.0
"""A ``CollisionChecker`` that asks MoveIt as well: whether, from both; how near, from coal.

MoveIt's bindings tell no distances, so margins, sweeps and clearances are the embedded checker's.
A posture is free only if neither finds a collision: where the two disagree, nothing moves.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from vla_bridge.collision.installed import find_bindings
from vla_bridge.collision.planning_scene import MoveItScene
from vla_contract.robot import Robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import assemble
from vla_safety.collision.checker import (
    TOUCH,
    Clearance,
    CollisionChecker,
    Contact,
    Layout,
    Margin,
    Pair,
)
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import AttachedObject, SceneObject
from vla_safety.motion import Array


def load_moveit_checker(
    robot: Robot, urdf: Path, srdf: Path | None, others: Sequence[Arm] = ()
) -> CollisionChecker:
    """A checker by MoveIt and coal.

    Args:
        robot: The robot file of the arm that is checked.
        urdf: The file that names.
        srdf: The same; None where there is none.
        others: Arms that it must not touch.

    Raises:
        VlaError: MoveIt is not installed here, or does not understand the robot.
    """
    return MoveItChecker(Arm(robot, urdf, srdf), others)


class MoveItChecker:
    """Both checkers on the same arms and the same scene."""

    def __init__(
        self, arm: Arm, others: Sequence[Arm] = (), moveit: MoveItScene | None = None
    ) -> None:
        """Load the arms; the scene is empty and nothing is carried.

        Args:
            arm: The one that is checked.
            others: Arms that it must not touch.
            moveit: Asked as well; None: a planning scene of the MoveIt that is installed.
        """
        arms = (arm, *others)
        self.moveit = moveit or MoveItScene(find_bindings(), arms, assemble(arms))
        self.coal = EmbeddedChecker(arm, others)
        self._objects: tuple[SceneObject, ...] = ()
        self._attached: tuple[AttachedObject, ...] = ()
        self._rebuild()

    @property
    def layout(self) -> Layout:
        """What a posture is made of."""
        return self.coal.layout

    @property
    def radii(self) -> Array:
        """Farthest that any point is moved by a change of each number by 1 [m/unit]."""
        return self.coal.radii

    def set_scene(self, objects: Sequence[SceneObject]) -> None:
        """Replace all objects of the scene."""
        self.coal.set_scene(objects)
        self._objects = tuple(objects)
        self._rebuild()

    def attach(self, item: AttachedObject) -> None:
        """Let a link carry something; a scene object of the same name is taken out."""
        self.coal.attach(item)
        self._objects = tuple(other for other in self._objects if other.name != item.name)
        self._attached = (*self._attached, item)
        self._rebuild()

    def detach(self, name: str) -> None:
        """Let go of it; it is no longer known until it is part of a scene again."""
        self.coal.detach(name)
        self._attached = tuple(item for item in self._attached if item.name != name)
        self._rebuild()

    def is_free(
        self,
        posture: Array,
        margin: Margin = TOUCH,
        travel: Array | None = None,
        ignoring: Collection[Pair] = (),
    ) -> bool:
        """Whether every pair stays farther apart than a margin, for both.

        Of postures within ``travel``, coal is asked; MoveIt answers for the one that is given.
        """
        return self.moveit.is_free(posture, ignoring) and self.coal.is_free(
            posture, margin, travel, ignoring
        )

    def contacts(self, posture: Array, margin: Margin = TOUCH) -> tuple[Contact, ...]:
        """All pairs no farther apart than their margin, the nearest first.

        A pair that only MoveIt says touches has the distance 0.
        """
        found = self.coal.contacts(posture, margin)
        known = {contact.pair for contact in found if contact.distance_m <= 0}
        if self.moveit.is_free(posture, known):
            return found
        touching = [pair for pair in self.moveit.touching(posture) if pair not in known]
        kept = [contact for contact in found if contact.pair not in touching]
        added = [self._touch(*sorted(pair)) for pair in touching]
        return tuple(sorted((*kept, *added), key=lambda contact: contact.distance_m))

    def distance(self, posture: Array, pair: Pair) -> float:
        """Between two things, by coal; negative is how deep they overlap [m]."""
        return self.coal.distance(posture, pair)

    def clearance(self, posture: Array, own: bool = True) -> Clearance | None:
        """The nearest pair, by coal; None where nothing can ever meet."""
        return self.coal.clearance(posture, own)

    def _touch(self, first: str, second: str) -> Contact:
        apart = {item.name for item in self._objects}
        others = tuple(f'{arm.name}/' for arm in self.layout.others)
        own = not any(name in apart or name.startswith(others) for name in (first, second))
        return Contact(first, second, 0.0, own)

    def _rebuild(self) -> None:
        self.moveit.build(self._objects, self._attached, self.coal.pairs)
