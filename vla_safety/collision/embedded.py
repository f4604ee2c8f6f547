# SPDX-License-Identifier: Apache-2.0
"""The collision checker that needs no ROS: Pinocchio moves the shapes, coal compares them.

The gripper's fingers are where the opening in the posture puts them. What no joint can move
relative to each other (the base and the table it stands on) is not compared: nothing that the arm
does changes it.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import assemble
from vla_safety.collision.balls import Balls
from vla_safety.collision.bounds import overhang_m, shape_radii
from vla_safety.collision.checker import TOUCH, Clearance, Contact, Layout, Margin, Pair
from vla_safety.collision.objects import (
    AttachedObject,
    SceneObject,
    Shape,
    Vector3,
    refuse_repeated,
)
from vla_safety.collision.pairs import Pairs
from vla_safety.collision.shapes import convex, placement, standing
from vla_safety.motion import Array

_GREATEST = 1e6
"""Greatest sum of a posture's numbers that is looked at any closer."""
_FIRST_GUESS = np.array([1.0, 0.0, 0.0])
_FIRST_SUPPORT = np.zeros(2, dtype=np.int32)
_Manager = pin.BroadPhaseManager_DynamicAABBTreeCollisionManager


class EmbeddedChecker:
    """A ``CollisionChecker`` on primitives and convex hulls with a broadphase."""

    def __init__(self, arm: Arm, others: Sequence[Arm] = (), among_arms: bool = False) -> None:
        """Load the arms; the scene is empty and nothing is carried.

        Args:
            arm: The one that is checked, nameless.
            others: Arms that it must not touch, each with a name; they are not checked against
                the scene or each other.
            among_arms: Compare arms with each other only, not with themselves.
        """
        self._among_arms = among_arms
        self._assembly = assemble((arm, *others))
        self._scene: tuple[SceneObject, ...] = ()
        self._attached: tuple[AttachedObject, ...] = ()
        self._absolute = np.abs(self._assembly.matrix)
        self._data = self._assembly.model.createData()
        self._margin: Margin | None = None
        self._build()

    @property
    def layout(self) -> Layout:
        """What a posture is made of."""
        return self._assembly.layout

    @property
    def radii(self) -> Array:
        """Farthest that any point is moved by a change of each number by 1 [m/unit]."""
        return np.asarray(self._pairs.reach.max(axis=0))

    @property
    def overhang_m(self) -> float:
        """Farthest that a point of what is carried is from the arm that carries it [m]."""
        shapes = list(self._geometry.geometryObjects)
        arm = len(self._assembly.links)
        carried = shapes[arm : arm + len(self._attached)]
        return max((overhang_m(item, shapes[:arm]) for item in carried), default=0.0)

    @property
    def pairs(self) -> frozenset[Pair]:
        """Everything that is compared with everything else."""
        return frozenset(self._pairs.name(k) for k in range(len(self._pairs.first)))

    def set_scene(self, objects: Sequence[SceneObject]) -> None:
        """Replace all objects of the scene."""
        attached = [item.name for item in self._attached]
        refuse_repeated([*attached, *(item.name for item in objects)])
        before, objects = self._scene, tuple(objects)
        if [_apart_from_pose(item) for item in before] == [_apart_from_pose(i) for i in objects]:
            self._scene = objects
            self._move_scene()
        else:
            self._rebuild(objects, self._attached)

    def attach(self, item: AttachedObject) -> None:
        """Let a link carry something; a scene object of the same name is taken out."""
        refuse_repeated([item.name, *(other.name for other in self._attached)])
        model = self._assembly.model
        if not model.existBodyName(item.link):
            raise VlaError(f'{item.name} cannot be attached to {item.link}, which is no link')
        left = tuple(other for other in self._scene if other.name != item.name)
        self._rebuild(left, (*self._attached, item))

    def detach(self, name: str) -> None:
        """Let go of it; it is no longer known until it is part of a scene again."""
        left = tuple(item for item in self._attached if item.name != name)
        if len(left) == len(self._attached):
            raise VlaError(f'{name} is not attached, so it cannot be detached')
        self._rebuild(self._scene, left)

    def is_free(
        self,
        posture: Array,
        margin: Margin = TOUCH,
        travel: Array | None = None,
        ignoring: Collection[Pair] = (),
    ) -> bool:
        """Whether every pair stays farther apart than its margin, as far as it may travel."""
        q = self._configuration(posture, travel)
        if q is None:
            return False
        if travel is not None or margin != self._margin:
            margins = self._pairs.margins(margin, travel)
            self._geometry_data.setSecurityMargins(self._geometry, margins)
            self._margin = None if travel is not None else margin
        if not ignoring:
            return not self._collide(q)
        skipped = [k for pair in ignoring for k in self._pairs.of(pair)]
        for k in skipped:
            self._geometry_data.deactivateCollisionPair(k)
        free = not self._collide(q)
        for k in skipped:
            self._geometry_data.activateCollisionPair(k)
        return free

    def contacts(self, posture: Array, margin: Margin = TOUCH) -> tuple[Contact, ...]:
        """All pairs no farther apart than their margin, the nearest first."""
        nearest: dict[Pair, Contact] = {}
        bounds = self._bounds(posture)
        margins = np.where(self._pairs.own, margin.own_m, margin.scene_m)
        for k in map(int, np.flatnonzero(bounds <= margins)):
            distance = self._distance(k).min_distance
            known = nearest.get(self._pairs.name(k))
            if distance <= margins[k] and (known is None or distance < known.distance_m):
                nearest[self._pairs.name(k)] = self._contact(k, distance)
        return tuple(sorted(nearest.values(), key=lambda contact: contact.distance_m))

    def distance(self, posture: Array, pair: Pair) -> float:
        """Between two things; negative is how deep they overlap [m]."""
        self._place(posture)
        distances = [self._distance(k).min_distance for k in self._pairs.of(pair)]
        if not distances:
            raise VlaError(f'{" and ".join(sorted(pair))} are not compared with each other')
        return float(min(distances))

    def clearance(self, posture: Array, own: bool = True) -> Clearance | None:
        """The nearest pair; None where nothing can ever meet."""
        best, found = np.inf, None
        bounds = self._bounds(posture)
        if not own:
            bounds = np.where(self._pairs.own, np.inf, bounds)
        for k in map(int, np.argsort(bounds)):
            if bounds[k] >= best:
                break
            result = self._distance(k)
            if result.min_distance < best:
                best = float(result.min_distance)
                found = (k, result.getNearestPoint1().copy(), result.getNearestPoint2().copy())
        if found is None:
            return None
        k, first, second = found
        return Clearance(self._contact(k, best), (self._in_base(first), self._in_base(second)))

    def _rebuild(
        self, scene: tuple[SceneObject, ...], attached: tuple[AttachedObject, ...]
    ) -> None:
        """Know these from now on; on an error, all stays as it was."""
        before = self._scene, self._attached
        self._scene, self._attached = scene, attached
        try:
            self._build()
        except VlaError:
            self._scene, self._attached = before
            raise

    def _build(self) -> None:
        """Shapes, pairs, and all that is sized by them: what coal held before is not reused."""
        assembly = self._assembly
        geometry = assembly.geometry.copy()
        names, arm_of = list(assembly.links), list(assembly.arm_of)
        touching: list[frozenset[str]] = [frozenset()] * len(names)
        for item in self._attached:
            geometry.addGeometryObject(self._carried(item))
            names.append(item.name)
            arm_of.append(0)
            touching.append(item.touch_links | {item.link})
        radii = shape_radii(assembly.model, geometry)
        for thing in self._scene:
            shape = convex(thing.shape, thing.name)
            geometry.addGeometryObject(
                pin.GeometryObject(thing.name, 0, 0, self._standing(thing), shape)
            )
            names.append(thing.name)
            touching.append(thing.touch_links)
        self._geometry = geometry
        self._pairs = Pairs(
            names, arm_of, touching, radii, self._absolute, assembly.allowed, self._among_arms
        )
        geometry.setCollisionPairs(self._pairs.wanted)
        self._geometry_data = geometry.createData()
        self._manager = _Manager(assembly.model, geometry, self._geometry_data)
        self._margin = None
        self._balls = Balls.of(geometry, len(radii.radius))

    def _move_scene(self) -> None:
        """Put the same objects elsewhere, which is a tenth of the work."""
        moving = len(self._balls.radius)
        for index, thing in enumerate(self._scene, start=moving):
            self._geometry.geometryObjects[index].placement = self._standing(thing)
        self._balls = Balls.of(self._geometry, moving)

    def _standing(self, thing: SceneObject) -> pin.SE3:
        return standing(thing.shape, self._assembly.base * placement(thing.pose))

    def _carried(self, item: AttachedObject) -> pin.GeometryObject:
        model = self._assembly.model
        frame_id = model.getBodyId(item.link)
        frame = model.frames[frame_id]
        pose = frame.placement * placement(item.pose)
        shape = convex(item.shape, item.name)
        return pin.GeometryObject(item.name, frame.parentJoint, frame_id, pose, shape)

    def _configuration(self, posture: Array, travel: Array | None) -> NDArray[np.float64] | None:
        """The model's configuration; None for one, or a travel, that is not to be believed.

        Coal calls postures of 1e300 free, so they never reach it.
        """
        if posture.shape != (self._assembly.matrix.shape[1],):
            count = self._assembly.matrix.shape[1]
            raise VlaError(f'a posture of shape {posture.shape}, where {count} numbers are needed')
        if not abs(posture.sum()) <= _GREATEST:
            return None
        q = self._assembly.matrix @ posture + self._assembly.offset
        farthest = np.abs(q)
        if travel is not None:
            if not (travel.min() >= 0 and travel.sum() <= _GREATEST):
                return None
            farthest += self._absolute @ travel
        return q if (farthest <= self._assembly.greatest).all() else None

    def _collide(self, q: Array) -> bool:
        return bool(pin.computeCollisions(self._assembly.model, self._data, self._manager, q, True))

    def _place(self, posture: Array) -> None:
        """Move all shapes."""
        q = self._configuration(posture, None)
        if q is None:
            raise VlaError(f'posture {np.array2string(posture)} is not finite or not credible')
        pin.updateGeometryPlacements(
            self._assembly.model, self._data, self._geometry, self._geometry_data, q
        )

    def _bounds(self, posture: Array) -> Array:
        """Move all shapes, and bound the distance of every pair from below [m]."""
        self._place(posture)
        moving = len(self._balls.radius)
        placements = self._geometry_data.oMg
        centres = np.array([placements[i].act(self._balls.centre[i]) for i in range(moving)])
        return self._balls.bounds(centres, self._pairs)

    def _distance(self, k: int) -> pin.DistanceResult:
        """Measure a pair as if for the first time: the same posture gives the same number."""
        request = self._geometry_data.distanceRequests[k]
        request.cached_gjk_guess, request.cached_support_func_guess = _FIRST_GUESS, _FIRST_SUPPORT
        return pin.computeDistance(self._geometry, self._geometry_data, k)

    def _contact(self, k: int, distance_m: float) -> Contact:
        first, second = self._pairs.ends(k)
        return Contact(first, second, float(distance_m), bool(self._pairs.own[k]))

    def _in_base(self, point: Array) -> Vector3:
        x, y, z = self._assembly.base.actInv(point).tolist()
        return x, y, z


def _apart_from_pose(thing: SceneObject) -> tuple[str, Shape, frozenset[str]]:
    return thing.name, thing.shape, thing.touch_links
