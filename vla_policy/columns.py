# SPDX-License-Identifier: Apache-2.0
"""A policy's numbers ⇄ SI: degrees, gripper conventions, column by column.

The one place where a policy's habits are translated. The live node, the bag converter and training
all go through it, so that they agree.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.action import GRIPPER, POSE_COLUMNS, POSE_DELTA_COLUMNS, ActionSpace
from vla_contract.errors import VlaError
from vla_contract.policy import AngleUnit, GripperConvention, Policy
from vla_contract.robot import Gripper, JointUnit, Robot

Array = NDArray[np.float64]

_POSE_UNITS = dict(zip(POSE_COLUMNS, ('m', 'm', 'm', '1', '1', '1', '1'), strict=True))
_POSE_DELTA_UNITS = dict(zip(POSE_DELTA_COLUMNS, ('m', 'm', 'm', 'rad', 'rad', 'rad'), strict=True))


@dataclass(frozen=True)
class Columns:
    """Columns of a policy's state or action, each an affine map away from SI.

    Attributes:
        names: As in the policy file.
        units: SI unit of each column.
        scale: SI units in one of the policy's.
        offset: SI value of the policy's zero.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    scale: Array
    offset: Array

    def to_si(self, values: Array) -> Array:
        """The policy's numbers, columns last, in SI."""
        return values * self.scale + self.offset

    def from_si(self, values: Array) -> Array:
        """SI values, columns last, as the policy's numbers."""
        return (values - self.offset) / self.scale


def state_columns(robot: Robot, policy: Policy) -> Columns:
    """Columns of the state; SI is radians, metres, and 0 to 1 for the gripper."""
    layout = policy.state
    units = tuple(_unit(robot, ActionSpace.JOINT_POSITION, name) for name in layout.columns)
    return _columns(layout.columns, units, layout.unit, layout.gripper)


def action_columns(robot: Robot, policy: Policy) -> Columns:
    """Columns of the action; SI is that of an ActionChunk."""
    layout = policy.action
    units = tuple(_unit(robot, layout.space, name) for name in layout.columns)
    return _columns(layout.columns, units, layout.unit, layout.gripper)


class StateReader:
    """Joint positions → the policy's state.

    Attributes:
        joints: Name in joint_states of each column.
    """

    def __init__(self, robot: Robot, policy: Policy) -> None:
        """Refuse a state that the robot does not have."""
        self._columns = state_columns(robot, policy)
        self._gripper = robot.gripper
        self._names = policy.state.columns
        self.joints = tuple(
            _gripper(robot).joint if name == GRIPPER else name for name in self._names
        )

    def read(self, positions: Mapping[str, float]) -> Array:
        """The state of positions by name in joint_states [rad or m]."""
        canonical = [
            self._gripper.to_opening(positions[joint])
            if self._gripper is not None and name == GRIPPER
            else positions[joint]
            for name, joint in zip(self._names, self.joints, strict=True)
        ]
        return self._columns.from_si(np.array(canonical, dtype=np.float64))


def _columns(
    names: tuple[str, ...],
    units: tuple[str, ...],
    spoken: AngleUnit,
    gripper: GripperConvention,
) -> Columns:
    span = gripper.open - gripper.closed
    maps = [
        (1.0 / span, -gripper.closed / span) if name == GRIPPER else (_angle(unit, spoken), 0.0)
        for name, unit in zip(names, units, strict=True)
    ]
    table = np.array(maps, dtype=np.float64).reshape(-1, 2)
    return Columns(names, units, table[:, 0], table[:, 1])


def _angle(unit: str, spoken: AngleUnit) -> float:
    """SI units in one of the policy's; only angles can be spoken of in degrees."""
    degrees = spoken is AngleUnit.DEGREE and unit.startswith(JointUnit.RADIAN)
    return math.pi / 180.0 if degrees else 1.0


def _unit(robot: Robot, space: ActionSpace, name: str) -> str:
    """SI unit of a column."""
    if name == GRIPPER:
        _gripper(robot)
        return '1'
    if space is ActionSpace.POSE:
        return _POSE_UNITS[name]
    if space is ActionSpace.POSE_DELTA:
        return _POSE_DELTA_UNITS[name]
    unit = _joint_unit(robot, name)
    return f'{unit}/s' if space is ActionSpace.JOINT_VELOCITY else unit


def _joint_unit(robot: Robot, name: str) -> str:
    for joint in robot.joints:
        if joint.name == name:
            return str(joint.unit)
    known = ', '.join(robot.joint_names)
    raise VlaError(f'column {name} is no joint of {robot.name}; it has {known}')


def _gripper(robot: Robot) -> Gripper:
    if robot.gripper is None:
        raise VlaError(f'the policy has a gripper column, and {robot.name} has no gripper')
    return robot.gripper
