# SPDX-License-Identifier: Apache-2.0
"""Keeps what a benchmark measured: a JSON file with machine, date and commit, and a table."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / 'out' / 'bench'


def write(name: str, figures: Mapping[str, object], notes: str = '') -> Path:
    """Write ``out/bench/<name>.json`` and print its figures.

    Args:
        name: Of the benchmark.
        figures: Values by key; the unit ends the key, as in ``p50_ms``.
        notes: How to read them.
    """
    document = {
        'benchmark': name,
        'date': datetime.now(UTC).isoformat(timespec='seconds'),
        'commit': commit(),
        'machine': machine(),
        **figures,
        'notes': notes,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f'{name}.json'
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')
    _show(name, figures, document['machine'], document['commit'], notes)
    return path


def commit() -> str:
    """The commit that runs, marked where files differ from it."""
    described = ['git', 'describe', '--always', '--dirty', '--abbrev=10', '--exclude=*']
    try:
        answer = subprocess.run(described, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
    return answer.stdout.strip()


def machine() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    memory_gb = psutil.virtual_memory().total / 1e9
    system = platform.freedesktop_os_release().get('PRETTY_NAME', platform.system())
    ros = os.environ.get('ROS_DISTRO', 'jazzy from wheels')
    return (
        f'{_processor()}, {psutil.cpu_count()} cores, {memory_gb:.0f} GB, {system}, '
        f'Python {platform.python_version()}, ROS {ros}'
    )


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _show(
    name: str, figures: Mapping[str, object], where: object, which: object, notes: str
) -> None:
    table = Table('figure', 'value', title=f'benchmark {name}', caption=f'{where}; commit {which}')
    for key, value in figures.items():
        table.add_row(key, f'{value:.3f}' if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    if notes:
        console.print(notes)
