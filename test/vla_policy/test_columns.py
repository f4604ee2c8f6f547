# SPDX-License-Identifier: Apache-2.0
"""Degrees, grippers that close at 1, and joints that slide: translated once, and back exactly."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_contract.errors import VlaError
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import StateReader, action_columns, state_columns

PolicyFile = Callable[..., Policy]
DEGREES = {'unit': 'deg', 'gripper': {'open': -1.0, 'closed': 1.0}}


def test_degrees_and_gripper_convention_become_si(robot: Robot, policy_file: PolicyFile) -> None:
    """Only the joint that turns is in degrees, and the gripper's habit is undone."""
    columns = action_columns(robot, policy_file(action=DEGREES))
    np.testing.assert_allclose(
        columns.to_si(np.array([[180.0, 0.5, -1.0], [-90.0, 0.25, 1.0]])),
        [[math.pi, 0.5, 1.0], [-math.pi / 2, 0.25, 0.0]],
    )
    assert columns.units == ('rad', 'm', '1')


def test_the_state_is_read_by_name_in_the_policys_words(
    robot: Robot, policy_file: PolicyFile
) -> None:
    """A finger joint at its open end is what the policy calls open."""
    policy = policy_file(state=DEGREES)
    reader = StateReader(robot, policy)
    assert reader.joints == ('turn', 'slide', 'finger')
    positions = {'finger': 0.0, 'other': 9.0, 'slide': 0.1, 'turn': math.pi}
    np.testing.assert_allclose(reader.read(positions), [180.0, 0.1, -1.0])
    positions['finger'] = 0.8
    assert reader.read(positions)[2] == pytest.approx(1.0)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    st.floats(-100, 100),
    st.floats(0.01, 100),
)
def test_there_and_back_is_the_same(
    robot: Robot, policy_file: PolicyFile, row: list[float], closed: float, span: float
) -> None:
    """Whatever the convention, converting back gives the policy's own numbers."""
    gripper = {'closed': closed, 'open': closed + span}
    for columns in (
        action_columns(robot, policy_file(action={'unit': 'deg', 'gripper': gripper})),
        state_columns(robot, policy_file(state={'unit': 'deg', 'gripper': gripper})),
    ):
        back = columns.from_si(columns.to_si(np.array(row)))
        np.testing.assert_allclose(back, row, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize(
    ('space', 'columns', 'units'),
    [
        ('joint_velocity', ['turn', 'slide', 'gripper'], ('rad/s', 'm/s', '1')),
        ('joint_delta', ['turn', 'slide'], ('rad', 'm')),
        ('pose', ['x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'], ('m',) * 3 + ('1',) * 4),
        ('pose_delta', ['dx', 'dy', 'dz', 'rx', 'ry', 'rz'], ('m',) * 3 + ('rad',) * 3),
    ],
)
def test_every_space_has_its_units(
    robot: Robot,
    policy_file: PolicyFile,
    space: str,
    columns: list[str],
    units: tuple[str, ...],
) -> None:
    """Angles, and nothing else, are scaled from degrees."""
    policy = policy_file(action={'space': space, 'columns': columns, 'unit': 'deg'})
    found = action_columns(robot, policy)
    assert found.units == units
    scaled = [unit for unit, scale in zip(found.units, found.scale, strict=True) if scale != 1.0]
    assert scaled == [unit for unit in units if unit.startswith('rad')]


def test_what_the_robot_lacks_is_named(robot: Robot, policy_file: PolicyFile) -> None:
    """An unknown joint and a missing gripper are errors, not key errors."""
    with pytest.raises(VlaError, match='column wrong is no joint of two_joints; it has turn'):
        action_columns(robot, policy_file(action={'columns': ['wrong']}))
    without = robot.model_copy(update={'gripper': None})
    with pytest.raises(VlaError, match='two_joints has no gripper'):
        state_columns(without, policy_file())
