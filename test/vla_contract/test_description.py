# SPDX-License-Identifier: Apache-2.0
"""Robot file against URDF: whatever they disagree about is refused before anything moves."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vla_contract.deployment import load_deployment, load_robot
from vla_contract.description import read_description
from vla_contract.errors import ContractError
from vla_contract.yaml_file import Place

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell


ROBOT = 'robot.yaml'
URDF = 'arm.urdf'

CASES = {
    'joint misspelt': (
        ROBOT, 'name: turn,', 'name: tern,', 'joints.0.name',
        ('arm.urdf has no joint tern', 'did you mean turn?'),
    ),
    'revolute in metres': (
        ROBOT, 'name: turn,', 'name: turn, unit: m,', 'joints.0.unit',
        ('m for turn', 'revolute', 'its unit is rad'),
    ),
    'prismatic in radians': (
        ROBOT, 'unit: m, ', '', 'joints.1.unit', ('rad for slide', 'prismatic', 'its unit is m'),
    ),
    'limits wider than the joint': (
        ROBOT, 'position: [-2.0, 2.0]', 'position: [-2.0, 3.1]', 'joints.0.position',
        ('-2 to 3.1 rad', '-3 to 3', 'only tighten'),
    ),
    'faster than the joint': (
        ROBOT, 'velocity: 1.5', 'velocity: 2.5', 'joints.0.velocity',
        ('2.5 rad/s', 'above 2', 'only tighten'),
    ),
    'home outside the joint': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.6]', 'home.1',
        ('0.6 m for slide', '0 to 0.5', 'margins.position 0.01'),
    ),
    'unknown tool frame': (
        ROBOT, 'tool_frame: tool', 'tool_frame: tools', 'tool_frame',
        ('no link tools', 'did you mean tool?'),
    ),
    'unknown base frame': (
        ROBOT, 'base_frame: base', 'base_frame: world', 'base_frame', ('no link world', 'base, '),
    ),
    'tool that hangs from nothing': (
        ROBOT, 'tool_frame: tool', 'tool_frame: loose', 'tool_frame',
        ('loose does not hang from base_frame base',),
    ),
    'gripper misspelt': (
        ROBOT, 'joint: grip', 'joint: grep', 'gripper.joint',
        ('no joint grep', 'did you mean grip?', 'under model'),
    ),
    'gripper in radians': (
        ROBOT, 'joint: grip', 'joint: grip\n  unit: rad', 'gripper.unit',
        ('rad for grip', 'its unit is m'),
    ),
    'gripper opens too wide': (
        ROBOT, 'open: 0.04', 'open: 0.05', 'gripper.open', ('0.05 for grip', '0 to 0.04'),
    ),
    'gripper model misspelt': (
        ROBOT, 'joint: grip', 'joint: x\n  model: {joint: grop, open: 0.04, closed: 0}',
        'gripper.model.joint', ('no joint grop', 'did you mean grip?'),
    ),
    'gripper model opens too wide': (
        ROBOT, 'joint: grip', 'joint: x\n  model: {joint: grip, open: 0.4, closed: 0}',
        'gripper.model.open', ('0.4 for grip', '0 to 0.04'),
    ),
    'no such URDF': (
        ROBOT, 'urdf: arm.urdf', 'urdf: leg.urdf', 'urdf', ('leg.urdf', 'cannot be read'),
    ),
    'no such SRDF': (
        ROBOT, 'urdf: arm.urdf', 'urdf: arm.urdf\nsrdf: arm.srdf', 'srdf',
        ('arm.srdf', 'cannot be read'),
    ),
    'a folder for a URDF': (ROBOT, 'urdf: arm.urdf', 'urdf: .', 'urdf', ('cannot be read',)),
    'YAML for a URDF': (ROBOT, 'urdf: arm.urdf', 'urdf: robot.yaml', 'urdf', ('is not XML',)),
    'broken XML': (URDF, '</robot>', '', 'urdf', ('arm.urdf', 'is not XML')),
    'limits that are no numbers': (
        URDF, 'lower="-3.0"', 'lower="-pi"', 'urdf', ('joint turn', "lower is '-pi'"),
    ),
    'limits that are missing': (
        URDF, '<limit lower="0.0" upper="0.5" velocity="1.0" effort="1"/>', '', 'urdf',
        ('joint slide is prismatic and has no <limit>',),
    ),
    'xacro': (
        URDF, '<robot name="arm">',
        '<robot name="arm" xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:arg name="x"/>',
        'urdf', ('is xacro', 'expand'),
    ),
    'a joint that nothing drives': (
        URDF, '<joint name="turn" type="revolute">', '<joint name="turn" type="fixed">',
        'joints.0.name', ('turn is fixed in arm.urdf', 'nothing drives it'),
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_disagreement_names_both_files_values(case: tuple[str, ...], cell: 'Cell') -> None:
    """The robot file's line is where to mend; the URDF's value stands in the text."""
    file, old, new, key, says = case
    cell.change(file, old, new)
    errors = {error.key: error for error in cell.errors()}
    error = errors[key]
    assert error.source == 'robot.yaml'
    assert error.line is not None
    for words in says:
        assert words in error.problem


def test_a_joint_that_moves_the_tool_must_be_listed(cell: 'Cell') -> None:
    """A joint nobody limits would carry the whole arm with it."""
    cell.change(URDF, 'name="flange" type="fixed"', 'name="flange" type="continuous"')
    error = cell.error()
    assert error.key == 'joints'
    assert 'flange moves tool' in error.problem
    assert 'add it' in error.problem


def test_a_listed_joint_must_move_the_tool(cell: 'Cell') -> None:
    """The gripper's joint among the arm's is a mistake that would be seen late."""
    cell.change('robot.yaml', 'tool_frame: tool', 'tool_frame: upper')
    assert [error.key for error in cell.errors()] == ['joints.1.name']


def test_another_root_element_is_refused(cell: 'Cell') -> None:
    """SDF, MJCF and whatever else is XML."""
    cell.write('arm.urdf', '<mujoco/>')
    assert 'holds <mujoco>, where <robot> must stand' in cell.error().problem


def test_continuous_joints_have_no_limits_but_the_file_s(cell: 'Cell') -> None:
    """Whatever the URDF says of their range means nothing."""
    cell.change(URDF, 'type="revolute"', 'type="continuous"')
    cell.change('robot.yaml', 'position: [-2.0, 2.0]', 'position: [-9.0, 9.0]')
    assert load_deployment(cell.deployment).robot.joints[0].position == (-9.0, 9.0)


def test_rounded_limits_are_no_disagreement(cell: 'Cell') -> None:
    """3.1416 for pi is what people write."""
    cell.change(URDF, 'velocity="2.0"', 'velocity="1.4999999"')
    load_deployment(cell.deployment)


def test_a_package_is_found_through_the_ament_index(
    cell: 'Cell', monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first workspace that has the package wins, as it does for ROS."""
    share = tmp_path / 'ws' / 'share' / 'arm_description' / 'urdf'
    share.mkdir(parents=True)
    (tmp_path / URDF).rename(share / URDF)
    cell.change('robot.yaml', 'urdf: arm.urdf', 'urdf: package://arm_description/urdf/arm.urdf')
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "none"}:{tmp_path / "ws"}')
    deployment = load_deployment(cell.deployment)
    assert deployment.urdf_path == share / URDF
    cell.change('robot.yaml', 'velocity: 1.5', 'velocity: 2.5')
    assert cell.error().key == 'joints.0.velocity'


def test_a_package_that_is_not_here_is_refused_where_it_is_needed(
    cell: 'Cell', monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training machine has no robot workspace and needs none; the safety node does."""
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    cell.change('robot.yaml', 'urdf: arm.urdf', 'urdf: package://arm_description/arm.urdf')
    deployment = load_deployment(cell.deployment)
    with pytest.raises(ContractError, match='source the workspace'):
        _ = deployment.urdf_path


def test_a_package_of_no_possible_name_is_not_here(
    cell: 'Cell', monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file system's own complaint is not the user's."""
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    cell.change('robot.yaml', 'urdf: arm.urdf', f'urdf: package://{"x" * 5000}/arm.urdf')
    with pytest.raises(ContractError, match='not on this machine'):
        _ = load_deployment(cell.deployment).urdf_path


def test_a_robot_file_alone_is_checked_too(cell: 'Cell') -> None:
    """Whoever reads the robot without a deployment gets the same checks."""
    assert load_robot(cell.folder / 'robot.yaml').name == 'arm'


def test_a_chain_lists_every_joint_on_the_way(cell: 'Cell') -> None:
    """From base to tool, fixed joints included."""
    description = read_description(cell.folder / URDF, Place('here'))
    chain = description.chain('base', 'finger')
    assert chain is not None
    assert [joint.name for joint in chain] == ['turn', 'slide', 'flange', 'grip']
    assert description.chain('finger', 'base') is None


def test_links_in_a_circle_are_no_chain(cell: 'Cell') -> None:
    """A URDF that is no tree must not hang the loader."""
    back = '<joint name="back" type="fixed"><parent link="finger"/><child link="base"/></joint>'
    cell.change(URDF, '<joint name="flange"', f'{back}<joint name="flange"')
    cell.change('robot.yaml', 'base_frame: base', 'base_frame: loose')
    assert 'does not hang' in cell.error().problem
