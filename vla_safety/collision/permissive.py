# SPDX-License-Identifier: Apache-2.0
"""Does an SRDF let links pass through each other? Random postures show what it should not allow.

Neighbours, links that no joint of the arm moves one against the other, and links that touch nearly
always are built that way. Any other pair that an SRDF takes out of the check, and that touches in
some postures, is one that the arm can hurt itself with. What no posture shows may still exist.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import Assembly, assemble
from vla_safety.collision.srdf import read_allowed
from vla_safety.motion import Array

ALWAYS = 0.95
"""Share of postures in which a pair touches that is built that way."""
SAMPLES = 1_000
"""Postures looked at: a pair that touches in one of 200 is missed less than once in a hundred."""


@dataclass(frozen=True)
class Permitted:
    """Two links that the SRDF takes out of the check, and that collide.

    Attributes:
        first: A link.
        second: Another.
        reason: What the SRDF says, as Never.
        share: Of the postures in which they collide.
    """

    first: str
    second: str
    reason: str
    share: float

    @property
    def text(self) -> str:
        """The same in words."""
        said = f'"{self.reason}"' if self.reason else 'without a reason'
        return (
            f'{self.first} and {self.second} may touch ({said}), and do in {self.share:.1%} of '
            'random postures'
        )


def permitted_collisions(arm: Arm, samples: int = SAMPLES) -> tuple[Permitted, ...]:
    """Pairs that the arm's SRDF should not have disabled, the one that collides most first.

    Args:
        arm: The one that is checked.
        samples: Random postures; the same in every call.
    """
    if arm.srdf is None:
        return ()
    assembly = assemble((arm,))
    reasons = read_allowed(arm.srdf, [frame.name for frame in assembly.model.frames])
    doubtful = _doubtful(assembly)
    touches = _touches(assembly, doubtful, samples)
    found: list[Permitted] = []
    for pair, count in touches.items():
        if count < ALWAYS * samples:
            first, second = sorted(pair)
            found.append(Permitted(first, second, reasons.get(pair, ''), count / samples))
    return tuple(sorted(found, key=lambda item: (-item.share, item.first, item.second)))


def neighbours(assembly: Assembly, first: int, second: int) -> bool:
    """Whether one joint, or none, is between what two joints move."""
    parents = assembly.model.parents
    return first == second or first == parents[second] or parents[first] == second


def moved_alike(assembly: Assembly, first: int, second: int) -> bool:
    """Whether only the gripper moves one against the other."""
    return _arm_joints(assembly, first) == _arm_joints(assembly, second)


def random_postures(assembly: Assembly, samples: int, seed: int = 0) -> Array:
    """Postures of the arm, joints within half a turn and their limits, openings from 0 to 1."""
    model, names = assembly.model, assembly.layout.names
    low, high = np.zeros(len(names)), np.ones(len(names))
    slots = assembly.layout.own.joints
    for index in range(slots.start, slots.stop):
        at = model.joints[model.getJointId(names[index])].idx_q
        low[index] = max(model.lowerPositionLimit[at], -np.pi)
        high[index] = min(model.upperPositionLimit[at], np.pi)
    return np.random.default_rng(seed).uniform(low, high, (samples, len(names)))


def _arm_joints(assembly: Assembly, joint: int) -> set[str]:
    """Joints of the arm that move what hangs on a joint."""
    above = (assembly.model.names[index] for index in assembly.model.supports[joint])
    return set(above) & set(assembly.layout.names)


def _doubtful(assembly: Assembly) -> list[tuple[int, int]]:
    """Pairs of shapes that may touch though the arm moves one against the other."""
    joints = [int(shape.parentJoint) for shape in assembly.geometry.geometryObjects]
    links, pairs = assembly.links, range(len(assembly.links))
    return [
        (i, j)
        for i in pairs
        for j in pairs[i + 1 :]
        if frozenset((links[i], links[j])) in assembly.allowed
        and not neighbours(assembly, joints[i], joints[j])
        and not moved_alike(assembly, joints[i], joints[j])
    ]


def _touches(
    assembly: Assembly, doubtful: Sequence[tuple[int, int]], samples: int
) -> Counter[frozenset[str]]:
    """In how many postures each of these pairs of links touches."""
    found: Counter[frozenset[str]] = Counter()
    if not doubtful:
        return found
    geometry = assembly.geometry.copy()
    for i, j in doubtful:
        geometry.addCollisionPair(pin.CollisionPair(i, j))
    names = [frozenset((assembly.links[i], assembly.links[j])) for i, j in doubtful]
    data, scratch = assembly.model.createData(), geometry.createData()
    for posture in random_postures(assembly, samples):
        q = assembly.matrix @ posture + assembly.offset
        if pin.computeCollisions(assembly.model, data, geometry, scratch, q, False):
            results = scratch.collisionResults
            found.update(
                {n for n, result in zip(names, results, strict=True) if result.isCollision()}
            )
    return found
