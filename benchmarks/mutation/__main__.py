# SPDX-License-Identifier: Apache-2.0
"""Mutate copies of the motion filter, run tests on them, and exit with 1 if one survives."""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.mutation.mutations import MUTATIONS, STEPS, Mutation
from benchmarks.report import CHECKOUT, write

COPIED = ('vla_safety', 'vla_contract', 'vla_sim', 'config', 'urdf')
TIMEOUT_S = 300


class Verdict(NamedTuple):
    """What became of a mutation.

    Attributes:
        killed_by: The first test that failed; empty where none did.
        output: The last lines of pytest.
    """

    killed_by: str
    output: str


def main() -> int:
    """Check that the tests pass, then mutate."""
    parser = argparse.ArgumentParser(prog='make mutate', description=__doc__)
    parser.add_argument('--step', type=int, help='only this one of the 14')
    step = parser.parse_args().step
    chosen = [mutation for mutation in MUTATIONS if step in (None, mutation.step)]
    everything = sorted({test for mutation in chosen for test in mutation.tests})
    jobs: list[tuple[Mutation | None, tuple[str, ...]]] = [(None, (test,)) for test in everything]
    jobs += [(mutation, mutation.tests) for mutation in chosen]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        verdicts = list(_shown(workers.map(_judge, jobs), len(jobs)))
    unmutated = verdicts[: len(everything)]
    for test, verdict in zip(everything, unmutated, strict=True):
        if verdict.killed_by:
            print(f'{test} fails without any mutation:\n{verdict.output}', file=sys.stderr)
            return 1
    return _report(chosen, verdicts[len(everything) :], whole=step is None)


def mutate(mutation: Mutation, source: str) -> str:
    """The source of its file with one body replaced; ValueError where there is no such function."""
    tree = ast.parse(source)
    function = _find(tree, mutation.function.split('.'))
    if not mutation.only:
        function.body = ast.parse(mutation.body).body
        return ast.unparse(tree)
    text = ast.unparse(function)
    if text.count(mutation.only) != 1:
        raise ValueError(f'{mutation.function} does not say {mutation.only!r} once')
    changed = ast.parse(text.replace(mutation.only, mutation.body)).body[0]
    function.body = changed.body  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _find(scope: ast.AST, names: Sequence[str]) -> ast.FunctionDef:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == names[0]:
            if len(names) > 1:
                return _find(node, names[1:])
            if isinstance(node, ast.FunctionDef):
                return node
    raise ValueError(f'there is no {".".join(names)} to mutate; see mutations.py')


def _judge(job: tuple[Mutation | None, tuple[str, ...]]) -> Verdict:
    """Run tests in a copy of the checkout, never in the checkout itself."""
    mutation, tests = job
    with tempfile.TemporaryDirectory(prefix='mutation-') as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(
                CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__')
            )
        shutil.copytree(CHECKOUT / 'test' / 'vla_safety', copy / 'test' / 'vla_safety')
        for path in ('pyproject.toml', 'test/conftest.py'):
            shutil.copy(CHECKOUT / path, copy / path)
        if mutation is not None:
            file = copy / 'vla_safety' / mutation.file
            file.write_text(mutate(mutation, file.read_text(encoding='utf-8')), encoding='utf-8')
        return _test(copy, tests)


def _test(copy: Path, tests: Sequence[str]) -> Verdict:
    paths = [f'test/vla_safety/{test}' for test in tests]
    command = [sys.executable, '-m', 'pytest', '-x', '-q', '--no-header', '-p', 'no:cacheprovider']
    try:
        done = subprocess.run(
            [*command, *paths],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Verdict('(it ran for ever)', '')
    failed = re.search(r'^(?:FAILED|ERROR) (?:test/vla_safety/)?(\S+)', done.stdout, re.MULTILINE)
    name = failed[1] if failed else '(pytest itself)' if done.returncode else ''
    return Verdict(name, done.stdout[-2000:])


def _shown(verdicts: Iterator[Verdict], count: int) -> Iterator[Verdict]:
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task('mutations', total=count)
        for verdict in verdicts:
            progress.update(bar, advance=1)
            yield verdict


def _report(mutations: Sequence[Mutation], verdicts: Sequence[Verdict], *, whole: bool) -> int:
    table = Table('step', 'taken out', 'noticed by', title='mutations of the motion filter')
    for mutation, verdict in zip(mutations, verdicts, strict=True):
        step = f'{mutation.step} {STEPS[mutation.step - 1]}'
        name = f'{mutation.function}: {mutation.what}'
        table.add_row(step, name, verdict.killed_by or '[bold red]nothing[/]')
    Console().print(table)
    survivors = [
        f'{mutation.step} {mutation.function}'
        for mutation, verdict in zip(mutations, verdicts, strict=True)
        if not verdict.killed_by
    ]
    if whole:
        steps = {mutation.step for mutation in mutations}
        figures: dict[str, object] = {
            'steps': len(steps),
            'mutations': len(mutations),
            'killed': len(mutations) - len(survivors),
            'survivors': survivors,
            'killed_by': {
                f'{m.step} {m.function}': v.killed_by
                for m, v in zip(mutations, verdicts, strict=True)
            },
        }
        write('mutation', figures)
    return 1 if survivors else 0


if __name__ == '__main__':
    sys.exit(main())
