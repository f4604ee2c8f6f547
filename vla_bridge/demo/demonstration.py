# SPDX-License-Identifier: Apache-2.0
"""`vla demo` behind its options: run, draw, say how it went."""

import time
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from vla_bridge.demo.outcome import Attempt, Outcome
from vla_bridge.demo.session import HELD, Plan, Session
from vla_bridge.launching.graph import simulation_graph
from vla_bridge.launching.interrupts import InterruptError, Interrupts
from vla_bridge.launching.options import GraphOptions
from vla_bridge.terminal import Terminal
from vla_contract.errors import VlaError

SUCCEEDED, FAILED = 0, 1


def make_plan(
    instructions: tuple[str, ...],
    deployment: str,
    seed: int,
    timeout_s: float,
    out: Path | None,
    held_s: float | None = None,
) -> Plan:
    """Read the deployment and make the run's folder."""
    blank = [text for text in instructions if not text.strip()]
    if blank:
        raise VlaError('an instruction is empty; say what the arm shall do')
    folder = (out or _new_folder(seed)).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise VlaError(f'{folder} is not a folder; choose another with --out')
    if folder.exists() and any(folder.iterdir()):
        raise VlaError(f'{folder} is not empty; choose another folder with --out')
    graph = simulation_graph(
        GraphOptions(
            deployment=deployment,
            seed=seed,
            instruction=instructions[0],
            record=True,
            record_folder=str(folder),
        )
    ).requiring('recorder_node')
    robot, policy = graph.deployment.robot, graph.deployment.policy
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = error.strerror or error
        raise VlaError(f'{folder} cannot be made: {said}; choose another with --out') from error
    title = f'vla demo · {robot.name} · {policy.name} · seed {seed}'
    return Plan(graph, title, instructions, seed, timeout_s, folder, held_s)


def demonstrate(
    instructions: tuple[str, ...],
    *,
    deployment: str,
    seed: int,
    timeout_s: float,
    out: Path | None,
    video: bool,
    held_s: float | None = None,
) -> int:
    """Run the demo; the answer is its exit code."""
    began = time.monotonic()
    console = Terminal()
    plan = make_plan(instructions, deployment, seed, timeout_s, out, held_s)
    with Interrupts() as interrupts:
        try:
            outcome = Session(plan, console, interrupts).run()
            files = _drawn(plan, outcome, console, video=video)
            interrupts.check()
        except InterruptError:
            console.print(f'stopped; nothing is left running. Logs: {_short(plan.folder)}/log')
            raise
    outcome.total_s = round(time.monotonic() - began, 2)
    summary = outcome.write(plan.folder)
    bags = [plan.folder / attempt.bag for attempt in outcome.attempts if attempt.messages]
    _conclude(console, outcome, [*files, *bags, summary])
    return SUCCEEDED if outcome.success else FAILED


def _drawn(plan: Plan, outcome: Outcome, console: Console, *, video: bool) -> list[Path]:
    """Import what draws only now: it takes as long as half the nodes' start."""
    with console.status('drawing video and plot'):
        from vla_bridge.demo.artifacts import draw

        return draw(plan, outcome, video=video)


def _new_folder(seed: int) -> Path:
    return Path('out/demo') / f'{datetime.now().astimezone():%Y-%m-%d-%H-%M-%S}-{seed}'


def _conclude(console: Console, outcome: Outcome, files: list[Path]) -> None:
    """The verdict, in a form that reads well in a log file too."""
    lines = [_verdict(attempt) for attempt in outcome.attempts]
    for name, code in outcome.exits.items():
        if code:
            lines.append(f'[red]{name} did not stop cleanly: code {code}[/]')
    if outcome.ground_truth:
        lines += [
            '',
            "Simulated arm; the policy is the simulator's scripted demonstrator, which",
            'reads ground truth. The simulator judges success.',
        ]
    lines += ['', *(f'[dim]{path.name:<14}[/]{escape(_short(path))}' for path in files)]
    console.print(
        Panel.fit(
            '\n'.join(lines),
            title='[bold green]succeeded[/]' if outcome.success else '[bold red]failed[/]',
            title_align='left',
            border_style='green' if outcome.success else 'red',
            padding=(1, 2),
        )
    )
    console.print(f'[dim]{outcome.total_s:.0f} s in all[/]')


def _verdict(attempt: Attempt) -> str:
    said = escape(f'“{attempt.instruction}”')
    numbers = f'{attempt.duration_s:.1f} s, {attempt.chunks} chunks, seed {attempt.seed}'
    if attempt.outcome == HELD:
        why = f'held before an obstacle: {escape(attempt.message)}'
        return f'[green]✔[/] {said}  {why}  [dim]{numbers}[/]'
    if attempt.success:
        return f'[green]✔[/] {said}  [dim]{numbers}[/]'
    word = attempt.outcome.replace('_', ' ').lower()
    return f'[red]✘[/] {said}  {word}: {escape(attempt.message)}  [dim]{numbers}[/]'


def _short(path: Path) -> str:
    """A path as seen from here, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
