# SPDX-License-Identifier: Apache-2.0
"""What any collision checker can do, whichever library is behind it.

A *posture* is one array: the arm's joints in the robot file's order, then the opening of its
gripper (0 closed, 1 open) where it has one, then the same of every other arm in the scene. Its
``Layout`` says which number is which. Checkers are not shared between threads.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vla_contract.errors import VlaError
from vla_safety.collision.objects import AttachedObject, SceneObject, Vector3
from vla_safety.motion import Array

Pair = frozenset[str]
"""Names of two links or objects; links of another arm are written ``arm/link``."""


@dataclass(frozen=True)
class Margin:
    """Least distances that count as free [m].

    Attributes:
        scene_m: From objects of the scene and from other arms.
        own_m: Between parts of the arm, which are built close to each other.
    """

    scene_m: float = 0.0
    own_m: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would let things overlap."""
        for name, value in (('scene_m', self.scene_m), ('own_m', self.own_m)):
            if not 0 <= value < math.inf:
                raise VlaError(f'margin {name} is {value:g} m; it is 0 or more, and finite')

    def plus(self, more_m: float) -> 'Margin':
        """Both, by so much greater."""
        return Margin(self.scene_m + more_m, self.own_m + more_m)


TOUCH = Margin()
"""Nothing more than not to touch."""


@dataclass(frozen=True)
class Contact:
    """Two things that touch, or are nearer than they may be.

    Attributes:
        first: A link or an attached object.
        second: A link, an attached object or an object of the scene.
        distance_m: Between them; negative is how deep they overlap.
        own: Whether both are parts of the arm that is checked, what it carries included.
    """

    first: str
    second: str
    distance_m: float
    own: bool = False

    @property
    def pair(self) -> Pair:
        """Both names, in no order."""
        return frozenset((self.first, self.second))


@dataclass(frozen=True)
class Clearance:
    """The two things that are nearest to each other.

    Attributes:
        contact: Which, and how near.
        points: The nearest point of each [m], in the base frame.
    """

    contact: Contact
    points: tuple[Vector3, Vector3]

    @property
    def distance_m(self) -> float:
        """Between the two; negative is how deep they overlap."""
        return self.contact.distance_m


Others = Mapping[str, tuple[Array, float]]
"""Joints and opening of every other arm, by its name."""


@dataclass(frozen=True)
class ArmSlots:
    """Where one arm's numbers stand in a posture.

    Attributes:
        name: Empty for the arm that is checked.
        joints: Its joints, in its robot file's order.
        opening: Its gripper's opening; None where it has no gripper.
    """

    name: str
    joints: slice
    opening: int | None


@dataclass(frozen=True)
class Layout:
    """What each number of a posture is.

    Attributes:
        names: Of every number; those of another arm are written ``arm/joint``.
        arms: The arm that is checked first, then the others.
    """

    names: tuple[str, ...]
    arms: tuple[ArmSlots, ...]

    @property
    def own(self) -> ArmSlots:
        """The arm that is checked."""
        return self.arms[0]

    @property
    def others(self) -> tuple[ArmSlots, ...]:
        """Arms beside it."""
        return self.arms[1:]

    def posture(self, q: Array, opening: float = 1.0, others: Others | None = None) -> Array:
        """Put a posture together.

        Args:
            q: The arm's joints.
            opening: Of its gripper; without meaning where it has none.
            others: Every other arm.
        """
        values = np.empty(len(self.names))
        known = {'': (q, opening), **(others or {})}
        for arm in self.arms:
            if arm.name not in known:
                raise VlaError(f'where arm {arm.name} is was not told')
            joints, opened = known[arm.name]
            count = arm.joints.stop - arm.joints.start
            if np.shape(joints) != (count,):
                raise VlaError(f'{np.size(joints)} positions for the {count} joints of an arm')
            values[arm.joints] = joints
            if arm.opening is not None:
                values[arm.opening] = opened
        return values


class CollisionChecker(Protocol):
    """Judges postures against the arm itself, other arms, and a scene."""

    @property
    def layout(self) -> Layout:
        """What a posture is made of."""

    @property
    def radii(self) -> Array:
        """Farthest that any point is moved by a change of each number by 1 [m/unit].

        It holds in every posture and includes what is attached.
        """

    def set_scene(self, objects: Sequence[SceneObject]) -> None:
        """Replace all objects of the scene."""

    def attach(self, item: AttachedObject) -> None:
        """Let a link carry something; a scene object of the same name is taken out."""

    def detach(self, name: str) -> None:
        """Let go of it; it is no longer known until it is part of a scene again."""

    def is_free(
        self,
        posture: Array,
        margin: Margin = TOUCH,
        travel: Array | None = None,
        ignoring: Collection[Pair] = (),
    ) -> bool:
        """Whether every pair stays farther apart than a margin.

        Args:
            posture: Numbers that are not finite, or absurd, are never free.
            margin: Least distances.
            travel: True is said only if it holds for every posture within this of the given one,
                number by number. A checker may be wary here, never hopeful.
            ignoring: Pairs that are judged elsewhere.
        """

    def contacts(self, posture: Array, margin: Margin = TOUCH) -> tuple[Contact, ...]:
        """All pairs no farther apart than their margin, the nearest first."""

    def distance(self, posture: Array, pair: Pair) -> float:
        """Between two things; negative is how deep they overlap [m]."""

    def clearance(self, posture: Array, own: bool = True) -> Clearance | None:
        """The nearest pair; None where nothing can ever meet.

        Args:
            posture: Must be credible.
            own: Whether parts of the arm count against each other.
        """


def colliding(checker: CollisionChecker, posture: Array, margin: Margin = TOUCH) -> Contact | None:
    """The nearest pair that is within its margin, None where all is free."""
    return next(iter(checker.contacts(posture, margin)), None)
