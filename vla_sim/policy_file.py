# SPDX-License-Identifier: Apache-2.0
"""What the policy file of the demonstrator must say. Brings neither planner nor simulator."""

from collections.abc import Iterator

from vla_contract.action import GRIPPER, ActionSpace
from vla_contract.document import Contradiction
from vla_contract.policy import AngleUnit, Policy
from vla_contract.robot import Robot


def contradictions(robot: Robot, policy: Policy) -> Iterator[Contradiction]:
    """What a policy file asks of the demonstrator that it cannot do with a robot."""
    if not robot.home:
        text = f'{policy.kind}, which starts from home; {robot.name} has no home posture'
        yield Contradiction(('kind',), text)
    if not policy.ground_truth:
        yield Contradiction(('ground_truth',), 'false; the demonstrator plans from it')
    columns = (*robot.joint_names, GRIPPER)
    for key, layout in (('state', policy.state), ('action', policy.action)):
        if layout.columns != columns:
            found = ', '.join(layout.columns) or 'none'
            text = f'{found}; the demonstrator needs {", ".join(columns)}'
            yield Contradiction((key, 'columns'), text)
        if layout.unit is not AngleUnit.RADIAN:
            text = f'{layout.unit}; the demonstrator thinks in {AngleUnit.RADIAN}'
            yield Contradiction((key, 'unit'), text)
    space = policy.action.space
    if space is not ActionSpace.JOINT_POSITION:
        text = f'{space}; the demonstrator answers {ActionSpace.JOINT_POSITION}'
        yield Contradiction(('action', 'space'), text)
