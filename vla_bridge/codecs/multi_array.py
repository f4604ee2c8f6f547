# SPDX-License-Identifier: Apache-2.0
"""std_msgs/Float64MultiArray → numpy."""

import math

import numpy as np
from numpy.typing import NDArray

from vla_bridge.codecs.messages import ArrayMessage
from vla_contract.errors import VlaError


def array_values(message: ArrayMessage, shape: tuple[int, ...], topic: str) -> NDArray[np.float64]:
    """The numbers of a message, which must be finite and fill the shape.

    Most publishers leave the layout empty; where they do not, it must have this shape too.
    """
    found = tuple(int(dimension.size) for dimension in message.layout.dim)
    if found and found != shape:
        raise VlaError(f'{topic}: expected the shape {shape}, found the layout {found}')
    offset = int(message.layout.data_offset)
    values = np.array(message.data, dtype=np.float64)[offset:]
    if values.size != math.prod(shape):
        raise VlaError(
            f'{topic}: expected {math.prod(shape)} numbers for the shape {shape}, '
            f'found {values.size} after an offset of {offset}'
        )
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise VlaError(f'{topic}: number {at} is {values[at]}, expected a finite number')
    return values.reshape(shape)
