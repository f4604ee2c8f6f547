# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image → rgb or depth.

Bayer patterns are demosaiced by OpenCV directly: cv_bridge calls the same function, so it would
add a dependency and change no pixel.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vla_bridge.codecs.messages import Bytes, ImageMessage
from vla_contract.errors import VlaError
from vla_contract.robot import Camera, Encoding

Image = NDArray[Any]
"""rgb HxWx3 uint8, or depth HxW uint16 [mm]. May be a view of the message: do not write to it."""

_TO_RGB: Mapping[Encoding, int] = {
    Encoding.BGR8: cv2.COLOR_BGR2RGB,
    Encoding.MONO8: cv2.COLOR_GRAY2RGB,
    Encoding.BAYER_RGGB8: cv2.COLOR_BayerRGGB2RGB,
    Encoding.BAYER_BGGR8: cv2.COLOR_BayerBGGR2RGB,
    Encoding.BAYER_GBRG8: cv2.COLOR_BayerGBRG2RGB,
    Encoding.BAYER_GRBG8: cv2.COLOR_BayerGRBG2RGB,
}


def decode_image(message: ImageMessage, camera: Camera) -> Image:
    """The pixels of a message, which must be what the camera's contract says."""
    if message.encoding != camera.encoding:
        raise VlaError(
            f'{camera.topic}: expected encoding {camera.encoding}, found {message.encoding!r}'
        )
    if (message.width, message.height) != (camera.width, camera.height):
        raise VlaError(
            f'{camera.topic}: expected {camera.width} x {camera.height} pixels, '
            f'found {message.width} x {message.height}'
        )
    if camera.encoding is Encoding.DEPTH16:
        order = '>u2' if message.is_bigendian else '<u2'
        return _rows(message, camera, 2).view(order).astype(np.uint16, copy=False)
    if camera.encoding in (Encoding.RGB8, Encoding.BGR8):
        pixels = _rows(message, camera, 3).reshape(camera.height, camera.width, 3)
    else:
        pixels = _rows(message, camera, 1)
    conversion = _TO_RGB.get(camera.encoding)
    return pixels if conversion is None else cv2.cvtColor(pixels, conversion)


def as_bytes(data: Bytes) -> NDArray[np.uint8]:
    """The bytes of a message, not copied."""
    return np.frombuffer(data, dtype=np.uint8)


def _rows(message: ImageMessage, camera: Camera, pixel_bytes: int) -> NDArray[np.uint8]:
    """Rows of bytes without their padding."""
    data = as_bytes(message.data)
    used = camera.width * pixel_bytes
    if message.step < used:
        raise VlaError(
            f'{camera.topic}: step is {message.step} bytes, but a row of {camera.width} '
            f'{camera.encoding} pixels takes {used}'
        )
    if data.size != message.step * camera.height:
        raise VlaError(
            f'{camera.topic}: {camera.height} rows of {message.step} bytes need '
            f'{message.step * camera.height}, found {data.size}'
        )
    return data.reshape(camera.height, message.step)[:, :used]
