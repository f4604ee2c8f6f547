# SPDX-License-Identifier: Apache-2.0
"""Robot against policy: every mismatch names both files, lines and values, and what to do."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vla_contract.deployment import load_deployment, load_policy, load_robot, match
from vla_contract.errors import ContractErrors

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell


POLICY = 'policy.yaml'
ROBOT = 'robot.yaml'

CASES = {
    'trained for another robot': (
        POLICY, 'trained_for: [arm]', 'trained_for: [leg, tail]', 'trained_for', 'name: arm',
        ('knows leg, tail', 'the robot is arm', 'choose a policy for arm'),
    ),
    'ground truth on a real robot': (
        POLICY, 'trained_for: [arm]', 'ground_truth: true', 'ground_truth', '',
        ('true', 'arm is not simulated', 'cameras'),
    ),
    'a camera the robot lacks': (
        POLICY, 'camera: wrist', 'camera: wirst', 'images.0.camera', 'cameras:',
        ('sees through wirst', 'has wrist, depth', 'did you mean wrist?'),
    ),
    'colour from a depth camera': (
        POLICY, 'camera: wrist', 'camera: depth', 'images.0.kind', 'encoding: 16UC1',
        ('takes colour', 'publishes 16UC1, which is depth'),
    ),
    'depth from a colour camera': (
        POLICY, 'camera: depth', 'camera: wrist', 'images.1.kind', 'name: wrist',
        ('takes depth', 'publishes rgb8, which is colour'),
    ),
    'a camera too slow': (
        POLICY, 'rate_hz: 10.0\nrows: 10', 'rate_hz: 40.0\nrows: 1', 'images.1.camera',
        'rate_hz: 15.0', ('40 chunks a second', 'depth gives 15 images a second', 'longer chunks'),
    ),
    'joints in another order': (
        POLICY, '[turn, slide, gripper]\n  unit', '[slide, turn, gripper]\n  unit',
        'action.columns.0', 'name: turn',
        ('column 0 is slide', 'joint 0 of arm is turn', 'arm takes turn, slide'),
    ),
    'state in another order': (
        POLICY, '[turn, slide, gripper]\naction', '[slide, turn, gripper]\naction',
        'state.columns.0', 'name: turn', ('column 0 is slide', 'joint 0 of arm is turn'),
    ),
    'joints of another robot': (
        POLICY, '[turn, slide, gripper]\n  unit', '[turn, lift, gripper]\n  unit',
        'action.columns', 'joints:', ('missing slide; unknown lift',),
    ),
    'too few joints': (
        POLICY, '[turn, slide, gripper]\n  unit', '[turn]\n  unit', 'action.columns', 'joints:',
        ('missing slide; unknown none',),
    ),
    'steps too short': (
        ROBOT, 'lead_s: 0.04', 'step_min_s: 0.2', 'rate_hz', 'step_min_s: 0.2',
        ('10 Hz makes steps of 0.1 s', '0.2 to 1 s', 'from 1 to 5'),
    ),
    'steps too long': (
        ROBOT, 'lead_s: 0.04', 'step_max_s: 0.05', 'rate_hz', 'step_max_s: 0.05',
        ('steps of 0.1 s', '0.002 to 0.05 s', 'from 20 to 500'),
    ),
    'chunks too long': (
        POLICY, 'rows: 10', 'rows: 101', 'rows', '',
        ('101 rows at 10 Hz last 10.1 s', 'at most 10 s', 'at most 100 rows'),
    ),
    'chunks over before they begin': (
        ROBOT, 'lead_s: 0.04', 'lead_s: 1.5', 'rows', 'lead_s: 1.5',
        ('10 rows at 10 Hz last 1 s', 'needs 1.5 s', 'at least 16 rows'),
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_mismatch_names_both_sides(case: tuple[str, ...], cell: 'Cell') -> None:
    """The error stands at the policy's key; the robot's file, line and key stand in the text."""
    file, old, new, key, robot_piece, says = case
    cell.change(file, old, new)
    errors = {error.key: error for error in cell.errors()}
    error = errors[key]
    assert error.source == POLICY
    assert error.line is not None
    expected = f'(robot.yaml:{cell.line(ROBOT, robot_piece)}: ' if robot_piece else '(robot.yaml'
    assert expected in error.problem
    for words in says:
        assert words in error.problem


def test_a_gripper_column_needs_a_gripper(cell: 'Cell') -> None:
    """Both layouts are named."""
    text = (cell.folder / ROBOT).read_text(encoding='utf-8')
    start, end = text.index('gripper:\n'), text.index('cameras:\n')
    cell.write(ROBOT, text[:start] + text[end:])
    errors = cell.errors()
    assert [error.key for error in errors] == ['state.columns.2', 'action.columns.2']
    assert all('arm has no gripper' in error.problem for error in errors)


def test_all_mismatches_come_at_once(cell: 'Cell') -> None:
    """Every way in which two files disagree is one round of mending."""
    cell.change(POLICY, 'trained_for: [arm]', 'trained_for: [leg]')
    cell.change(POLICY, 'camera: wrist', 'camera: front')
    cell.change(POLICY, 'rows: 10', 'rows: 1000')
    assert [error.key for error in cell.errors()] == ['trained_for', 'images.0.camera', 'rows']


def test_a_policy_without_images_or_state_fits_any_camera(cell: 'Cell') -> None:
    """What a policy does not ask for cannot be missing."""
    text = (cell.folder / POLICY).read_text(encoding='utf-8')
    start, end = text.index('images:'), text.index('action:')
    cell.write(POLICY, text[:start] + text[end:])
    assert load_deployment(cell.deployment).policy.images == ()


@pytest.mark.parametrize(
    ('space', 'columns'),
    [('pose', 'x, y, z, qx, qy, qz, qw'), ('pose_delta', 'dx, dy, dz, rx, ry, rz')],
)
def test_columns_of_a_tool_pose_are_no_unknown_joints(
    cell: 'Cell', space: str, columns: str
) -> None:
    """Only joint spaces have joints."""
    cell.change(POLICY, 'joint_position', space)
    cell.change(POLICY, '[turn, slide, gripper]\n  unit', f'[{columns}]\n  unit')
    assert load_deployment(cell.deployment).policy.action.space == space


def test_more_rows_than_the_filter_takes_are_refused(cell: 'Cell') -> None:
    """However short they are."""
    cell.change(POLICY, 'rows: 10', 'rows: 4097')
    cell.change(POLICY, 'rate_hz: 10.0', 'rate_hz: 500.0')
    error = cell.error()
    assert (error.key, error.problem) == ('rows', 'must be at most 4096, found 4097')


def test_files_read_apart_are_matched_like_a_deployment(cell: 'Cell') -> None:
    """The nodes' parameters robot and policy take this way; places are found again."""
    robot_path, policy_path = cell.folder / ROBOT, cell.folder / POLICY
    assert match(load_robot(robot_path), robot_path, load_policy(policy_path), policy_path)
    cell.change(POLICY, 'trained_for: [arm]', 'trained_for: [leg]')
    with pytest.raises(ContractErrors) as caught:
        match(load_robot(robot_path), robot_path, load_policy(policy_path), policy_path)
    assert caught.value.errors[0].line == 3


def test_objects_that_were_read_from_no_file_are_matched_too(cell: 'Cell') -> None:
    """There is no line to name, and no other error instead."""
    robot, policy = load_robot(cell.folder / ROBOT), load_policy(cell.folder / POLICY)
    stranger = policy.model_copy(update={'trained_for': ('leg',)})
    with pytest.raises(ContractErrors) as caught:
        match(robot, Path('none.yaml'), stranger, Path('also_none.yaml'))
    assert str(caught.value).startswith('also_none.yaml: trained_for: ')
