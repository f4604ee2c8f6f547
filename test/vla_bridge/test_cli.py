# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: help, contract tables, errors, exit codes."""

import io
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from test.vla_bridge.permissive import permissive_srdf
from tools import make_command_doc
from vla_bridge.cli.main import FAILED, REFUSED, main
from vla_bridge.demo.panel import NodeRow, SafetyRow, Snapshot, bar, draw
from vla_bridge.launching.lines import Lines

CONFIG = Path(__file__).parents[2] / 'config'
VLA = [sys.executable, '-m', 'vla_bridge.cli.main']


@pytest.mark.parametrize(
    'command', ['demo', 'sim', 'run', 'send', 'check', 'safety', 'train', 'eval', 'doctor']
)
def test_help_of_each_command_teaches_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every help text shows how the command is used."""
    with pytest.raises(SystemExit, match='0'):
        main([command, '--help'])
    assert f'  vla {command}' in capsys.readouterr().out


def test_check_prints_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    """Observation, action, limits in force and timing, with topics and units."""
    assert main(['check', '--robot', 'ur5e', '--policy', 'hold']) == 0
    said = capsys.readouterr().out
    for expected in ('ur5e (real)', 'Observation', 'Action', 'Limits in force', 'Timing'):
        assert expected in said
    assert 'wrist_3_joint' in said


def test_check_warns_of_an_srdf_that_lets_links_pass_through_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each pair with how often it collides; a good SRDF is not mentioned."""
    assert main(['check', 'sim']) == 0
    assert 'srdf' not in capsys.readouterr().out
    cell = tmp_path / 'cell.yaml'
    named = f'robot: {CONFIG}/robots/sim_ur5e.yaml\npolicy: {CONFIG}/policies/hold.yaml\n'
    cell.write_text(f'{named}robot_overrides: {{srdf: {permissive_srdf(tmp_path)}}}\n')
    assert main(['check', str(cell)]) == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert 'takes 1 pair of links out of collision checking that can collide' in said
    assert 'gripper_base_link and upper_arm_link may touch ("Never"), and do in' in said
    cell.write_text(
        f'{named}robot_overrides: {{srdf: {permissive_srdf(tmp_path)}, '
        'collision: {backend: none}}\n'
    )
    assert main(['check', str(cell)]) == 0
    assert 'may touch' not in capsys.readouterr().out


def test_check_asks_the_policy_s_own_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it cannot answer to is refused here, not by the policy node later."""
    cell = tmp_path / 'cell.yaml'
    named = f'robot: {CONFIG}/robots/sim_ur5e.yaml\npolicy: {CONFIG}/policies/demonstrator.yaml\n'
    cell.write_text(f'{named}policy_overrides: {{action: {{unit: deg}}}}\n')
    assert main(['check', str(cell)]) == REFUSED
    said = capsys.readouterr().err
    assert f'{cell}:3: policy_overrides.action.unit: deg; the demonstrator' in said


def test_check_names_file_line_and_key_of_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt key and a value out of range are errors for people, without a traceback."""
    robot = (CONFIG / 'robots' / 'sim_ur5e.yaml').read_text()
    broken = tmp_path / 'broken.yaml'
    broken.write_text(robot.replace('tool_frame:', 'tool_fram:').replace('../../urdf', 'urdf'))
    line = next(n for n, text in enumerate(robot.splitlines(), 1) if 'tool_frame:' in text)
    assert main(['check', '--robot', str(broken), '--policy', 'hold']) == REFUSED
    said = capsys.readouterr().err
    assert f'broken.yaml:{line}: tool_fram: unknown key' in said
    assert 'Traceback' not in said


def test_a_name_that_is_no_deployment_lists_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error shows what could have been meant."""
    assert main(['check', 'nowhere']) == REFUSED
    assert 'names known there:' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['robots/ur5e.yaml'], 'ur5e.yaml: is a robot file, not a deployment file'),
        (['robots/ur5e.yaml'], 'vla check --robot FILE --policy FILE'),
        (['policies/hold.yaml'], 'hold.yaml: is a policy file, not a deployment file'),
        (
            ['--robot', 'sim.yaml', '--policy', 'hold'],
            'sim.yaml: is a deployment file, not a robot',
        ),
        (['--robot', 'ur5e', '--policy', 'robots/ur5e.yaml'], 'is a robot file, not a policy file'),
        (['/dev/null'], '/dev/null is a device, not a file'),
        (['robots'], 'robots is a folder, not a file; names known there: dual_left'),
    ],
)
def test_what_was_named_by_mistake_is_called_what_it_is(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Instead of a list of keys that a file of another kind lacks."""
    monkeypatch.chdir(CONFIG)
    assert main(['check', *arguments]) == REFUSED
    told = capsys.readouterr().err
    assert said in told
    assert 'unknown key' not in told


def test_a_demo_of_a_real_robot_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`vla demo` never moves a real arm; an empty instruction and a full folder are refused too."""
    deployment = tmp_path / 'cell.yaml'
    policy, robot = CONFIG / 'policies' / 'hold.yaml', CONFIG / 'robots' / 'ur5e.yaml'
    deployment.write_text(f'robot: {robot}\npolicy: {policy}\n')
    assert main(['demo', '--deployment', str(deployment)]) == REFUSED
    assert 'is a real robot' in capsys.readouterr().err
    assert main(['demo', '--instruction', ' ']) == REFUSED
    assert 'instruction is empty' in capsys.readouterr().err
    assert main(['demo', '--out', str(tmp_path)]) == REFUSED
    assert 'not empty' in capsys.readouterr().err


@pytest.mark.parametrize('width', [80, 100, 160])
def test_the_picture_of_a_run_fits_any_terminal(width: int) -> None:
    """Unknown numbers, long complaints and markup in names do not break it."""
    output = io.StringIO()
    nodes = (NodeRow('safety_node', 'active', 0.3, 190), NodeRow('policy_node', '', 0.0, 0.0))
    safety = SafetyRow('PROTECTIVE_STOP', 'STOP_ASKED', 0.5, 'velocity elbow_joint', 1.02)
    shot = Snapshot(
        'vla demo [/bold]',
        'moving',
        'put [red] in it',
        nodes=nodes,
        safety=safety,
        complaint='policy_node: [/x] ' * 9,
        velocities={'elbow_joint': (math.nan, 2.0)},
    )
    Console(file=output, width=width, force_terminal=True).print(draw(shot))
    assert all(text in output.getvalue() for text in ('put [red] in it', 'policy', 'elbow'))
    assert bar(math.nan, 8).plain == ' ' * 8
    assert bar(0.5, 8).plain == '████    '


def test_lines_of_nodes_keep_their_names_and_lose_their_clutter() -> None:
    """Levels become colours and words; quiet leaves out what is merely informative."""
    output = io.StringIO()
    console = Console(file=output, width=200)
    lines = Lines(console, ('sim_node', 'safety_node'))
    lines('sim_node', '[INFO] [1795253735.091] [sim_node]: scene of seed 3')
    lines('safety_node', '[WARN] [1795253735.091] [left.safety_node]: holding [/red]')
    lines('safety_node', '  File "x.py", line 3')
    Lines(console, (), quiet=True)('sim_node', '[INFO] [1.0] [sim_node]: unheard')
    assert output.getvalue().splitlines() == [
        'sim_node    │ scene of seed 3',
        'safety_node │ WARN holding [/red]',
        'safety_node │   File "x.py", line 3',
    ]


def test_the_page_of_the_command_line_says_what_the_parser_says() -> None:
    """Run python -m tools.make_command_doc when this fails."""
    assert make_command_doc.PAGE.read_text(encoding='utf-8') == make_command_doc.page()


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['demo', '--seed', '-5'], 'seeds start at 0'),
        (['demo', '--timeout', 'nan'], 'is no time'),
        (['send', '--timeout', '-3', 'x'], 'is no time'),
    ],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_starts(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the parser, in words."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures('ros_domain')
def test_an_interrupted_simulation_says_that_nothing_runs_and_exits_as_interrupted_programs_do(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Also while its nodes start, which is then no fault of theirs."""
    with subprocess.Popen(
        [*VLA, 'sim'], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as simulation:
        process = psutil.Process(simulation.pid)
        while simulation.poll() is None and len(process.children()) < 5:
            time.sleep(0.02)
        simulation.send_signal(number)
        said, _ = simulation.communicate(timeout=30)
    assert simulation.returncode == 128 + number, said
    assert 'nothing is left running' in said
    assert 'robot_state_publisher' not in said
    assert 'cleanly' not in said
    assert 'Traceback' not in said


def test_a_command_interrupted_while_it_imports_says_nothing() -> None:
    """The traceback of whichever import was under way is no message."""
    with subprocess.Popen(
        [VLA[0], '-X', 'importtime', *VLA[1:], 'check', 'sim'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert any(line.endswith('| vla_bridge.cli\n') for line in command.stdout)
        command.send_signal(signal.SIGINT)
        said, _ = command.communicate(timeout=20)
    assert [line for line in said.splitlines() if not line.startswith('import time:')] == []
    assert command.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['demo', '--out', '/proc/x'], '/proc/x cannot be made'),
        (['demo', '--out', '/dev/null'], '/dev/null is not a folder'),
        (['send', '--namespace', 'b ad', 'x'], "namespace 'b ad' must be"),
        (['sim', '--namespace', '9lives'], "namespace '9lives' must be"),
        (['sim', '--log-level', 'loud'], "log_level 'loud' must be one of debug, info"),
    ],
)
def test_what_cannot_be_is_refused_in_words_before_anything_starts(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names what was given and what would do."""
    assert main(arguments) == REFUSED
    assert said in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    """Logs go below the folder that a command is started in."""
    done = subprocess.run(
        [*VLA, 'sim'], cwd='/proc', capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == FAILED
    assert done.stderr.startswith('vla: /proc/out: ')
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('arguments', [['check', 'sim'], ['--help'], ['check', '--help']])
def test_an_output_that_is_full_is_an_error_in_words(arguments: list[str]) -> None:
    """What could not be printed counts as not done, also what Python still holds at its end."""
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONUNBUFFERED'}
    with Path('/dev/full').open('w') as full:
        done = subprocess.run(
            [*VLA, *arguments],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == FAILED
    assert done.stderr == 'vla: the output cannot be written: No space left on device\n'


def test_an_output_that_nobody_reads_any_more_ends_the_command() -> None:
    """As `vla check sim | head -1` has it."""
    with subprocess.Popen(
        [*VLA, 'check', 'sim'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()
        assert command.wait(20) == FAILED
    assert said == 'vla: the output cannot be written: nobody reads it any more\n'


def test_an_error_that_cannot_be_printed_still_fails() -> None:
    """Standard error may be full too: then the exit code is all there is."""
    with Path('/dev/full').open('w') as full:
        done = subprocess.run([*VLA, 'check', 'nowhere'], stderr=full, check=False)
    assert done.returncode == REFUSED


@pytest.mark.parametrize(('columns', 'widest'), [('', 80), ('60', 60)])
def test_tables_are_not_folded_where_there_is_no_terminal(columns: str, widest: int) -> None:
    """A pipe has no width; who wants one says so with COLUMNS."""
    environment = {name: value for name, value in os.environ.items() if name != 'COLUMNS'}
    environment |= {'COLUMNS': columns} if columns else {}
    done = subprocess.run(
        [*VLA, 'check', 'sim'], env=environment, capture_output=True, text=True, check=True
    )
    width = max(map(len, done.stdout.splitlines()))
    assert width > widest if not columns else width <= widest
