# SPDX-License-Identifier: Apache-2.0
"""Keeps one arm away from itself, its surroundings and other arms, and says how near they are.

The surroundings come from several sources: the robot file, once; topics, again and again. Each
source replaces only what it said before.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_contract.scene import Scene
from vla_safety.collision.checker import Clearance, CollisionChecker, Contact, Margin, colliding
from vla_safety.collision.fingers import met_by_fingers
from vla_safety.collision.objects import AttachedObject, SceneObject
from vla_safety.collision.swept import SweptCheck
from vla_safety.motion import NS, Array, Motion
from vla_safety.neighbours import Neighbours
from vla_safety.other_arm import OtherSeen
from vla_safety.reasons import Finding, Reason

FIXED = 'robot file'
"""The source that says what always stands there."""


@dataclass(frozen=True)
class Seen:
    """What is known of the surroundings.

    Attributes:
        said: Objects by source.
        heard_ns: When each source last spoke, by the steady clock.
        carried: What links carry.
        faults: What could not be understood, by source.
        opening: Least and greatest opening of the gripper while the next motion lasts.
        others: What is known of other arms.
    """

    said: Mapping[str, tuple[SceneObject, ...]]
    heard_ns: Mapping[str, int]
    carried: tuple[AttachedObject, ...]
    faults: Mapping[str, Finding]
    opening: tuple[float, float]
    others: Mapping[str, OtherSeen]


class Avoidance:
    """A ``MotionCheck`` with a scene that may change.

    Attributes:
        nearest: What the motion last looked at came nearest to; None for nothing.
        neighbours: Other arms; None where there are none.
    """

    def __init__(
        self,
        checker: CollisionChecker,
        robot: Robot,
        fixed: Sequence[SceneObject] = (),
        neighbours: Neighbours | None = None,
    ) -> None:
        """Begin with what always stands there.

        Args:
            checker: Of this arm.
            robot: Says what distances to keep and what the scene must hold.
            fixed: The robot file's own objects.
            neighbours: Other arms.
        """
        rule = robot.collision
        self.nearest: Clearance | None = None
        self.neighbours = neighbours
        self._changed = True
        self._checker = checker
        self._rule, self._scene = rule, robot.scene
        self._kept_m = rule.margin + rule.tracking
        self._swept = SweptCheck(checker, Margin(self._kept_m, rule.own_margin))
        self._awaited = _sources(robot.scene)
        self._said: dict[str, tuple[SceneObject, ...]] = {}
        self._heard_ns: dict[str, int] = {}
        self._carried: tuple[AttachedObject, ...] = ()
        self._faults: dict[str, Finding] = {}
        self._slowing_m = math.inf
        self._indifferent = {item.name for item in robot.scene.objects if not item.slows}
        self.see(FIXED, fixed, 0)

    @property
    def checker(self) -> CollisionChecker:
        """Of this arm, with the scene of the moment: to be asked, not to be told."""
        return self._checker

    @property
    def opening(self) -> tuple[float, float]:
        """Least and greatest opening of the gripper while the next motion lasts."""
        return self._swept.opening

    @opening.setter
    def opening(self, between: tuple[float, float]) -> None:
        self._swept.opening = between
        if self.neighbours is not None:
            self.neighbours.opening = between

    @property
    def seen(self) -> Seen:
        """All that is remembered."""
        return Seen(
            dict(self._said),
            dict(self._heard_ns),
            self._carried,
            dict(self._faults),
            self.opening,
            self.neighbours.seen if self.neighbours else {},
        )

    def recall(self, seen: Seen) -> None:
        """Remember this instead, and look at the motion in execution anew."""
        self._checker.set_scene([item for group in seen.said.values() for item in group])
        self.carry(seen.carried)
        self._changed = True
        self._said, self._heard_ns = dict(seen.said), dict(seen.heard_ns)
        self._faults, self.opening = dict(seen.faults), seen.opening
        if self.neighbours is not None:
            self.neighbours.recall(seen.others)

    def find(self, motion: Motion) -> Finding | None:
        """The first collision of a motion, and until when it is free."""
        finding = self._swept.find(motion)
        if finding is None and self.neighbours is not None:
            finding = self.neighbours.find(motion)
        return finding

    def find_for_gripper(self, executing: Motion, opening: float) -> Finding | None:
        """What the gripper would hit on its way to an opening, while the arm goes on, or rests.

        Args:
            executing: The motion in execution, from now on.
            opening: Asked for, from 0 to 1.
        """
        before = self.opening
        margin = Margin(self._kept_m, self._rule.own_margin)
        for end in before:
            start, wanted = (self._posture(executing.q[0], value) for value in (end, opening))
            contact = met_by_fingers(self._checker, start, wanted, margin)
            if contact is not None:
                text = (
                    f'with the gripper at {opening:.2f}, {contact.first} would be '
                    f'{contact.distance_m * 1000:.1f} mm from {contact.second}'
                )
                return Finding(Reason.COLLISION, text)
        self.opening = min(*before, opening), max(*before, opening)
        finding = self.find(executing)
        self.opening = before
        return finding

    def see(self, source: str, objects: Sequence[SceneObject], steady_ns: int) -> None:
        """A source says everything that it knows of. What cannot be understood stops the arm."""
        objects = tuple(objects)
        self._heard_ns[source] = steady_ns
        if self._said.get(source) == objects and source not in self._faults:
            return
        said = {**self._said, source: objects}
        try:
            self._checker.set_scene([item for group in said.values() for item in group])
        except VlaError as error:
            self.refuse(source, str(error))
            return
        self._said = said
        self._faults.pop(source, None)
        self._changed = True

    def refuse(self, source: str, text: str) -> None:
        """A source said what cannot be understood: until it makes sense again, nothing moves."""
        self._faults[source] = Finding(Reason.SCENE_BAD, f'{source}: {text}')

    @property
    def carried(self) -> tuple[AttachedObject, ...]:
        """What links carry."""
        return self._carried

    def carry(self, items: Sequence[AttachedObject]) -> None:
        """What links carry from now on; what was carried before is let go."""
        if tuple(items) == self._carried:
            return
        self._changed = True
        for item in self._carried:
            if item not in items:
                self._checker.detach(item.name)
                self._carried = tuple(other for other in self._carried if other is not item)
        for item in items:
            if item not in self._carried:
                self._checker.attach(item)
                self._carried = (*self._carried, item)
        if self.neighbours is not None:
            self.neighbours.carry(self._carried)

    def finding(self, steady_ns: int) -> Finding | None:
        """Why the scene cannot be relied on now, or None."""
        for fault in self._faults.values():
            return fault
        for source in self._awaited:
            if source not in self._heard_ns:
                return Finding(Reason.NO_SCENE, f'nothing has come from {source}')
            age_s = (steady_ns - self._heard_ns[source]) / NS
            if 0 < self._scene.max_age_s < age_s:
                return Finding(
                    Reason.STALE_SCENE,
                    f'{source} is {age_s:.2f} s old, at most {self._scene.max_age_s:g} s',
                )
        if self._scene.required and not any(self._said.values()):
            return Finding(Reason.NO_SCENE, 'the scene is empty and scene.required is true')
        return self.neighbours.finding(steady_ns) if self.neighbours is not None else None

    def nearest_at(self, q: Array) -> Clearance | None:
        """What is nearest to the arm at a place; None where nothing is."""
        found = self._near(self._posture(q, self.opening[1]))
        other = self.neighbours.nearest(q) if self.neighbours is not None else None
        if found is None or found.contact.own:
            return other or found
        return other if other is not None and other.distance_m < found.distance_m else found

    def touching(self, q: Array) -> Contact | None:
        """Two things that overlap where the arm is."""
        contact = colliding(self._checker, self._posture(q, self.opening[1]))
        return contact or (self.neighbours.touching(q) if self.neighbours is not None else None)

    def look(self, executing: Motion, ahead_ns: int) -> Finding | None:
        """See how near things are, and, where the scene changed, whether the way is still free.

        Args:
            executing: The motion in execution.
            ahead_ns: From when on it could still be changed.
        """
        places = [executing.at(ahead_ns).q, executing.q[-1]]
        near = [found for q in places if (found := self.nearest_at(q)) is not None]
        self._slowing_m = min(map(self._slowing, places))
        self.nearest = min(near, key=lambda clearance: clearance.distance_m, default=None)
        changed, self._changed = self._changed, False
        finding = self._swept.find(executing.since(ahead_ns)) if changed else None
        if finding is None and self.neighbours is not None:
            finding = self.neighbours.look(executing, ahead_ns)
        return finding

    @property
    def pace(self) -> float:
        """Pace not to exceed with something as near as was last seen."""
        rule = self._rule
        if not rule.slow_from:
            return 1.0
        share = (self._slowing_m - self._kept_m) / (rule.slow_from - self._kept_m)
        return rule.slowest + (1 - rule.slowest) * min(max(share, 0.0), 1.0)

    def _slowing(self, q: Array) -> float:
        """Distance to the nearest thing that slows the arm down; infinite beyond slow_from [m]."""
        slow_from = self._rule.slow_from
        if not slow_from:
            return math.inf
        near = self._checker.contacts(self._posture(q, self.opening[1]), Margin(slow_from))
        counted = (
            contact.distance_m
            for contact in near
            if not contact.own and not contact.pair & self._indifferent
        )
        nearest = min(counted, default=math.inf)
        if self.neighbours is None:
            return nearest
        return min(nearest, self.neighbours.distance_m(q, slow_from))

    def _near(self, posture: Array) -> Clearance | None:
        """The scene first: parts of the arm are always near each other."""
        return self._checker.clearance(posture, own=False) or self._checker.clearance(posture)

    def _posture(self, q: Array, opening: float) -> Array:
        return self._checker.layout.posture(q, opening)


def _sources(scene: Scene) -> tuple[str, ...]:
    """Topics that must have spoken before anything moves."""
    depth = f'depth camera {scene.depth.camera}' if scene.depth else ''
    return tuple(source for source in (scene.planning_scene, scene.markers, depth) if source)
