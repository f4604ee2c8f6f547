# SPDX-License-Identifier: Apache-2.0
"""vla_control/GroundTruth → the world as the simulator knows it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_bridge.codecs.messages import StampedMessage
from vla_bridge.codecs.stamp import stamp_ns
from vla_contract.observation import Body, World


class Vector(Protocol):
    """geometry_msgs/Point or Vector3."""

    @property
    def x(self) -> float:
        """Along x."""

    @property
    def y(self) -> float:
        """Along y."""

    @property
    def z(self) -> float:
        """Along z."""


class Turn(Vector, Protocol):
    """geometry_msgs/Quaternion."""

    @property
    def w(self) -> float:
        """Real part."""


class PoseMessage(Protocol):
    """geometry_msgs/Pose."""

    @property
    def position(self) -> Vector:
        """Where [m]."""

    @property
    def orientation(self) -> Turn:
        """Which way."""


class ObjectMessage(Protocol):
    """vla_control/SimObject."""

    @property
    def name(self) -> str:
        """Unique."""

    @property
    def shape(self) -> str:
        """Cube, cylinder or bowl."""

    @property
    def colour(self) -> str:
        """In words."""

    @property
    def pose(self) -> PoseMessage:
        """In the robot's base frame."""

    @property
    def size(self) -> Vector:
        """Full extents [m]."""


class GroundTruthMessage(StampedMessage, Protocol):
    """vla_control/GroundTruth, what of it a policy may see."""

    @property
    def objects(self) -> Sequence[ObjectMessage]:
        """All of them."""

    @property
    def gripper(self) -> float:
        """Opening from 0 to 1."""

    @property
    def held(self) -> str:
        """What is in the gripper."""


def decode_ground_truth(message: GroundTruthMessage, topic: str) -> World:
    """The world at the message's stamp."""
    return World(
        stamp_ns=stamp_ns(message.header.stamp, topic),
        bodies=tuple(_body(item) for item in message.objects),
        gripper=float(message.gripper),
        held=message.held,
    )


def _body(item: ObjectMessage) -> Body:
    turn = item.pose.orientation
    return Body(
        name=item.name,
        shape=item.shape,
        colour=item.colour,
        position=_vector(item.pose.position),
        orientation=np.array([turn.x, turn.y, turn.z, turn.w], dtype=np.float64),
        size=_vector(item.size),
    )


def _vector(vector: Vector) -> NDArray[np.float64]:
    return np.array([vector.x, vector.y, vector.z], dtype=np.float64)
