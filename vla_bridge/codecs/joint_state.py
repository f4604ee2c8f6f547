# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/JointState → positions by name."""

import math
from collections.abc import Collection

from vla_bridge.codecs.messages import JointStateMessage
from vla_contract.errors import VlaError


def joint_positions(
    message: JointStateMessage, wanted: Collection[str], topic: str
) -> dict[str, float]:
    """Positions [rad or m] of those wanted joints that the message has, in any order.

    A message may hold some of the joints, others beside them, or velocities only. What it says of a
    wanted joint must be one finite number.
    """
    names = message.name
    if len(message.position) not in (0, len(names)):
        raise VlaError(f'{topic}: {len(message.position)} positions for {len(names)} names')
    positions: dict[str, float] = {}
    for name, value in zip(names, message.position, strict=False):
        if name not in wanted:
            continue
        if name in positions:
            raise VlaError(f'{topic}: {name} stands twice in one message')
        if not math.isfinite(value):
            raise VlaError(f'{topic}: position of {name} is {value}, expected a finite number')
        positions[name] = float(value)
    return positions
