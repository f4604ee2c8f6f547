# SPDX-License-Identifier: Apache-2.0
"""moveit_msgs/PlanningScene as objects that stand and objects that links carry.

Whole scenes and differences are taken as MoveIt takes them, with two exceptions. What MoveIt would
log and drop (an unknown frame, a shape that is none, an octomap) is remembered until it is replaced
or removed, and nothing moves meanwhile. And allowed collisions are not taken from a topic: what may
touch is in the SRDF and the robot file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import pinocchio as pin

from vla_bridge.codecs.messages import Bytes
from vla_bridge.collision.from_moveit import attached_objects, read_pose, scene_objects
from vla_bridge.collision.messages import AttachedMessage, CollisionObjectMessage
from vla_contract.errors import VlaError
from vla_safety.collision.objects import AttachedObject, Pose, SceneObject
from vla_safety.collision.shapes import placement
from vla_safety.collision.solids import as_pose

ADD, REMOVE, APPEND, MOVE = range(4)
"""Operations on a moveit_msgs/CollisionObject."""
_OCTOMAP, _FIRST = '<octomap>', '<first message>'
_Part = TypeVar('_Part', SceneObject, AttachedObject)


class OctomapMessage(Protocol):
    """octomap_msgs/Octomap."""

    @property
    def data(self) -> Bytes:
        """The tree."""


class OctomapWithPoseMessage(Protocol):
    """octomap_msgs/OctomapWithPose."""

    @property
    def octomap(self) -> OctomapMessage:
        """The map."""


class WorldMessage(Protocol):
    """moveit_msgs/PlanningSceneWorld."""

    @property
    def collision_objects(self) -> Sequence[CollisionObjectMessage]:
        """What stands there."""

    @property
    def octomap(self) -> OctomapWithPoseMessage:
        """What cameras saw."""


class RobotStateMessage(Protocol):
    """moveit_msgs/RobotState, what of it is carried."""

    @property
    def attached_collision_objects(self) -> Sequence[AttachedMessage]:
        """What links carry."""

    @property
    def is_diff(self) -> bool:
        """Whether what was carried before still is."""


class PlanningSceneMessage(Protocol):
    """moveit_msgs/PlanningScene."""

    @property
    def robot_state(self) -> RobotStateMessage:
        """The arm."""

    @property
    def world(self) -> WorldMessage:
        """Everything else."""

    @property
    def is_diff(self) -> bool:
        """Whether what stood there before still does."""


@dataclass(frozen=True)
class _Standing:
    pose: pin.SE3
    parts: tuple[SceneObject, ...]


class PlanningSceneObjects:
    """All objects of one topic."""

    def __init__(
        self, frames: Mapping[str, Pose], link_pose: Callable[[str], pin.SE3], folder: Path
    ) -> None:
        """There are none, and the first message must be a whole scene.

        Args:
            frames: Frames that stand, with their poses in the base frame.
            link_pose: Where a link is now, in the base frame; raises VlaError.
            folder: For meshes, which are files to us.
        """
        self._frames, self._link_pose, self._folder = frames, link_pose, folder
        self._standing: dict[str, _Standing] = {}
        self._carried: dict[str, tuple[AttachedObject, ...]] = {}
        self._problems: dict[str, str] = {
            _FIRST: 'a difference came before any whole scene (is_diff: false), so what else '
            'stands there is not known'
        }

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """What stands there."""
        return tuple(part for thing in self._standing.values() for part in thing.parts)

    @property
    def carried(self) -> tuple[AttachedObject, ...]:
        """What links carry."""
        return tuple(part for parts in self._carried.values() for part in parts)

    @property
    def problem(self) -> str:
        """What is wrong with the first object that is not understood; empty for none."""
        return next(iter(self._problems.values()), '')

    def apply(self, message: PlanningSceneMessage) -> None:
        """Take a scene, or a difference from the one before."""
        if not message.is_diff:
            self._standing.clear()
            self._problems.clear()
        if not (message.is_diff and message.robot_state.is_diff):
            self._carried.clear()
        for attached in message.robot_state.attached_collision_objects:
            self._attempt(attached.object.id, partial(self._attach, attached))
        for item in message.world.collision_objects:
            self._attempt(item.id, partial(self._stand, item))
        if len(message.world.octomap.octomap.data):
            self._problems[_OCTOMAP] = 'an octomap is not understood; use scene.depth'

    def _attempt(self, name: str, step: Callable[[], None]) -> None:
        self._problems.pop(name, None)
        try:
            step()
        except VlaError as error:
            self._problems[name] = str(error)

    def _stand(self, message: CollisionObjectMessage) -> None:
        operation, name = _operation(message), message.id
        if operation == REMOVE:
            for gone in [name] if name else {*self._standing, *self._problems} - {_OCTOMAP, _FIRST}:
                self._standing.pop(gone, None)
                self._problems.pop(gone, None)
        elif operation == ADD or (operation == APPEND and name not in self._standing):
            parts = scene_objects(message, self._frames, self._folder)
            self._standing[name] = _Standing(self._whole(message, parts), parts)
        elif operation == APPEND:
            before = self._standing[name]
            added = scene_objects(message, self._frames, self._folder)
            parts = _numbered(name, (*before.parts, *added))
            self._standing[name] = replace(before, parts=parts)
        elif operation == MOVE:
            self._move(message)
        else:
            raise VlaError(f'{name}: operation {operation} is not known')

    def _move(self, message: CollisionObjectMessage) -> None:
        before = self._standing.get(message.id)
        if before is None:
            raise VlaError(f'{message.id} is to be moved and was never added')
        pose = self._frame(message) * placement(read_pose(message.pose))
        change = pose * before.pose.inverse()
        parts = tuple(
            replace(part, pose=as_pose(change * placement(part.pose))) for part in before.parts
        )
        self._standing[message.id] = _Standing(pose, parts)

    def _whole(self, message: CollisionObjectMessage, parts: Sequence[SceneObject]) -> pin.SE3:
        """Where the object is, as a later MOVE means it: a single shape without it, its own."""
        own = read_pose(message.pose)
        if len(parts) == 1 and own == Pose():
            return placement(parts[0].pose)
        return self._frame(message) * placement(own)

    def _frame(self, message: CollisionObjectMessage) -> pin.SE3:
        frame = message.header.frame_id
        if frame not in self._frames:
            raise VlaError(
                f'{message.id} is given in frame {frame!r}; frames that stand are '
                f'{", ".join(sorted(self._frames))}'
            )
        return placement(self._frames[frame])

    def _attach(self, message: AttachedMessage) -> None:
        operation, name = _operation(message.object), message.object.id
        if operation == REMOVE:
            self._let_go(message)
            return
        if operation not in (ADD, APPEND):
            raise VlaError(f'{name}: operation {operation} is not for what is carried')
        items = self._grasped(message)
        if operation == APPEND and name in self._carried:
            items = _numbered(name, (*self._carried[name], *items))
        self._standing.pop(name, None)
        self._carried[name] = items

    def _grasped(self, message: AttachedMessage) -> tuple[AttachedObject, ...]:
        """The shapes of the message, or those of the object of its name that stands there."""
        item, link = message.object, message.link_name
        here = self._link_pose(link)
        given = len(item.primitives) + len(item.meshes) + len(item.planes) > 0
        if given and item.header.frame_id in ('', link):
            return attached_objects(message, self._folder)
        if given:
            parts = scene_objects(item, self._frames, self._folder)
        elif item.id in self._standing:
            parts = self._standing[item.id].parts
        else:
            raise VlaError(f'{item.id} is attached to {link} without a shape, and stands nowhere')
        touch = frozenset(message.touch_links)
        return tuple(
            AttachedObject(
                part.name,
                part.shape,
                link,
                as_pose(here.inverse() * placement(part.pose)),
                touch,
            )
            for part in parts
        )

    def _let_go(self, message: AttachedMessage) -> None:
        """What was carried stands where it is now."""
        name, link = message.object.id, message.link_name
        for gone in [name] if name else list(self._carried):
            items = self._carried.get(gone, ())
            if link and any(item.link != link for item in items):
                if name:
                    raise VlaError(f'{name} is carried by {items[0].link}, not by {link}')
                continue
            if items and gone not in self._standing:
                here = self._link_pose(items[0].link)
                poses = [here * placement(item.pose) for item in items]
                parts = tuple(
                    SceneObject(item.name, item.shape, as_pose(pose))
                    for item, pose in zip(items, poses, strict=True)
                )
                self._standing[gone] = _Standing(poses[0], parts)
            self._carried.pop(gone, None)


def _operation(message: CollisionObjectMessage) -> int:
    """A byte, which rclpy gives as bytes."""
    given = message.operation
    return given if isinstance(given, int) else int(given[0])


def _numbered(name: str, parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """Parts under names that follow each other."""
    names = [f'{name}/{index}' if index else name for index in range(len(parts))]
    return tuple(replace(part, name=new) for part, new in zip(parts, names, strict=True))
