# SPDX-License-Identifier: Apache-2.0
"""A deployment's overrides: what they change, and that errors point to them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from vla_contract.deployment import load_deployment
from vla_contract.execution import Asynchronous, Synchronous

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell


CELL = 'cell.yaml'
Override = Callable[[str], None]


@pytest.fixture
def override(cell: 'Cell') -> Override:
    """Append lines to the deployment."""

    def append(text: str) -> None:
        cell.write(CELL, f'robot: robot.yaml\npolicy: policy.yaml\n{text}')

    return append


def test_mappings_are_merged_and_other_values_replaced(cell: 'Cell', override: Override) -> None:
    """Single values change; their neighbours stay."""
    override(
        'robot_overrides:\n'
        '  workspace: {tool_speed: 0.1}\n'
        '  home: [0.5, 0.2]\n'
        '  joint_state_rate_hz: 50\n'
        'policy_overrides:\n'
        '  rows: 5\n'
    )
    deployment = load_deployment(cell.deployment)
    assert deployment.robot.workspace.tool_speed == 0.1
    assert deployment.robot.workspace.boxes[0].name == 'table'
    assert deployment.robot.home == (0.5, 0.2)
    assert deployment.robot.joint_state_rate_hz == 50
    assert deployment.policy.rows == 5


def test_a_mapping_over_a_list_changes_the_things_named(cell: 'Cell', override: Override) -> None:
    """One joint slower and one camera elsewhere, without writing all of them again."""
    override(
        'robot_overrides:\n'
        '  joints: {slide: {velocity: 0.1}}\n'
        '  cameras: {wrist: {topic: other/image}, depth: {rate_hz: 10}}\n'
    )
    robot = load_deployment(cell.deployment).robot
    assert [joint.velocity for joint in robot.joints] == [1.5, 0.1]
    assert [camera.topic for camera in robot.cameras] == ['other/image', 'depth/image_raw']
    assert robot.cameras[1].rate_hz == 10


def test_another_strategy_replaces_the_one_that_is_there(cell: 'Cell', override: Override) -> None:
    """Its keys would mean nothing to the other; the same strategy keeps them."""
    cell.change(
        'policy.yaml', 'strategy: asynchronous', 'strategy: asynchronous\n  refill_below: 0.7'
    )
    override('policy_overrides:\n  execution: {strategy: synchronous}\n')
    assert load_deployment(cell.deployment).policy.execution == Synchronous()
    override('policy_overrides:\n  execution: {strategy: asynchronous}\n')
    assert load_deployment(cell.deployment).policy.execution == Asynchronous(refill_below=0.7)


def test_a_list_replaces_a_list(cell: 'Cell', override: Override) -> None:
    """There is no other meaning that everybody would guess."""
    override('policy_overrides:\n  trained_for: [arm, leg]\n')
    assert load_deployment(cell.deployment).policy.trained_for == ('arm', 'leg')


def test_null_takes_an_optional_part_away(cell: 'Cell', override: Override) -> None:
    """An arm whose gripper was unscrewed."""
    columns = '{columns: [turn, slide]}'
    override(
        'robot_overrides: {gripper: null}\n'
        f'policy_overrides: {{state: {columns}, action: {columns}}}\n'
    )
    assert load_deployment(cell.deployment).robot.gripper is None


@pytest.mark.parametrize(
    ('text', 'key', 'says'),
    [
        ('robot_overrides:\n  margins: {tracking: -1}', 'robot_overrides.margins.tracking', '-1'),
        ('robot_overrides:\n  margin: {}', 'robot_overrides.margin', 'did you mean margins?'),
        (
            'robot_overrides:\n  joints: {turn: {velocity: 9.0}}',
            'robot_overrides.joints.turn.velocity',
            'above 2 in arm.urdf',
        ),
        (
            'robot_overrides:\n  joints: {tern: {velocity: 1.0}}',
            'robot_overrides.joints.tern',
            'robot.yaml:5: joints has no tern; did you mean turn?',
        ),
        (
            'robot_overrides:\n  cameras: {front: {topic: x}}',
            'robot_overrides.cameras.front',
            'it has wrist, depth',
        ),
        (
            'robot_overrides:\n  joints: [{name: turn, velocity: 1, acceleration: 1}]',
            'robot_overrides.joints.0.jerk',
            'missing',
        ),
        ('robot_overrides:\n  timing: 5', 'robot_overrides.timing', 'found 5'),
        ('policy_overrides:\n  rate_hz: 0.01', 'policy_overrides.rate_hz', 'step_max_s'),
        ('policy_overrides:\n  action: {unit: turns}', 'policy_overrides.action.unit', "'turns'"),
        ('robot_overrides: [1]', 'robot_overrides', 'a mapping of keys to values'),
        ('robot_overides: {}', 'robot_overides', 'did you mean robot_overrides?'),
    ],
)
def test_errors_point_to_the_override(
    cell: 'Cell', override: Override, text: str, key: str, says: str
) -> None:
    """The value that is wrong stands in the deployment, so its line there is named."""
    override(text + '\n')
    errors = {error.key: error for error in cell.errors()}
    error = errors[key]
    assert error.source == CELL
    assert error.line == 3 + text.count('\n')
    assert says in error.problem


def test_a_mismatch_names_the_override_on_either_side(cell: 'Cell', override: Override) -> None:
    """The robot's value stands in the deployment too."""
    override('robot_overrides:\n  name: other\npolicy_overrides:\n  trained_for: [arm]\n')
    error = cell.error()
    assert (error.source, error.line, error.key) == (CELL, 6, 'policy_overrides.trained_for')
    assert '(cell.yaml:4: robot_overrides.name)' in error.problem


def test_a_contradiction_between_file_and_override_is_found(
    cell: 'Cell', override: Override
) -> None:
    """The merged robot is checked as one."""
    override('robot_overrides:\n  margins: {position: 2.5}\n')
    error = cell.errors()[0]
    assert (error.source, error.key) == ('robot.yaml', 'joints.0.position')
    assert 'margins.position 2.5' in error.problem


def test_paths_stay_beside_the_robot_file(cell: 'Cell', override: Override) -> None:
    """An override changes a value, not where it is read from."""
    (cell.folder / 'robots').mkdir()
    (cell.folder / 'robot.yaml').rename(cell.folder / 'robots' / 'robot.yaml')
    override('robot_overrides: {urdf: ../arm.urdf}\n')
    cell.change(CELL, 'robot: robot.yaml', 'robot: robots/robot.yaml')
    assert load_deployment(cell.deployment).urdf_path.resolve() == cell.folder / 'arm.urdf'
