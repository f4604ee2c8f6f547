# SPDX-License-Identifier: Apache-2.0
"""Does this policy fit this robot? Every disagreement is named before anything moves."""

from collections.abc import Iterator

from vla_contract.action import GRIPPER, ActionSpace
from vla_contract.policy import Policy
from vla_contract.robot import Robot

Mismatch = tuple[str, str]
"""Dotted key in the policy file, and what is wrong with both sides' values."""

_JOINT_SPACES = (ActionSpace.JOINT_POSITION, ActionSpace.JOINT_VELOCITY, ActionSpace.JOINT_DELTA)


def mismatches(robot: Robot, robot_source: str, policy: Policy) -> list[Mismatch]:
    """Every way in which the policy does not fit the robot."""
    checks = (_identity, _cameras, _state, _action, _timing)
    return [found for check in checks for found in check(robot, robot_source, policy)]


def _identity(robot: Robot, source: str, policy: Policy) -> Iterator[Mismatch]:
    if policy.trained_for and robot.name not in policy.trained_for:
        known = ', '.join(policy.trained_for)
        yield 'trained_for', f'knows {known}, but the robot is {robot.name} ({source})'
    if policy.ground_truth and not robot.simulated:
        yield 'ground_truth', f'only a simulated robot has it, and {robot.name} ({source}) is not one'


def _cameras(robot: Robot, source: str, policy: Policy) -> Iterator[Mismatch]:
    by_name = {camera.name: camera for camera in robot.cameras}
    for index, image in enumerate(policy.images):
        camera = by_name.get(image.camera)
        if camera is None:
            known = ', '.join(by_name) or 'none'
            yield (
                f'images.{index}.camera',
                f'asks for camera {image.camera}; {robot.name} has {known} ({source})',
            )


def _state(robot: Robot, source: str, policy: Policy) -> Iterator[Mismatch]:
    columns = policy.state.columns
    if not columns:
        return
    joints = tuple(name for name in columns if name != GRIPPER)
    yield from _order('state.columns', joints, robot, source)
    if GRIPPER in columns and robot.gripper is None:
        yield 'state.columns', f'has a gripper; {robot.name} has none ({source})'


def _action(robot: Robot, source: str, policy: Policy) -> Iterator[Mismatch]:
    action = policy.action
    if action.space in _JOINT_SPACES:
        yield from _order('action.columns', action.motion_columns, robot, source)
    if GRIPPER in action.columns and robot.gripper is None:
        yield 'action.columns', f'has a gripper; {robot.name} has none ({source})'


def _order(
    key: str, columns: tuple[str, ...], robot: Robot, source: str
) -> Iterator[Mismatch]:
    """Joint columns must be the robot's joints in the robot's order."""
    expected = robot.joint_names
    if columns == expected:
        return
    if sorted(columns) == sorted(expected):
        at = next(i for i, (a, b) in enumerate(zip(columns, expected, strict=True)) if a != b)
        yield (
            key,
            f'column {at} is {columns[at]}, but joint {at} of {robot.name} is {expected[at]} '
            f'({source}): the order differs',
        )
        return
    missing = ', '.join(name for name in expected if name not in columns) or 'none'
    unknown = ', '.join(name for name in columns if name not in expected) or 'none'
    yield (
        key,
        f'does not name the joints of {robot.name} ({source}): '
        f'missing {missing}; unknown {unknown}',
    )


def _timing(robot: Robot, source: str, policy: Policy) -> Iterator[Mismatch]:
    timing = robot.timing
    if not timing.step_min_s <= policy.step_s <= timing.step_max_s:
        yield (
            'rate_hz',
            f'makes steps of {policy.step_s:g} s; {robot.name} takes '
            f'{timing.step_min_s:g} to {timing.step_max_s:g} s ({source})',
        )
    length = policy.step_s * policy.rows
    if length > timing.horizon_max_s:
        yield (
            'rows',
            f'makes chunks of {length:g} s; {robot.name} takes at most '
            f'{timing.horizon_max_s:g} s ({source})',
        )
