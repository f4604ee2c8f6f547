# SPDX-License-Identifier: Apache-2.0
"""Keeps one arm away from itself, its surroundings and other arms, and says how near they are.

The surroundings come from several sources: the robot file, once; topics, again and again. Each
source replaces only what it said before.
"""

from collections.abc import Sequence

import numpy as np

from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_contract.scene import Scene
from vla_safety.collision.checker import Clearance, CollisionChecker, Contact, Margin, colliding
from vla_safety.collision.objects import AttachedObject, SceneObject
from vla_safety.collision.swept import SweptCheck
from vla_safety.motion import NS, Array, Motion
from vla_safety.reasons import Finding, Reason

FIXED = 'robot file'
"""The source that says what always stands there."""


class Avoidance:
    """A ``MotionCheck`` with a scene that may change.

    Attributes:
        nearest: What the motion last looked at came nearest to; None for nothing.
    """

    def __init__(
        self, checker: CollisionChecker, robot: Robot, fixed: Sequence[SceneObject] = ()
    ) -> None:
        """Begin with what always stands there.

        Args:
            checker: Of this arm.
            robot: Says what distances to keep and what the scene must hold.
            fixed: The robot file's own objects.
        """
        rule = robot.collision
        self.nearest: Clearance | None = None
        self._changed = True
        self._checker = checker
        self._rule, self._scene = rule, robot.scene
        self._kept_m = rule.margin + rule.tracking
        self._swept = SweptCheck(checker, Margin(self._kept_m, rule.own_margin))
        self._awaited = _sources(robot.scene)
        self._said: dict[str, tuple[SceneObject, ...]] = {}
        self._heard_ns: dict[str, int] = {}
        self._carried: tuple[AttachedObject, ...] = ()
        self._fault: Finding | None = None
        self.see(FIXED, fixed, 0)

    @property
    def opening(self) -> tuple[float, float]:
        """Least and greatest opening of the gripper while the next motion lasts."""
        return self._swept.opening

    @opening.setter
    def opening(self, between: tuple[float, float]) -> None:
        self._swept.opening = between

    def find(self, motion: Motion) -> Finding | None:
        """The first collision of a motion, and until when it is free."""
        return self._swept.find(motion)

    def see(self, source: str, objects: Sequence[SceneObject], steady_ns: int) -> None:
        """A source says everything that it knows of. What cannot be understood stops the arm."""
        objects = tuple(objects)
        self._heard_ns[source] = steady_ns
        if self._said.get(source) == objects and self._fault is None:
            return
        said = {**self._said, source: objects}
        try:
            self._checker.set_scene([item for group in said.values() for item in group])
        except VlaError as error:
            self.refuse(source, str(error))
            return
        self._said, self._fault = said, None
        self._changed = True

    def refuse(self, source: str, text: str) -> None:
        """A source said what cannot be understood: until it makes sense again, nothing moves."""
        self._fault = Finding(Reason.SCENE_BAD, f'{source}: {text}')

    def carry(self, items: Sequence[AttachedObject]) -> None:
        """What links carry from now on; what was carried before is let go."""
        for item in self._carried:
            self._checker.detach(item.name)
        for item in items:
            self._checker.attach(item)
        self._carried = tuple(items)
        self._changed = True

    def finding(self, steady_ns: int) -> Finding | None:
        """Why the scene cannot be relied on now, or None."""
        if self._fault is not None:
            return self._fault
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
        return None

    def touching(self, q: Array) -> Contact | None:
        """Two things that overlap where the arm is."""
        return colliding(self._checker, self._posture(q, self.opening[1]))

    def look(self, executing: Motion, ahead_ns: int) -> Finding | None:
        """See how near things are, and, where the scene changed, whether the way is still free.

        Args:
            executing: The motion in execution.
            ahead_ns: From when on it could still be changed.
        """
        places = [executing.at(ahead_ns).q, executing.q[-1]]
        near = [found for q in places if (found := self._near(q)) is not None]
        self.nearest = min(near, key=lambda clearance: clearance.distance_m, default=None)
        if not self._changed:
            return None
        self._changed = False
        return self.find(executing.since(ahead_ns))

    @property
    def pace(self) -> float:
        """Pace not to exceed with something as near as was last seen."""
        rule = self._rule
        if not rule.slow_from or self.nearest is None or self.nearest.contact.own:
            return 1.0
        share = (self.nearest.distance_m - self._kept_m) / (rule.slow_from - self._kept_m)
        return rule.slowest + (1 - rule.slowest) * min(max(share, 0.0), 1.0)

    def _near(self, q: Array) -> Clearance | None:
        """The scene first: parts of the arm are always near each other."""
        posture = self._posture(q, self.opening[1])
        return self._checker.clearance(posture, own=False) or self._checker.clearance(posture)

    def _posture(self, q: Array, opening: float) -> Array:
        others = {
            name: (other.motion.q[-1], float(np.mean(other.opening)))
            for name, other in self._swept.others.items()
        }
        return self._checker.layout.posture(q, opening, others)


def _sources(scene: Scene) -> tuple[str, ...]:
    """Topics that must have spoken before anything moves."""
    depth = f'depth camera {scene.depth.camera}' if scene.depth else ''
    return tuple(source for source in (scene.planning_scene, scene.markers, depth) if source)
