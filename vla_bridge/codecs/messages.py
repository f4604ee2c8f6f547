# SPDX-License-Identifier: Apache-2.0
"""What the codecs need of a message, so that the classes of rclpy and of rosbags both fit.

Number arrays are ``array.array`` in rclpy and numpy arrays in rosbags: both are buffers.
"""

from array import array
from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = 'bytes | array[int] | NDArray[np.uint8]'
Doubles: TypeAlias = 'array[float] | NDArray[np.float64]'


class StampMessage(Protocol):
    """builtin_interfaces/Time."""

    @property
    def sec(self) -> int:
        """Whole seconds."""

    @property
    def nanosec(self) -> int:
        """The rest."""


class HeaderMessage(Protocol):
    """std_msgs/Header."""

    @property
    def stamp(self) -> StampMessage:
        """When the data was captured."""


class StampedMessage(Protocol):
    """Any message that begins with a header."""

    @property
    def header(self) -> HeaderMessage:
        """When and where."""


class ImageMessage(StampedMessage, Protocol):
    """sensor_msgs/Image."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def encoding(self) -> str:
        """Pixel layout."""

    @property
    def is_bigendian(self) -> int:
        """Byte order of 16-bit pixels."""

    @property
    def step(self) -> int:
        """Bytes from row to row, padding included."""

    @property
    def data(self) -> Bytes:
        """Rows of pixels."""


class CompressedImageMessage(StampedMessage, Protocol):
    """sensor_msgs/CompressedImage."""

    @property
    def format(self) -> str:
        """What the bytes are."""

    @property
    def data(self) -> Bytes:
        """A JPEG or PNG file."""


class JointStateMessage(StampedMessage, Protocol):
    """sensor_msgs/JointState."""

    @property
    def name(self) -> Sequence[str]:
        """Joints, in any order."""

    @property
    def position(self) -> Doubles:
        """Positions [rad or m], in the same order; may be empty."""


class LayoutDimension(Protocol):
    """std_msgs/MultiArrayDimension."""

    @property
    def size(self) -> int:
        """Elements along the dimension."""


class Layout(Protocol):
    """std_msgs/MultiArrayLayout."""

    @property
    def dim(self) -> Sequence[LayoutDimension]:
        """Dimensions, outermost first; often left empty."""

    @property
    def data_offset(self) -> int:
        """Elements before the first."""


class ArrayMessage(Protocol):
    """std_msgs/Float64MultiArray."""

    @property
    def layout(self) -> Layout:
        """Shape."""

    @property
    def data(self) -> Doubles:
        """Elements, row-major."""
