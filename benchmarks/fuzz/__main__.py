# SPDX-License-Identifier: Apache-2.0
"""Run the fuzz campaign on all cores, or one episode of it again; exit with 1 on a violation."""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from benchmarks.fuzz.campaign import CHUNKS, Outcome, judge
from benchmarks.fuzz.kinds import KINDS
from benchmarks.report import FOLDER, commit, write

VIOLATIONS = FOLDER / 'fuzz'


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog='make fuzz', description=__doc__)
    parser.add_argument('--chunks', type=int, default=2000, help='how many, at least')
    parser.add_argument('--seed', type=int, default=1, help='of the campaign')
    parser.add_argument('--processes', type=int, default=None, help='default: one a core')
    parser.add_argument('--replay', type=Path, help='a file that a violation was kept in')
    options = parser.parse_args(arguments)
    if options.replay is not None:
        return _replay(options.replay)
    return _campaign(options.chunks, options.seed, options.processes)


def _campaign(chunks: int, seed: int, processes: int | None) -> int:
    jobs = [(seed, index) for index in range(-(-chunks // CHUNKS))]
    started = time.monotonic()
    with multiprocessing.get_context('spawn').Pool(processes) as workers:
        outcomes = list(_shown(workers.imap_unordered(judge, jobs, chunksize=2), len(jobs)))
    seconds = time.monotonic() - started
    outcomes.sort(key=lambda outcome: outcome.seed)
    kept = [_file(outcome) for outcome in outcomes if outcome.violations]
    _show_kinds(outcomes)
    figures = _figures(outcomes, seconds, processes or multiprocessing.cpu_count())
    write('fuzz', {**figures, 'seed': seed}, '\n'.join(f'replay: {path}' for path in kept))
    return 1 if kept else 0


def _shown(outcomes: Iterator[Outcome], count: int) -> Iterator[Outcome]:
    """Draw how far it is, in chunks, and how many violations there were."""
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task('chunks, no violation', total=count * CHUNKS)
        wrong = 0
        for outcome in outcomes:
            wrong += len(outcome.violations)
            if outcome.violations:
                _keep(outcome)
            text = f'chunks, {wrong or "no"} violation{"s" * (wrong > 1)}'
            progress.update(bar, advance=outcome.chunks, description=text)
            yield outcome


def _figures(outcomes: Sequence[Outcome], seconds: float, processes: int) -> dict[str, object]:
    chunks = sum(outcome.chunks for outcome in outcomes)
    checks = Counter(v.check for outcome in outcomes for v in outcome.violations)
    kinds = _by_kind(outcomes)
    cpu_s = sum(outcome.cpu_s for outcome in outcomes)
    stops: Counter[str] = Counter()
    for outcome in outcomes:
        stops.update(outcome.stops)
    return {
        'chunks': chunks,
        'violations': sum(checks.values()),
        'by_kind': {kind: counts['chunks'] for kind, counts in kinds.items()},
        'followed_by_kind': {kind: counts['followed'] for kind, counts in kinds.items()},
        'violations_by_kind': {k: n['violations'] for k, n in kinds.items() if n['violations']},
        'violations_by_check': dict(checks),
        'verdicts': dict(_verdicts(outcomes).most_common()),
        'stops': dict(stops.most_common()),
        'episodes': len(outcomes),
        'replayed_the_same': sum(outcome.replayed for outcome in outcomes),
        'messages': sum(outcome.messages for outcome in outcomes),
        'simulated_s': round(sum(outcome.simulated_s for outcome in outcomes), 1),
        'moved_rad': round(sum(outcome.moved for outcome in outcomes), 1),
        'seconds': round(seconds, 1),
        'processes': processes,
        'chunks_per_s': round(chunks / seconds, 1),
        'chunks_per_cpu_s': round(chunks / cpu_s, 1),
    }


def _by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Chunks, those that were followed, and violations while a kind came last."""
    found = {kind: {'chunks': 0, 'followed': 0, 'violations': 0} for kind in KINDS}
    for outcome in outcomes:
        for kind, _, followed in outcome.verdicts:
            found[kind]['chunks'] += 1
            found[kind]['followed'] += followed
        for violation in outcome.violations:
            if violation.kind in found:
                found[violation.kind]['violations'] += 1
    return found


def _verdicts(outcomes: Sequence[Outcome]) -> Counter[str]:
    return Counter(reason for outcome in outcomes for _, reason, _ in outcome.verdicts)


def _show_kinds(outcomes: Sequence[Outcome]) -> None:
    table = Table('kind', 'chunks', 'followed', 'violations', title='chunks by kind')
    for kind, counts in _by_kind(outcomes).items():
        table.add_row(kind, *map(str, counts.values()))
    Console().print(table)


def _file(outcome: Outcome) -> Path:
    return VIOLATIONS / f'{outcome.seed[0]}-{outcome.seed[1]}.json'


def _keep(outcome: Outcome) -> None:
    """Write a small file with which to see it again."""
    VIOLATIONS.mkdir(parents=True, exist_ok=True)
    document = {
        'seed': outcome.seed,
        'commit': commit(),
        'robot': outcome.robot,
        'violations': [violation._asdict() for violation in outcome.violations],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + '\n'
    _file(outcome).write_text(text, encoding='utf-8')


def _replay(path: Path) -> int:
    """Play an episode again and print what is wrong with it, and every verdict."""
    seed = json.loads(path.read_text(encoding='utf-8'))['seed']
    outcome = judge((int(seed[0]), int(seed[1])))
    console = Console()
    for kind, reason, _ in outcome.verdicts:
        console.print(f'{kind:12} {reason}')
    for violation in outcome.violations:
        console.print(f'{violation.time_s:8.3f} s {violation.check}: {violation.text}')
    if not outcome.violations:
        console.print('no violation')
    return 1 if outcome.violations else 0


if __name__ == '__main__':
    sys.exit(main())
