# SPDX-License-Identifier: Apache-2.0
"""Every codec is tried on messages of both libraries."""

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)


def as_rclpy(value: Any) -> Any:  # noqa: ANN401 - messages of any class
    """The message as a node receives it."""
    return value


def as_rosbags(value: Any) -> Any:  # noqa: ANN401 - messages of any class
    """The message as a bag reader gives it: other classes, and numpy arrays."""
    if isinstance(value, array.array):
        return np.array(value)
    if isinstance(value, list):
        return [as_rosbags(item) for item in value]
    if not hasattr(value, 'get_fields_and_field_types'):
        return value
    package = type(value).__module__.partition('.')[0]
    kind = STORE.types[f'{package}/msg/{type(value).__name__}']
    names = value.get_fields_and_field_types()
    return kind(**{name: as_rosbags(getattr(value, name)) for name in names})


@pytest.fixture(params=[as_rclpy, as_rosbags])
def read(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Turns a message of rclpy into one of either library."""
    chosen: Callable[[Any], Any] = request.param
    return chosen
