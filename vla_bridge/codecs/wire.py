# SPDX-License-Identifier: Apache-2.0
"""Bytes as they come over DDS, or lie in a bag → a message whose big arrays are not copied.

rclpy copies a picture three times on its way to Python; subscribed to as bytes and read here it is
copied once. A bag's bytes are the same bytes, so what is live and what was recorded meet here.
"""

from functools import cache
from typing import cast

from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from vla_bridge.codecs.messages import StampedMessage


@cache
def _types() -> Typestore:
    return get_typestore(Stores.ROS2_JAZZY)


def read_message(data: bytes, type_name: str) -> StampedMessage:
    """A message of one of the standard types.

    Args:
        data: CDR, with its four-byte header.
        type_name: For example ``sensor_msgs/msg/Image``.
    """
    return cast(StampedMessage, _types().deserialize_cdr(data, type_name))
