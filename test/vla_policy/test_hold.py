# SPDX-License-Identifier: Apache-2.0
"""Holding means one place, in every row and for the whole task."""

from collections.abc import Callable

import numpy as np

from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.hold import Hold

NOTHING = np.empty((0, 3))


def test_it_repeats_where_the_arm_is_in_the_actions_own_words(
    robot: Robot, policy_file: Callable[..., Policy], observation: Callable[..., Observation]
) -> None:
    """State in radians and any order becomes action in degrees, the gripper by its convention."""
    policy = policy_file(
        state={'columns': ['gripper', 'turn', 'slide'], 'gripper': {'open': 0.0, 'closed': 1.0}},
        action={'unit': 'deg'},
    )
    hold = Hold(robot, policy)
    hold.reset('anything')
    answer = hold.infer(observation(state=(0.25, np.pi / 2, 0.1)), NOTHING)
    np.testing.assert_allclose(answer.values, [[90.0, 0.1, 0.75]] * 4)
    assert not answer.finished


def test_an_arm_that_sags_is_not_followed_down(
    robot: Robot, policy_file: Callable[..., Policy], observation: Callable[..., Observation]
) -> None:
    """The first place after a reset counts, until the next reset."""
    hold = Hold(robot, policy_file())
    hold.reset('anything')
    hold.infer(observation(state=(1.0, 0.0, 0.0)), NOTHING)
    sagged = observation(state=(0.9, 0.0, 0.0))
    assert hold.infer(sagged, NOTHING).values[0, 0] == 1.0
    hold.reset('anything')
    assert hold.infer(sagged, NOTHING).values[0, 0] == 0.9
