# SPDX-License-Identifier: Apache-2.0
"""Shows how an evaluation goes, writes what came of it, and prints the table over all suites."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from vla_bridge.evaluation.campaign import film_path, known_latency, own_latency, run_suite
from vla_bridge.evaluation.cell import check
from vla_bridge.evaluation.film import read_film, write_film
from vla_bridge.evaluation.grid import grid
from vla_bridge.evaluation.latency import Latency
from vla_bridge.evaluation.machine import machine
from vla_bridge.evaluation.order import Order, commit, key, load
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.suites import SUITES, check_suites, episode
from vla_bridge.evaluation.summary import summary, write_summary
from vla_bridge.starting import interruptible
from vla_bridge.terminal import Terminal
from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_policy.loading import check_policy
from vla_sim.tasks.instruction import FAMILIES

_PLAIN_EVERY_S = 10.0
_MOST_LATENCY_S = 5.0


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        deployment: File of a deployment.
        policy: File of a policy in its place; None for the deployment's own.
        suites: By name.
        episodes: Of each suite.
        seed: Of everything.
        processes: At a time; 0 for one a core.
        latency: Simulated time that an answer takes, and then perhaps a trunk; none for as
            measured.
        folder: Where results go.
        videos: Episodes of each suite that are filmed.
    """

    deployment: Path
    policy: Path | None
    suites: tuple[str, ...]
    episodes: int
    seed: int
    processes: int
    latency: tuple[float, ...]
    folder: Path
    videos: int


def show_evaluation(wish: Wish) -> int:
    """Evaluate; the answer is the exit code."""
    console = Terminal()
    _refuse(wish)
    order, how = _order(wish)
    policy = order.load().policy
    console.print(f'{policy.name}: execution {policy.execution.described}', markup=False)
    trunk = f', the trunk {order.latency.trunk_s:.3f} s' if order.latency.trunk_s else ''
    console.print(f'an answer takes {order.latency.answer_s:.3f} s{trunk} of simulated time, {how}')
    told: dict[str, dict[str, Any]] = {}
    for suite in wish.suites:
        outcomes = _show_suite(console, wish, order, suite)
        told[suite] = summary(outcomes, _about(order, suite))
        write_summary(told[suite], wish.folder / f'{suite}.json')
        _write_grid(wish, order, suite, outcomes)
    console.print(*_tables(told))
    for line in _failures(told):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f'written to {wish.folder}', markup=False, soft_wrap=True)
    return 0


def _refuse(wish: Wish) -> None:
    """What cannot be, before anything is loaded that takes long."""
    check_suites(wish.suites)
    for name, value, least in (
        ('--episodes', wish.episodes, 1),
        ('--processes', wish.processes, 0),
        ('--videos', wish.videos, 0),
        ('--seed', wish.seed, 0),
    ):
        if value < least:
            raise VlaError(f'{name} {value}: give at least {least}')
    for given in wish.latency:
        if not (math.isfinite(given) and 0.0 <= given <= _MOST_LATENCY_S):
            raise VlaError(f'--latency {given:g}: give 0 to {_MOST_LATENCY_S:g} s')


def _order(wish: Wish) -> tuple[Order, str]:
    """What to do, and where its latency comes from."""
    deployment = load(wish.deployment, wish.policy)
    check(deployment)
    check_policy(deployment)
    most = 2 if isinstance(deployment.policy.execution, DualRate) else 1
    if wish.latency and len(wish.latency) != most:
        what = 'those of head and trunk' if most > 1 else 'that of an answer'
        raise VlaError(
            f'--latency with {len(wish.latency)} numbers: {deployment.policy.name} takes {most}, '
            f'{what}'
        )
    folder = wish.folder.resolve()
    order = Order(wish.deployment, wish.policy, wish.seed, Latency(0.0), folder, wish.videos)
    if wish.latency:
        return order.at(Latency(*wish.latency)), 'as --latency says'
    known = known_latency(order, wish.suites)
    if known is not None:
        return order.at(known), 'as in the results that are there already'
    return order.at(own_latency(order)), 'as measured here and now'


def _show_suite(console: Terminal, wish: Wish, order: Order, suite: str) -> list[Outcome]:
    """Run a suite with a progress bar."""
    bar = Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[succeeded]} succeeded'),
        console=console,
        disable=not console.is_terminal,
    )
    succeeded, done, spoken = 0, 0, time.monotonic()
    with bar:
        task = bar.add_task(f'{suite:<12}', total=wish.episodes, succeeded=0)

        def progress(outcome: Outcome) -> None:
            nonlocal succeeded, done, spoken
            succeeded, done = succeeded + outcome.success, done + 1
            bar.update(task, completed=done, succeeded=succeeded)
            now = time.monotonic()
            if not console.is_terminal and now - spoken > _PLAIN_EVERY_S:
                spoken = now
                console.print(f'{suite}: {done} of {wish.episodes}, {succeeded} succeeded')

        with interruptible():
            return run_suite(order, suite, wish.episodes, wish.processes, progress)


def _about(order: Order, suite: str) -> dict[str, Any]:
    """What was evaluated, where and when."""
    policy = order.load().policy
    return {
        'suite': suite,
        'asks': SUITES[suite],
        'policy': policy.name,
        'kind': str(policy.kind),
        'checkpoint': Path(policy.checkpoint).name if policy.checkpoint else '',
        'execution': policy.execution.described,
        'seed': order.seed,
        'simulated_latency_s': order.latency.answer_s,
        'simulated_trunk_s': order.latency.trunk_s,
        'recipe': {**order.recipe(), 'key': key(order)},
        'machine': machine(),
        'date': datetime.now(UTC).isoformat(timespec='seconds'),
        'commit': commit(),
    }


def _write_grid(wish: Wish, order: Order, suite: str, outcomes: Sequence[Outcome]) -> None:
    numbers = range(min(wish.videos, len(outcomes)))
    if not numbers:
        return
    films = [read_film(film_path(order, suite, number)) for number in numbers]
    episodes = [episode(suite, order.seed, number) for number in numbers]
    frames = grid(films, episodes, [outcomes[number] for number in numbers])
    write_film(frames, wish.folder / f'{suite}.mp4')


def _tables(told: dict[str, dict[str, Any]]) -> tuple[Table, Table]:
    """All suites: how often it went well, and how; each fits a terminal of 80 columns."""
    often = _table('95 % intervals by Wilson', 'n', 'success', '95 %', f'{"·".join(FAMILIES)} %')
    how = _table('medians', 'time s', 'jerk rad/s³', 'step rad', 'interv.', 'collided', 'ms (p95)')
    for suite, document in told.items():
        details = document['details']
        latency = details['latency_ms']
        often.add_row(
            suite,
            str(document['episodes']),
            f'[bold]{100 * document["success"]:.1f} %[/]',
            f'{100 * document["low"]:.1f}-{100 * document["high"]:.1f}',
            '·'.join(_share(details['by_family'].get(name)) for name in FAMILIES),
        )
        how.add_row(
            suite,
            _figure(details['time_s'], 'median', '.1f'),
            f'{document["jerk"]:.1f}',
            _figure(details['boundary_rad'], 'median', '.3f'),
            f'{document["interventions"]:.2f}',
            str(details['episodes_collided']),
            f'{_figure(latency, "median", ".0f")} ({_figure(latency, "p95", ".0f")})',
        )
    return often, how


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify='left', box=SIMPLE_HEAD, pad_edge=False)
    table.add_column('suite', no_wrap=True)
    for name in columns:
        table.add_column(name, justify='right', no_wrap=True)
    return table


def _share(family: dict[str, float] | None) -> str:
    return f'{100 * family["success"]:.0f}' if family else '-'


def _figure(spread: dict[str, float] | None, which: str, form: str) -> str:
    return f'{spread[which]:{form}}' if spread else '-'


def _failures(told: dict[str, dict[str, Any]]) -> list[str]:
    """The most frequent reasons, suite by suite."""
    return [
        f'{suite}: {count} × {reason}'
        for suite, document in told.items()
        for reason, count in list(document['details']['failures'].items())[:5]
    ]
