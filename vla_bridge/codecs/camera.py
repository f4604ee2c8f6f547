# SPDX-License-Identifier: Apache-2.0
"""A camera's message → the image that a policy takes."""

from typing import cast

from vla_bridge.codecs.compressed_image import decode_compressed_image
from vla_bridge.codecs.image import Image, decode_image
from vla_bridge.codecs.messages import CompressedImageMessage, ImageMessage, StampedMessage
from vla_contract.policy import ImageInput
from vla_contract.robot import Camera
from vla_policy.resize import resize


def decode_camera(message: StampedMessage, camera: Camera) -> Image:
    """The pixels of a message of the camera's transport, in the camera's size."""
    if camera.transport == 'compressed':
        return decode_compressed_image(cast(CompressedImageMessage, message), camera)
    return decode_image(cast(ImageMessage, message), camera)


def policy_image(message: StampedMessage, camera: Camera, wanted: ImageInput) -> Image:
    """The pixels of a message in the size that the policy takes."""
    return resize(decode_camera(message, camera), wanted.width, wanted.height)
