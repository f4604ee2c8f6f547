# SPDX-License-Identifier: Apache-2.0
"""One camera stream of the robot file."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, OptionalTopic, Positive, Topic


class Encoding(StrEnum):
    """Pixel layout that a camera publishes."""

    RGB8 = 'rgb8'
    BGR8 = 'bgr8'
    MONO8 = 'mono8'
    DEPTH16 = '16UC1'
    BAYER_RGGB8 = 'bayer_rggb8'
    BAYER_BGGR8 = 'bayer_bggr8'
    BAYER_GBRG8 = 'bayer_gbrg8'
    BAYER_GRBG8 = 'bayer_grbg8'


class Camera(Document):
    """One camera stream.

    Attributes:
        name: What policies call it.
        topic: sensor_msgs/Image, or CompressedImage where transport is compressed.
        info_topic: sensor_msgs/CameraInfo, empty for none.
        transport: ``raw`` or ``compressed``.
        encoding: Pixel layout expected on the topic; ``16UC1`` is depth in millimetres.
        width: Expected columns [px].
        height: Expected rows [px].
        rate_hz: Expected rate.
        frame: Optical frame.
    """

    name: Name
    topic: Topic
    info_topic: OptionalTopic = ''
    transport: Literal['raw', 'compressed'] = 'raw'
    encoding: Encoding = Encoding.RGB8
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    rate_hz: Positive
    frame: Name

    @property
    def is_depth(self) -> bool:
        """True for distances, false for colours or greys."""
        return self.encoding is Encoding.DEPTH16

    def contradictions(self) -> Iterator[Contradiction]:
        """Lossy compression is for pictures, not for distances."""
        if self.is_depth and self.transport == 'compressed':
            yield Contradiction(
                ('transport',),
                f'compressed, while {self.name} publishes depth ({self.encoding.value}), which '
                'JPEG would spoil; use raw',
            )
