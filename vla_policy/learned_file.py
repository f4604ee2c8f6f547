# SPDX-License-Identifier: Apache-2.0
"""Does a policy file say what its checkpoint was trained for? Reads no weights, needs no torch."""

from collections.abc import Iterator
from pathlib import Path

from vla_contract.document import Contradiction
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.trained import Contract, read_config, read_contract


def contradictions(robot: Robot, policy: Policy, folder: Path) -> Iterator[Contradiction]:
    """All that the file and the checkpoint do not agree on.

    Raises:
        VlaError: The checkpoint cannot be read.
    """
    contract = read_contract(folder)
    config = read_config(folder)
    if robot.name != contract.robot and robot.name not in policy.trained_for:
        yield Contradiction(
            ('checkpoint',),
            f'{folder.name} was trained on {contract.robot}, and the robot is {robot.name}; choose '
            f'another checkpoint, or add {robot.name} to trained_for if it is alike',
        )
    yield from _images(policy, contract)
    for key, ours, theirs in (
        (('state', 'columns'), policy.state.columns, contract.state.columns),
        (('state', 'unit'), policy.state.unit, contract.state.unit),
        (('state', 'gripper'), policy.state.gripper, contract.state.gripper),
        (('action', 'space'), policy.action.space, contract.action.space),
        (('action', 'columns'), policy.action.columns, contract.action.columns),
        (('action', 'unit'), policy.action.unit, contract.action.unit),
        (('action', 'gripper'), policy.action.gripper, contract.action.gripper),
        (('rate_hz',), policy.rate_hz, contract.rate_hz),
        (('rows',), policy.rows, config.rows),
    ):
        if ours != theirs:
            yield Contradiction(
                key, f'{_said(ours)}, and the checkpoint was trained with {_said(theirs)}'
            )


def _images(policy: Policy, contract: Contract) -> Iterator[Contradiction]:
    theirs = {image.key: image for image in contract.images}
    for index, image in enumerate(policy.images):
        known = theirs.pop(image.key, None)
        if known is None:
            there = ', '.join(each.key for each in contract.images) or 'none'
            yield Contradiction(
                ('images', index, 'key'), f'{image.key}, and the checkpoint looks at {there}'
            )
        elif (known.width, known.height, known.kind) != (image.width, image.height, image.kind):
            yield Contradiction(
                ('images', index, 'width'),
                f'{image.width} x {image.height} {image.kind}, and the checkpoint was trained with '
                f'{known.width} x {known.height} {known.kind}',
            )
    for key in theirs:
        yield Contradiction(('images',), f'lacks {key}, which the checkpoint looks at')


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ', '.join(map(str, value))
    return str(value)
