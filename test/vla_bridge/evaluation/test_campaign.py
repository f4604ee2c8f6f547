# SPDX-License-Identifier: Apache-2.0
"""Many episodes: in order, the same for any number of processes, going on where they stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from test.vla_bridge.evaluation import policies
from vla_bridge.cli.main import main
from vla_bridge.evaluation import campaign
from vla_bridge.evaluation.campaign import film_path, known_latency, run_suite
from vla_bridge.evaluation.film import read_film
from vla_bridge.evaluation.grid import BORDER, grid
from vla_bridge.evaluation.latency import Latency, measure_latency, rounded_up
from vla_bridge.evaluation.order import Order, key
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.results import Results
from vla_bridge.evaluation.suites import episode
from vla_bridge.evaluation.summary import failures, summary
from vla_bridge.resources import config_file
from vla_contract.errors import VlaError
from vla_contract.observation import Observation

LATENCY = Latency(0.02)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """The demonstrator, into an empty folder."""
    return Order(config_file('sim_demonstrator'), None, 5, LATENCY, tmp_path)


def bare(outcomes: list[Outcome]) -> list[Outcome]:
    """Without what is measured and never the same."""
    return [replace(each, inference_ms=()) for each in outcomes]


def outcome(number: int, reason: str = '') -> Outcome:
    """One that was not run."""
    return Outcome(
        suite='seen',
        number=number,
        family='push',
        instruction='push the red cube to the left',
        scene_seed=number,
        success=not reason,
        reason=reason,
        time_s=None if reason else 5.0,
        duration_s=5.0,
        jerk=7.0,
        boundary=None,
        interventions={'rejected SEAM_JUMP': 2} if reason else {},
        ran_out=0,
        chunks=12,
        collisions=(('wrist_3_link', 'table'),) if reason else (),
        claims=0,
        claimed_s=None,
        errors=0,
        inference_ms=(10.0, 12.0, 90.0),
    )


def test_any_number_of_processes_gives_the_same(order: Order, tmp_path: Path) -> None:
    """In order, and what is there already is not run again."""
    told: list[int] = []
    alone = run_suite(order, 'seen', 2, 1, lambda each: told.append(each.number))
    other = replace(order, folder=tmp_path / 'other')
    assert bare(run_suite(other, 'seen', 2, 2)) == bare(alone)
    assert told == [0, 1]
    assert all(each.success for each in alone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign, '_run', lambda *_: pytest.fail('it is there already'))
        assert run_suite(order, 'seen', 2, 1) == alone
        assert known_latency(order.at(Latency(9.0)), ['change', 'seen']) == LATENCY
        assert known_latency(replace(order, seed=6), ['seen']) is None


def test_the_latency_is_that_of_the_policy(order: Order) -> None:
    """A policy that thinks for 12 ms takes 14 ms or more, in whole steps."""
    deployment = order.load()

    class Slow(policies.Still):
        def rows(self, observation: Observation) -> NDArray[np.float64]:
            time.sleep(0.0121)
            return super().rows(observation)

    found = measure_latency(deployment, Slow())
    assert found.answer_s >= 0.014
    assert found == Latency(rounded_up(found.answer_s))
    assert (rounded_up(0.0), rounded_up(0.0021)) == (0.002, 0.004)
    with pytest.raises(VlaError, match='gave no answer'):
        measure_latency(deployment, policies.Speechless())


def test_other_recipes_do_not_count(order: Order) -> None:
    """Neither another seed, nor another latency; a line that was cut off is run again."""
    path = order.folder / 'seen.jsonl'
    for recipe in (key(order), key(order.at(Latency(0.5))), key(replace(order, seed=6))):
        assert not Results(path, recipe, LATENCY).known
        Results(path, recipe, LATENCY).add(outcome(0))
    assert len({key(order), key(order.at(Latency(0.5))), key(replace(order, seed=6))}) == 3
    assert key(order) == key(replace(order, filmed=3, folder=Path('elsewhere')))
    path.write_text(path.read_text() + '{"recipe": "half a li', encoding='utf-8')
    assert Results(path, key(order), LATENCY).known == {0: outcome(0)}
    assert path.read_text().count('\n') == 3
    path.write_text('no outcome\n')
    with pytest.raises(VlaError, match=r'seen.jsonl:1 is no outcome'):
        Results(path, key(order), LATENCY)


def test_the_summary_has_the_keys_that_were_agreed_on() -> None:
    """And behind them what they are made of, in words and numbers of JSON."""
    told = summary(
        [outcome(0), outcome(1), outcome(2, 'stopped by the motion filter: TRACKING: 0.2 off')],
        {'suite': 'seen'},
    )
    assert list(told) == [
        'episodes', 'success', 'low', 'high', 'jerk', 'interventions', 'latency', 'details',
    ]  # fmt: skip
    assert (told['episodes'], told['success'], told['jerk']) == (3, 0.6667, 7.0)
    assert (told['interventions'], told['latency']) == (0.6667, 12.0)
    assert told['low'] < told['success'] < told['high']
    details = told['details']
    assert details['suite'] == 'seen'
    assert details['failures'] == {'stopped by the motion filter: TRACKING': 1}
    assert details['by_family']['push']['episodes'] == 3
    assert details['latency_ms']['p95'] == 90.0
    assert details['boundary_rad'] is None
    assert details['collisions'] == {'wrist_3_link with table': 1}
    assert details['failed'] == [2]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert failures([outcome(0), outcome(1)]) == {}


def test_a_grid_frames_each_film_by_its_outcome() -> None:
    """Green and red; a film that has ended stands still, and the last place stays empty."""
    films = [[np.full((240, 320, 3), shade, np.uint8) for shade in range(n)] for n in (1, 2, 3)]
    episodes = [episode('change', 0, number) for number in range(3)]
    outcomes = [outcome(0), outcome(1, 'not done in time: nothing was moved'), outcome(2)]
    frames = grid(films, episodes, outcomes)
    assert len(frames) == 3
    high, wide = frames[0].shape[:2]
    assert (high % 2, wide % 2) == (0, 0)
    first, second = frames[-1][0, 0], frames[-1][0, wide // 2 + BORDER]
    assert first[1] > first[0]
    assert second[0] > second[1]
    assert (frames[-1][100, 100] == 0).all()
    assert (frames[-1][100, wide // 2 + 100] == 1).all()


def test_the_command_writes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables for the narrowest terminal, the numbers, and a video of the first episodes."""
    monkeypatch.setenv('COLUMNS', '80')
    given = ['--episodes', '1', '--processes', '1', '--videos', '1', '--latency', '0.02']
    code = main(['eval', 'sim_demonstrator', '--suite', 'seen', '--out', str(tmp_path), *given])
    said = capsys.readouterr().out
    assert code == 0
    assert 'an answer takes 0.020 s of simulated time, as --latency says' in said
    assert 'seen' in said
    assert '100.0 %' in said
    assert '…' not in said
    told = json.loads((tmp_path / 'seen.json').read_text())
    assert (told['episodes'], told['success']) == (1, 1.0)
    assert told['details']['policy'] == 'demonstrator'
    frames = read_film(tmp_path / 'seen.mp4')
    order = Order(config_file('sim_demonstrator'), None, 0, LATENCY, tmp_path)
    assert len(frames) == len(read_film(film_path(order, 'seen', 0)))
    assert frames[0][0, 0, 1] > frames[0][0, 0, 0]
    assert (tmp_path / 'seen.jsonl').read_text().count('\n') == 1


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        (['--suite', 'new'], 'no suite is called new'),
        (['--episodes', '0'], '--episodes 0: give at least 1'),
        (['--videos', '-1'], '--videos -1'),
        (['--processes', '-1'], '--processes -1'),
        (['--seed', '-1'], '--seed -1'),
        (['--latency', 'nan'], '--latency nan'),
        (['--latency', '-0.1'], '--latency -0.1'),
        (['--latency', '0.1', '0.1'], '--latency with 2 numbers: demonstrator takes 1'),
        (['--policy', 'nobody'], 'no file nobody'),
        (['ur5e'], 'is a real robot'),
    ],
)
def test_what_makes_no_sense_is_refused(
    given: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, with exit code 2, before anything is written."""
    assert main(['eval', *given, '--out', str(tmp_path / 'out')]) == 2
    assert words in ' '.join(capsys.readouterr().err.split())
    assert not (tmp_path / 'out').exists()


@pytest.mark.long
def test_an_interrupted_command_leaves_nobody_behind_and_goes_on(tmp_path: Path) -> None:
    """Ctrl-C goes to all of its processes, as in a terminal; what was done stays done."""
    given = [
        'eval',
        'sim_demonstrator',
        '--suite',
        'seen',
        '--episodes',
        '30',
        '--processes',
        '2',
        '--videos',
        '0',
    ]
    command = [sys.executable, '-m', 'vla_bridge.cli.main', *given, '--latency', '0.02']
    lines = tmp_path / 'seen.jsonl'
    with subprocess.Popen([*command, '--out', str(tmp_path)], start_new_session=True) as process:
        while process.poll() is None and (not lines.exists() or len(lines.read_text()) < 100):
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    deadline = time.monotonic() + 20.0
    while session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not session(process.pid)
    order = Order(config_file('sim_demonstrator'), None, 0, LATENCY, tmp_path)
    assert 0 < len(Results(lines, key(order), LATENCY).known) < 30


def session(leader: int) -> list[int]:
    """Processes that were started by one, and by those."""
    return [each.pid for each in psutil.process_iter() if of_session(each.pid, leader)]


def of_session(pid: int, leader: int) -> bool:
    """Does it belong there, and does it still live?"""
    try:
        return os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
