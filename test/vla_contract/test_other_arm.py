# SPDX-License-Identifier: Apache-2.0
"""Other arms in a robot file: read with it, and refused with it, at the key to mend."""

from typing import TYPE_CHECKING

import pytest

from vla_contract.deployment import load_deployment

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell, Refuse

HOME = 'home: [0.0, 0.1]'


def beside(**changes: str) -> str:
    """One other arm, as the robot file says it."""
    said = {
        'name': 'right',
        'robot': 'robot',
        'joint_states': '/right/joint_states',
        'plan': '/right/safety_node/shared_plan',
        'position': '[1.0, 0, 0]',
        **changes,
    }
    return '{' + ', '.join(f'{key}: {value}' for key, value in said.items()) + '}'


def test_another_arm_comes_with_its_robot_file(cell: 'Cell') -> None:
    """Here it is the same file: arms that it names in turn are not followed."""
    cell.change('robot.yaml', HOME, f'{HOME}\nothers: [{beside()}]')
    (other,) = load_deployment(cell.deployment).neighbours
    assert other.said.name == 'right'
    assert other.said.position == (1.0, 0.0, 0.0)
    assert other.robot.joint_names == ('turn', 'slide')
    assert other.path == cell.folder / 'robot.yaml'


CASES = {
    'no file': (beside(robot='ghost'), 'others.0.robot', ('ghost', 'not a file')),
    'no turn': (beside(orientation='[0, 0, 0, 2]'), 'others.0.orientation', ('length 2',)),
    'slash': (beside(name='a/b'), 'others.0.name', ('a/b',)),
    'one topic': (beside(plan='/right/joint_states'), 'others.0.plan', ('joint_states',)),
    'one name': (
        f'{beside()}, {beside(plan="/left/plan")}', 'others.1.name', ('also others.0.name',),
    ),
    'one plan': (f'{beside()}, {beside(name="left")}', 'others.1.plan', ('also others.0.plan',)),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES)
def test_what_is_wrong_with_another_arm_is_said_at_its_key(refused: 'Refuse', case: str) -> None:
    """With the value that is wrong."""
    others, key, words = CASES[case]
    error = refused('robot.yaml', HOME, f'{HOME}\nothers: [{others}]')
    assert error.key == key
    assert all(word in error.problem for word in words)


def test_an_arm_that_nothing_looks_for_is_refused(refused: 'Refuse') -> None:
    """Others are named so that they are not touched; without a checker that cannot be."""
    unseen = f'{HOME}\ncollision: {{backend: none}}\nothers: [{beside()}]'
    error = refused('robot.yaml', HOME, unseen)
    assert error.key == 'others.0.name'
    assert 'right is not looked for: collision.backend is none' in error.problem
