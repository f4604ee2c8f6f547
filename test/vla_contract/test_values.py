# SPDX-License-Identifier: Apache-2.0
"""One wrong value in a file: the error names file, line, key and values, and says what to do."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from vla_contract.deployment import load_deployment

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell, Refuse


class Case(NamedTuple):
    """A change to a good file and what must be said about it."""

    file: str
    old: str
    new: str
    key: str
    says: tuple[str, ...]


ROBOT = 'robot.yaml'
POLICY = 'policy.yaml'

CASES = {
    'unknown key at the top': Case(
        ROBOT, 'home:', 'hom:', 'hom', ('unknown key', 'did you mean home?')
    ),
    'unknown key in a list': Case(
        ROBOT, '{name: slide,', '{name: slide, jrk: 3,', 'joints.1.jrk', ('did you mean jerk?',)
    ),
    'unknown key unlike any': Case(
        ROBOT, '  lead_s:', '  xyzzy: 1\n  lead_s:', 'timing.xyzzy', ('known here: ', 'commit_s')
    ),
    'missing key': Case(
        ROBOT, ', jerk: 20', '', 'joints.1.jerk', ('missing', 'Greatest jerk [unit/s³]')
    ),
    'missing section': Case(
        ROBOT, 'controller:\n  kind: joint_trajectory\n  topic: arm_controller/joint_trajectory\n',
        '', 'controller', ('missing', "The arm's"),
    ),
    'text for a number': Case(
        ROBOT, 'velocity: 1.5', 'velocity: fast', 'joints.0.velocity', ("a number, found 'fast'",)
    ),
    'number in quotes': Case(
        ROBOT, 'velocity: 1.5', "velocity: '1.5'", 'joints.0.velocity', ("a number, found '1.5'",)
    ),
    'truth for a number': Case(
        ROBOT, 'velocity: 1.5', 'velocity: true', 'joints.0.velocity', ('a number, found true',)
    ),
    'nothing for a number': Case(
        ROBOT, 'velocity: 1.5', 'velocity: ', 'joints.0.velocity', ('a number, found nothing',)
    ),
    'not a number': Case(
        ROBOT, 'velocity: 1.5', 'velocity: .nan', 'joints.0.velocity', ('finite number, found nan',)
    ),
    'infinity': Case(
        ROBOT, 'tracking: 0.1', 'tracking: .inf', 'margins.tracking', ('finite number, found inf',)
    ),
    'a number too large for any float': Case(
        ROBOT, 'velocity: 1.5', 'velocity: 1e999', 'joints.0.velocity', ("'1e999'",)
    ),
    'zero speed': Case(
        ROBOT, 'tool_speed: 0.25', 'tool_speed: 0', 'workspace.tool_speed', ('above 0, found 0',)
    ),
    'negative jerk': Case(
        ROBOT, 'jerk: 50', 'jerk: -50', 'joints.0.jerk', ('above 0, found -50',)
    ),
    'broken pixel': Case(
        POLICY, 'camera: wrist, width: 32', 'camera: wrist, width: 3.5', 'images.0.width',
        ('whole number, found 3.5',),
    ),
    'unknown choice': Case(
        ROBOT, 'kind: joint_trajectory', 'kind: velocity', 'controller.kind',
        ('must be one of joint_trajectory, follow_joint_trajectory', "'velocity'"),
    ),
    'unknown unit': Case(
        POLICY, 'unit: deg', 'unit: grad', 'action.unit', ('rad or deg', "'grad'")
    ),
    'number for text': Case(ROBOT, 'name: arm', 'name: 5', 'name', ('text, found 5', 'quotes')),
    'empty text': Case(ROBOT, 'urdf: arm.urdf', "urdf: ''", 'urdf', ('must not be empty',)),
    'text for a list': Case(
        ROBOT, 'home: [0.0, 0.1]', 'home: zero', 'home', ("a list, found 'zero'",)
    ),
    'a list too short': Case(
        ROBOT, 'min: [0.1, -0.5, 0.0]', 'min: [0.1, -0.5]', 'workspace.boxes.0.min.2',
        ('value 3 is missing',),
    ),
    'a list too long': Case(
        ROBOT, 'position: [-2.0, 2.0]', 'position: [-2.0, 0.0, 2.0]', 'joints.0.position',
        ('at most 2, found 3',),
    ),
    'a list for a mapping': Case(
        ROBOT, 'margins:\n  tracking: 0.1', 'margins: [0.1]', 'margins',
        ('a mapping of keys to values, found a list of 1',),
    ),
    'no columns': Case(
        POLICY, 'columns: [turn, slide, gripper]\n  unit', 'columns: []\n  unit',
        'action.columns', ('at least 1, found 0',),
    ),
    'not a ROS name': Case(
        ROBOT, 'topic: wrist/image_raw', 'topic: wrist camera/image', 'cameras.0.topic',
        ('ROS name', "'wrist camera/image'"),
    ),
    'fraction out of range': Case(
        POLICY, 'strategy: asynchronous', 'refill_below: 1.5', 'execution.refill_below',
        ('at most 1, found 1.5',),
    ),
    'unknown strategy': Case(
        POLICY, 'strategy: asynchronous', 'strategy: assynchronous', 'execution.strategy',
        ('one of synchronous, asynchronous', "found 'assynchronous'; did you mean asynchronous?"),
    ),
    'no strategy': Case(
        POLICY, 'strategy: asynchronous', 'strategy: null', 'execution.strategy',
        ('must be one of', 'found nothing'),
    ),
    'key of another strategy': Case(
        POLICY, 'strategy: asynchronous', 'strategy: synchronous\n  refill_below: 0.5',
        'execution.refill_below',
        ('belongs to strategy asynchronous', 'while strategy is synchronous'),
    ),
    'key of another strategy than the default': Case(
        POLICY, 'strategy: asynchronous', 'decay: 0.1', 'execution.decay',
        ('belongs to strategy temporal_ensembling, while strategy is asynchronous',),
    ),
    'key of no strategy': Case(
        POLICY, 'strategy: asynchronous', 'strategy: dual_rate\n  encode: 2.0',
        'execution.encode', ('unknown key; did you mean encode_hz?',),
    ),
    'gain of the guidance': Case(
        POLICY, 'strategy: asynchronous', 'strategy: real_time_chunking\n  beta: 0.0',
        'execution.beta', ('above 0, found 0',),
    ),
    'number for a strategy': Case(
        POLICY, 'execution:\n  strategy: asynchronous', 'execution: 5', 'execution',
        ('a mapping of keys to values, found 5',),
    ),
    'slow head': Case(
        POLICY, 'strategy: asynchronous', 'strategy: dual_rate\n  act_hz: 4.0',
        'execution.act_hz', ('4 is not above encode_hz 5',),
    ),
    'latent that dies too soon': Case(
        POLICY, 'strategy: asynchronous', 'strategy: dual_rate\n  latent_max_age_s: 0.1',
        'execution.latent_max_age_s', ('0.1 s is below 0.2 s',),
    ),
    'nothing to agree with': Case(
        POLICY, 'strategy: asynchronous',
        'strategy: real_time_chunking\n  refill_below: 0.05',
        'execution.refill_below', ('0.05 of rows 10 leaves no row',),
    ),
    'truth in words': Case(
        POLICY, 'kind: hold', 'kind: hold\nground_truth: yes', 'ground_truth',
        ("true or false, found 'yes'",),
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_wrong_value_is_named_with_file_line_key_and_value(case: Case, cell: 'Cell') -> None:
    """Whatever the mistake, a person can find it and knows what would be right."""
    cell.change(case.file, case.old, case.new)
    error = cell.error()
    changed = (cell.folder / case.file).read_text(encoding='utf-8')
    assert error.source == case.file
    assert error.key == case.key
    if case.key != 'controller':  # a key missing at the top has no line
        assert error.line is not None
        line = changed.splitlines()[error.line - 1]
        name = next(part for part in reversed(case.key.split('.')) if not part.isdigit())
        assert name in line or case.new.split(',')[0] in line
    for words in case.says:
        assert words in error.problem


def test_the_good_cell_loads(cell: 'Cell') -> None:
    """The files that the other tests spoil are good."""
    deployment = load_deployment(cell.deployment)
    assert deployment.robot.joint_names == ('turn', 'slide')
    assert deployment.policy.action.motion_columns == ('turn', 'slide')
    assert deployment.urdf_path == cell.folder / 'arm.urdf'
    assert deployment.srdf_path is None
    assert deployment.episode_path is None


def test_all_errors_of_all_files_come_at_once(cell: 'Cell') -> None:
    """Three mistakes in two files are three errors, in the order of the lines."""
    cell.change('robot.yaml', 'velocity: 1.5', 'velocity: fast')
    cell.change('robot.yaml', 'tool_speed: 0.25', 'tool_sped: 0.25')
    cell.change('policy.yaml', 'rows: 10', 'rows: 0')
    found = [(error.source, error.key) for error in cell.errors()]
    assert found == [
        ('robot.yaml', 'joints.0.velocity'),
        ('robot.yaml', 'workspace.tool_speed'),
        ('robot.yaml', 'workspace.tool_sped'),
        ('policy.yaml', 'rows'),
    ]


def test_whole_numbers_do_where_numbers_are_wanted(cell: 'Cell') -> None:
    """YAML writers leave out the point; nothing is ambiguous about that."""
    cell.change('robot.yaml', 'velocity: 1.5', 'velocity: 1')
    assert load_deployment(cell.deployment).robot.joints[0].velocity == 1.0


def test_a_file_that_is_not_there_is_an_error_of_the_deployment(refused: 'Refuse') -> None:
    """The key that names it is what needs mending."""
    error = refused('cell.yaml', 'robot: robot.yaml', 'robot: robots/none.yaml')
    assert (error.source, error.line, error.key) == ('cell.yaml', 1, 'robot')
    assert 'robots/none.yaml' in error.problem
    assert 'beside cell.yaml' in error.problem


@pytest.mark.parametrize('name', ['a\0b', 'x' * 5000, '.', '..'])
def test_a_name_that_no_file_can_have_is_an_error(cell: 'Cell', name: str) -> None:
    """Not even the operating system's own complaints get past."""
    text = name.replace('\0', '\\0')
    cell.write('cell.yaml', f'robot: "{text}"\npolicy: policy.yaml\n')
    assert cell.error().key == 'robot'


def test_a_replay_needs_its_episode_beside_it(cell: 'Cell') -> None:
    """The file is looked for at load, not when the robot waits."""
    cell.change('policy.yaml', 'kind: hold', 'kind: replay\nepisode: wave.npz')
    error = cell.error()
    assert (error.source, error.line, error.key) == ('policy.yaml', 3, 'episode')
    (cell.folder / 'wave.npz').touch()
    assert load_deployment(cell.deployment).episode_path == cell.folder / 'wave.npz'


def test_errors_name_files_as_seen_from_here(
    cell: 'Cell', monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Below the working directory paths are short, elsewhere whole."""
    cell.change('robot.yaml', 'tool_speed: 0.25', 'tool_speed: 0')
    assert str(cell.error()).startswith('robot.yaml:')
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert str(cell.error()).startswith(str(tmp_path / 'robot.yaml'))
