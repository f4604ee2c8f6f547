# SPDX-License-Identifier: Apache-2.0
"""What is read of MoveIt's messages, so that the classes of rclpy and of rosbags both fit."""

from collections.abc import Sequence
from typing import Protocol

from vla_bridge.codecs.ground_truth import PoseMessage, Vector


class FrameMessage(Protocol):
    """std_msgs/Header."""

    @property
    def frame_id(self) -> str:
        """Frame of all poses."""


class PrimitiveMessage(Protocol):
    """shape_msgs/SolidPrimitive."""

    @property
    def type(self) -> int:
        """Which."""

    @property
    def dimensions(self) -> Sequence[float]:
        """In metres; their order depends on the type."""


class TriangleMessage(Protocol):
    """shape_msgs/MeshTriangle."""

    @property
    def vertex_indices(self) -> Sequence[int]:
        """Three."""


class MeshMessage(Protocol):
    """shape_msgs/Mesh."""

    @property
    def triangles(self) -> Sequence[TriangleMessage]:
        """Of its surface."""

    @property
    def vertices(self) -> Sequence[Vector]:
        """Corners of the triangles [m]."""


class PlaneMessage(Protocol):
    """shape_msgs/Plane."""

    @property
    def coef(self) -> Sequence[float]:
        """A, b, c, d of ax + by + cz + d = 0."""


class CollisionObjectMessage(Protocol):
    """moveit_msgs/CollisionObject."""

    @property
    def header(self) -> FrameMessage:
        """Frame."""

    @property
    def pose(self) -> PoseMessage:
        """Of the object."""

    @property
    def id(self) -> str:
        """Unique."""

    @property
    def primitives(self) -> Sequence[PrimitiveMessage]:
        """Shapes."""

    @property
    def primitive_poses(self) -> Sequence[PoseMessage]:
        """Of each, in the object."""

    @property
    def meshes(self) -> Sequence[MeshMessage]:
        """Shapes."""

    @property
    def mesh_poses(self) -> Sequence[PoseMessage]:
        """Of each, in the object."""

    @property
    def planes(self) -> Sequence[PlaneMessage]:
        """Shapes."""

    @property
    def plane_poses(self) -> Sequence[PoseMessage]:
        """Of each, in the object."""

    @property
    def operation(self) -> bytes | int:
        """ADD, REMOVE, APPEND or MOVE."""


class AttachedMessage(Protocol):
    """moveit_msgs/AttachedCollisionObject."""

    @property
    def link_name(self) -> str:
        """What carries it."""

    @property
    def object(self) -> CollisionObjectMessage:
        """What is carried."""

    @property
    def touch_links(self) -> Sequence[str]:
        """What may touch it besides."""
