# SPDX-License-Identifier: Apache-2.0
"""Images to the size a policy takes: live, recorded and in simulation by this one function."""

from typing import Any

import cv2
from numpy.typing import NDArray

Image = NDArray[Any]
"""rgb HxWx3 uint8, or depth HxW uint16 [mm]."""


def resize(image: Image, width: int, height: int) -> Image:
    """Resize to exactly width x height, stretching where the shapes differ.

    Stretched and not padded: every pixel that the policy gets was seen by the camera, and a policy
    that wants the camera's shape says so by its width and height.

    Colour is first averaged over whole blocks (exact, no aliasing) and then interpolated over what
    is left, less than a factor of two: several times as fast as averaging fractional blocks.
    Depth takes the nearest pixel, since a mean of near and far is a distance where nothing is.
    """
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    if image.ndim == 2:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    across, down = max(1, columns // width), max(1, rows // height)
    if across > 1 or down > 1:
        blocks = (columns // across, rows // down)
        image = cv2.resize(image, blocks, interpolation=cv2.INTER_AREA)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
