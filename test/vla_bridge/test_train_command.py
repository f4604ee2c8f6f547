# SPDX-License-Identifier: Apache-2.0
"""`vla train` as a user meets it: a run, a stop, what is refused, and what is shown of it."""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import get_args

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from test.vla_policy.training.small import RECIPE, weights_or_skip, write_dataset, write_recipe
from vla_bridge.cli.main import REFUSED, main, parser
from vla_bridge.cli.train import HEADS, command_to_go_on, read_recipe
from vla_bridge.cli.training_view import TrainingView
from vla_bridge.resources import config_file
from vla_contract.errors import VlaError
from vla_policy.checkpoint import load_checkpoint
from vla_policy.heads.config import HeadConfig
from vla_policy.training.parallel import Crew
from vla_policy.training.session import Plan
from vla_policy.training.trainer import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
INTERRUPTED = 128 + signal.SIGINT


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on many."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command that trains on little."""
    data, recipe = write_dataset(tmp_path / 'data'), write_recipe(tmp_path)
    return ['train', str(data), '--recipe', str(recipe), '--out', str(tmp_path / 'run')]


def chosen(*words: str) -> argparse.Namespace:
    """What a command line says."""
    return parser().parse_args(words)


def test_a_run_leaves_a_model_curves_and_lines_in_a_file(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output that is no terminal has no bars in it; a second run does not overwrite the first."""
    weights_or_skip()
    assert main([*words, '--head', 'flow', '--steps', '6']) == 0
    said, errors = capsys.readouterr()
    lines = said.splitlines()
    assert lines[0] == 'recipe: head flow, 6 steps of 16 examples, on cpu'
    assert lines[1] == 'decoded eye: 36 frames'
    assert lines[2].startswith('step 6 of 6 · loss ')
    run = tmp_path / 'run'
    expected = [
        f'Model   {run}/model',
        f'Losses  {run}/losses.png',
        f'Curves  tensorboard --logdir {run}/events',
    ]
    assert lines[3:] == expected
    assert not errors
    assert load_checkpoint(run / 'model').config.head.kind == 'flow'
    assert (run / 'losses.png').is_file()
    curves = EventAccumulator(str(run / 'events')).Reload()
    assert {'loss/loss', 'loss/hints', 'step/rate'} <= set(curves.Tags()['scalars'])
    assert [each.step for each in curves.Scalars('loss/loss')] == [1, 2, 3, 4, 5, 6]

    assert main([*words, '--head', 'flow', '--steps', '6']) == REFUSED
    assert 'a model is there already; go on with --resume' in capsys.readouterr().err
    assert main([*words, '--steps', '6', '--resume']) == REFUSED
    assert 'begun with head.kind: flow, now regression' in capsys.readouterr().err
    assert main([*words, '--head', 'flow', '--steps', '6', '--resume']) == 0
    assert 'every step was made already' in capsys.readouterr().out


def test_ctrl_c_saves_and_says_how_to_go_on(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command it prints begins where the run was stopped."""
    weights_or_skip()
    run = tmp_path / 'run'
    with interrupt_when_steps_are_made(run, runs=1):
        assert main([*words, '--steps', '5000']) == INTERRUPTED
    first = json.loads((run / 'resume' / 'state.json').read_text())['step']
    *_, said, command = capsys.readouterr().out.splitlines()
    assert said == f'stopped and saved after step {first} of 5000; to go on:'
    assert load_checkpoint(run / 'model')
    program, *again = shlex.split(command)
    assert program == 'vla'
    assert again == [*words[:2], '--out', str(run), *words[2:4], '--steps', '5000', '--resume']
    with interrupt_when_steps_are_made(run, runs=2):
        assert main(again) == INTERRUPTED
    assert json.loads((run / 'resume' / 'state.json').read_text())['step'] > first


@contextmanager
def interrupt_when_steps_are_made(run: Path, runs: int) -> Iterator[None]:
    """Press Ctrl-C once so many runs have written events, which they do from the first step on."""
    over = Event()

    def watch() -> None:
        while not over.wait(0.01):
            if len(list(run.glob('events/*'))) >= runs:
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        (['--resume'], '/run: no run to go on with; without --resume one begins'),
        (['--steps', '-5'], 'command line: --steps: must be above 0, found -5'),
        (['--batch', '15'], 'command line: --batch: 15 is no multiple of parts, 2'),
        (['--recipe', 'compac'], 'names known there: compact'),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(
    words: list[str], more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, at the option that says it."""
    assert main([*words, *more]) == REFUSED
    assert said in capsys.readouterr().err


def test_a_folder_that_is_no_dataset_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is left behind."""
    words[1] = str(tmp_path / 'nowhere')
    assert main(words) == REFUSED
    assert f'{tmp_path}/nowhere: no dataset; `vla sim record`' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_a_key_that_no_recipe_has_is_named_with_its_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is a value of the file that does not go with the command line."""
    recipe = tmp_path / 'recipe.yaml'
    recipe.write_text('policy: small.yaml\nbatsh: 3\n')
    assert main(words) == REFUSED
    assert f'{recipe}:2: batsh: unknown key; did you mean batch?' in capsys.readouterr().err


def test_an_unknown_head_lists_those_there_are(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By the parser; they are those that a recipe may name."""
    with pytest.raises(SystemExit, match='2'):
        main([*words, '--head', 'flwo'])
    said = capsys.readouterr().err
    kinds = [each.model_fields['kind'].default for each in get_args(get_args(HeadConfig)[0])]
    assert sorted(kinds) == sorted(HEADS)
    assert all(kind in said for kind in kinds)


def test_what_is_not_installed_is_named_with_what_installs_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before torch is asked for."""
    monkeypatch.setitem(sys.modules, 'tensorboard', None)
    assert main(words) == REFUSED
    said = capsys.readouterr().err
    assert 'training needs tensorboard, not installed' in said.replace('\n', ' ')
    assert 'python3 -m tools.bootstrap model' in said


def test_one_process_of_a_machine_speaks_for_all(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are refused for the same reason, without a word."""
    monkeypatch.setenv('LOCAL_RANK', '1')
    assert main([*words, '--batch', '15']) == REFUSED
    assert capsys.readouterr() == ('', '')


def test_the_default_recipe_is_whole() -> None:
    """Its policy file is there, and its model is one that can be."""
    path = config_file('compact', 'training')
    recipe = read_recipe(path, chosen('train', 'data', '--out', 'run'))
    policy = Plan(recipe, path, (), Path('run')).policy
    assert recipe.model(policy).rows == policy.rows


def test_the_command_line_stands_in_for_the_recipe(tmp_path: Path) -> None:
    """A short run warms up for a tenth of its steps; another head keeps the decoder."""
    path = write_recipe(tmp_path)
    options = ['--steps', '20', '--head', 'tokens', '--seed', '7', '--precision', 'fp32']
    recipe = read_recipe(path, chosen('train', 'data', '--out', 'run', *options))
    assert (recipe.steps, recipe.seed, recipe.precision) == (20, 7, 'fp32')
    assert recipe.optimizer.warmup == 2
    assert recipe.head.kind == 'tokens'
    assert recipe.head.decoder == RECIPE.head.decoder
    assert recipe.batch == RECIPE.batch


def test_the_command_to_go_on_says_what_the_first_one_said() -> None:
    """Zeros and spaces included, and how many processes there are."""
    given = ['train', 'my data', 'more', '--out', 'a run', '--seed', '0', '--sharded']
    words = shlex.split(command_to_go_on(chosen(*given), processes=1))
    assert vars(chosen(*words[1:])) == {**vars(chosen(*given)), 'resume': True}
    several = command_to_go_on(chosen(*given), processes=2)
    assert several.startswith('torchrun --nproc-per-node 2 -m vla_bridge.cli.main train ')


def test_a_terminal_shows_bars_and_lines_that_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each 500 steps; the median is shown, which one odd step does not change."""
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '80')
    show(tmp_path, Crew(0, 1, 'ddp', torch.device('cpu')))
    said = capsys.readouterr().out
    assert 'decoding eye' in said
    assert 'training' in said
    assert '1000/1000' in said
    assert '\x1b[2K' in said
    stay = [line for line in said.splitlines() if ' of 1000 · ' in line]
    assert len(stay) == 2
    assert 'step 500 of 1000 · loss 0.2500 · rate 1.0e-03 · 40 ms a step · 0:00:20 left' in stay[0]


def test_only_the_process_that_leads_shows_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others write no curves, either."""
    show(tmp_path, Crew(1, 2, 'ddp', torch.device('cpu')))
    assert capsys.readouterr().out == ''
    assert not (tmp_path / 'run').exists()


def show(folder: Path, crew: Crew) -> None:
    """A run that is none."""
    recipe = RECIPE.model_copy(update={'steps': 1000})
    plan = Plan(recipe, folder / 'small.yaml', (), folder / 'run')
    with TrainingView(plan, crew, lambda: None) as view:
        for done in range(1, 201):
            view.read('eye', done, 200)
        for step in range(1, 1001):
            odd = step % 20 == 0
            losses = {'loss': 9.0 if odd else 0.25}
            view.show(Progress(step, losses, 1e-3, 1.0, 3.0 if odd else 0.04))


def test_who_stops_while_data_is_read_stops(tmp_path: Path) -> None:
    """Decoding takes long, and is no step."""

    def told_to() -> None:
        raise VlaError('enough')

    crew = Crew(0, 1, 'ddp', torch.device('cpu'))
    plan = Plan(RECIPE, tmp_path / 'small.yaml', (), tmp_path / 'run')
    with pytest.raises(VlaError, match='enough'), TrainingView(plan, crew, told_to) as view:
        view.read('eye', 1, 200)


@pytest.mark.long
def test_two_processes_train_and_one_speaks(words: list[str], tmp_path: Path) -> None:
    """Started by torchrun, as docs/train.md has it."""
    weights_or_skip()
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2'),
            *('--rdzv-backend', 'c10d', '--rdzv-endpoint', 'localhost:0'),
            *('-m', 'vla_bridge.cli.main', *words, '--steps', '6'),
        ],
        cwd=CHECKOUT,
        env=os.environ | {'GLOO_SOCKET_IFNAME': 'lo', 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, *_ = done.stdout.splitlines()
    assert first == 'recipe: head regression, 6 steps of 16 examples, on cpu in 2 processes'
    assert done.stdout.count('step 6 of 6') == done.stdout.count('Model   ') == 1
    assert load_checkpoint(tmp_path / 'run' / 'model')
