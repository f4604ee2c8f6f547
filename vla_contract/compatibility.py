# SPDX-License-Identifier: Apache-2.0
"""Does this policy fit this robot, and what vets it? Every disagreement is named beforehand."""

from collections.abc import Iterator
from typing import NamedTuple

from vla_contract.action import GRIPPER, JOINT_SPACES
from vla_contract.document import did_you_mean
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_contract.yaml_file import Key


class Mismatch(NamedTuple):
    """A key of the policy file that a key of the robot file, or any robot, cannot agree with.

    Attributes:
        key: In the policy file.
        robot_key: In the robot file.
        problem: Both sides' values.
        remedy: What to do.
    """

    key: Key
    robot_key: Key
    problem: str
    remedy: str


def mismatches(robot: Robot, policy: Policy) -> list[Mismatch]:
    """Every way in which the policy does not fit the robot."""
    checks = (_identity, _cameras, _columns, _timing)
    return [found for check in checks for found in check(robot, policy)]


def _identity(robot: Robot, policy: Policy) -> Iterator[Mismatch]:
    if policy.trained_for and robot.name not in policy.trained_for:
        yield Mismatch(
            ('trained_for',),
            ('name',),
            f'the policy knows {", ".join(policy.trained_for)}; the robot is {robot.name}',
            f'choose a policy for {robot.name}, or add it here if the training data was of it',
        )
    if policy.ground_truth and not robot.simulated:
        yield Mismatch(
            ('ground_truth',),
            ('simulated',),
            f'true, and {robot.name} is not simulated; a real robot has no ground truth',
            'choose a policy that looks through cameras',
        )


def _cameras(robot: Robot, policy: Policy) -> Iterator[Mismatch]:
    names = list(robot.camera_names)
    for index, image in enumerate(policy.images):
        if image.camera not in names:
            yield Mismatch(
                ('images', index, 'camera'),
                ('cameras',),
                f'the policy sees through {image.camera}; {robot.name} has '
                f'{", ".join(names) or "no camera"}',
                'name a camera of the robot' + did_you_mean(image.camera, names),
            )
            continue
        at = names.index(image.camera)
        camera = robot.cameras[at]
        if camera.is_depth != (image.kind == 'depth'):
            yield Mismatch(
                ('images', index, 'kind'),
                ('cameras', at, 'encoding'),
                f'the policy takes {image.kind}; camera {camera.name} publishes '
                f'{camera.encoding.value}, which is {"depth" if camera.is_depth else "colour"}',
                'name a camera of that kind',
            )
        needed = 1.0 / policy.period_s
        if camera.rate_hz < needed:
            yield Mismatch(
                ('images', index, 'camera'),
                ('cameras', at, 'rate_hz'),
                f'the policy starts {needed:.3g} chunks a second; camera {camera.name} gives '
                f'{camera.rate_hz:g} images a second',
                'use longer chunks (rows), a lower rate_hz, or a faster camera',
            )


def _columns(robot: Robot, policy: Policy) -> Iterator[Mismatch]:
    layouts = {'state': policy.state.columns, 'action': policy.action.columns}
    for name, columns in layouts.items():
        joints = tuple(column for column in columns if column != GRIPPER)
        joint_space = name == 'state' or policy.action.space in JOINT_SPACES
        if columns and joint_space:
            yield from _order((name, 'columns'), joints, robot)
        if GRIPPER in columns and robot.gripper is None:
            yield Mismatch(
                (name, 'columns', columns.index(GRIPPER)),
                ('gripper',),
                f'the policy has a gripper column; {robot.name} has no gripper',
                'choose another policy, or describe the gripper in the robot file',
            )


def _order(key: Key, columns: tuple[str, ...], robot: Robot) -> Iterator[Mismatch]:
    """Joint columns must be the robot's joints in the robot's order."""
    expected = robot.joint_names
    if columns == expected:
        return
    remedy = f'{robot.name} takes {", ".join(expected)}'
    if sorted(columns) == sorted(expected):
        at = next(i for i, (a, b) in enumerate(zip(columns, expected, strict=True)) if a != b)
        yield Mismatch(
            (*key, at),
            ('joints', at, 'name'),
            f'the order differs: column {at} is {columns[at]}; joint {at} of {robot.name} is '
            f'{expected[at]}',
            remedy,
        )
        return
    missing = ', '.join(name for name in expected if name not in columns) or 'none'
    unknown = ', '.join(name for name in columns if name not in expected) or 'none'
    yield Mismatch(
        key,
        ('joints',),
        f'not the joints of {robot.name}: missing {missing}; unknown {unknown}',
        remedy,
    )


def _timing(robot: Robot, policy: Policy) -> Iterator[Mismatch]:
    timing = robot.timing
    least, most = timing.step_min_s, timing.step_max_s
    if not least <= policy.step_s <= most:
        bound = 'step_min_s' if policy.step_s < least else 'step_max_s'
        yield Mismatch(
            ('rate_hz',),
            ('timing', bound),
            f'{policy.rate_hz:g} Hz makes steps of {policy.step_s:.4g} s; {robot.name} takes '
            f'{least:g} to {most:g} s',
            f'give a rate_hz from {1.0 / most:.4g} to {1.0 / least:.4g}',
        )
    length = policy.step_s * policy.rows
    lengths = f'{policy.rows} rows at {policy.rate_hz:g} Hz last {length:.4g} s'
    if length > timing.horizon_max_s:
        yield Mismatch(
            ('rows',),
            ('timing', 'horizon_max_s'),
            f'{lengths}; {robot.name} takes at most {timing.horizon_max_s:g} s',
            f'give at most {int(timing.horizon_max_s * policy.rate_hz)} rows',
        )
    if length <= timing.lead_s:
        yield Mismatch(
            ('rows',),
            ('timing', 'lead_s'),
            f'{lengths}; {robot.name} needs {timing.lead_s:g} s to follow a command, so every '
            'row would come too late',
            f'give at least {int(timing.lead_s * policy.rate_hz) + 1} rows',
        )
