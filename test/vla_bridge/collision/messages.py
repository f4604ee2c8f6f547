# SPDX-License-Identifier: Apache-2.0
"""MoveIt's message classes, or our own of the same shape where MoveIt is not installed."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

from geometry_msgs import msg as geometry
from shape_msgs import msg as shapes
from std_msgs.msg import Header

from vla_bridge.collision.installed import Messages


@dataclass
class CollisionObject:
    """moveit_msgs/CollisionObject."""

    ADD: ClassVar[bytes] = b'\x00'
    REMOVE: ClassVar[bytes] = b'\x01'
    APPEND: ClassVar[bytes] = b'\x02'
    MOVE: ClassVar[bytes] = b'\x03'

    header: Header = field(default_factory=Header)
    pose: geometry.Pose = field(default_factory=geometry.Pose)
    id: str = ''
    primitives: list[Any] = field(default_factory=list)
    primitive_poses: list[Any] = field(default_factory=list)
    meshes: list[Any] = field(default_factory=list)
    mesh_poses: list[Any] = field(default_factory=list)
    planes: list[Any] = field(default_factory=list)
    plane_poses: list[Any] = field(default_factory=list)
    operation: bytes = b'\x00'


@dataclass
class AttachedCollisionObject:
    """moveit_msgs/AttachedCollisionObject."""

    link_name: str = ''
    object: CollisionObject = field(default_factory=CollisionObject)
    touch_links: list[str] = field(default_factory=list)


def own_messages() -> Messages:
    """Enough of moveit_msgs to convert objects, with the real messages of shapes and poses."""
    moveit = SimpleNamespace(
        CollisionObject=CollisionObject, AttachedCollisionObject=AttachedCollisionObject
    )
    return Messages(moveit, shapes, geometry)
