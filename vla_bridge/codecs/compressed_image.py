# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/CompressedImage (JPEG, PNG) → rgb. The contract keeps depth uncompressed."""

import cv2

from vla_bridge.codecs.image import Image, as_bytes
from vla_bridge.codecs.messages import CompressedImageMessage
from vla_contract.errors import VlaError
from vla_contract.robot import Camera, Encoding

_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def decode_compressed_image(message: CompressedImageMessage, camera: Camera) -> Image:
    """The pixels of a message, which must be what the camera's contract says."""
    found = f'{camera.topic}: {len(message.data)} bytes of format {message.format!r}'
    # The format reads ``rgb8; jpeg compressed bgr8``, or just ``jpeg``.
    if message.format.startswith(Encoding.DEPTH16):
        raise VlaError(f'{found}: expected colour ({camera.encoding}), found depth')
    try:
        image = cv2.imdecode(as_bytes(message.data), _FLAGS)
    except cv2.error as error:
        raise VlaError(f'{found} cannot be decoded: {error.err}') from error
    if image is None:
        raise VlaError(f'{found} are neither JPEG nor PNG')
    if image.shape[:2] != (camera.height, camera.width):
        raise VlaError(
            f'{camera.topic}: expected {camera.width} x {camera.height} pixels, '
            f'found {image.shape[1]} x {image.shape[0]}'
        )
    return image
