# SPDX-License-Identifier: Apache-2.0
"""A small robot, policy files for it, and observations of nothing but its state."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot

ROBOT = """{
  "name": "two_joints", "urdf": "none.urdf", "base_frame": "base", "tool_frame": "tool",
  "joints": [
    {"name": "turn", "velocity": 1, "acceleration": 1, "jerk": 1},
    {"name": "slide", "unit": "m", "velocity": 1, "acceleration": 1, "jerk": 1}
  ],
  "controller": {"kind": "joint_trajectory", "topic": "t"},
  "gripper": {"kind": "forward_position", "target": "g", "joint": "finger",
              "open": 0.0, "closed": 0.8, "unit": "rad", "speed": 1},
  "workspace": {"boxes": [{"name": "b", "min": [0, 0, 0], "max": [1, 1, 1]}], "tool_speed": 1}
}"""


@pytest.fixture(scope='session')
def robot() -> Robot:
    """One joint that turns, one that slides, and a gripper whose joint closes at 0.8."""
    return Robot.model_validate_json(ROBOT)


def make_policy(
    action: dict[str, object] | None = None,
    state: dict[str, object] | None = None,
    **changes: object,
) -> Policy:
    """A policy of all three columns, with other values where a test needs them."""
    columns = ['turn', 'slide', 'gripper']
    values = {
        'name': 'p',
        'kind': 'hold',
        'rate_hz': 10.0,
        'rows': 4,
        'action': {'space': 'joint_position', 'columns': columns} | (action or {}),
        'state': {'columns': columns} | (state or {}),
    }
    return Policy.model_validate_json(json.dumps(values | changes))


def make_observation(
    stamp_s: float = 0.0, state: tuple[float, ...] = (0.0, 0.0, 0.0)
) -> Observation:
    """An observation of nothing but the state."""
    stamp = round(stamp_s * 1e9)
    return Observation(stamp, {}, {}, np.array(state), stamp, 'do it', 'task')


@pytest.fixture(scope='session')
def policy_file() -> Callable[..., Policy]:
    """Makes policy files."""
    return make_policy


@pytest.fixture(scope='session')
def observation() -> Callable[..., Observation]:
    """Makes observations."""
    return make_observation
