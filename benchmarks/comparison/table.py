# SPDX-License-Identifier: Apache-2.0
"""Results as tables of docs/comparison.md, between marks that say which."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'comparison.md'
HEADER = '| | Success | 95 % | Time | Jerk | Step between chunks | Interventions | Latency, p95 |'
RULE = '|---|---|---|---|---|---|---|---|'


def write_tables(
    results: Mapping[str, Mapping[str, Mapping[str, Any]]], steps: int, episodes: int
) -> None:
    """Replace the tables of the page."""
    text = PAGE.read_text(encoding='utf-8')
    for title, found in results.items():
        begin, end = f'<!-- made: {title} -->', f'<!-- end: {title} -->'
        before, rest = text.split(begin)
        _, after = rest.split(end)
        rows = [row(name, each) for name, each in found.items()]
        about = sorted({where(each) for each in found.values()})
        foot = f'{steps} steps, {episodes} episodes each. {"; ".join(about)}.'
        made = '\n'.join([HEADER, RULE, *rows, '', foot])
        text = f'{before}{begin}\n\n{made}\n\n{end}{after}'
    PAGE.write_text(text, encoding='utf-8')


def where(found: Mapping[str, Any]) -> str:
    """Machine, day and commit."""
    details = found['details']
    return f'{details["machine"]}, {details["date"][:10]}, commit {details["commit"]}'


def row(name: str, found: Mapping[str, Any]) -> str:
    """One contender."""
    details = found['details']
    time, step, latency = details['time_s'], details['boundary_rad'], details['latency_ms']
    cells = [
        name,
        f'{100 * found["success"]:.1f} %',
        f'{100 * found["low"]:.1f} to {100 * found["high"]:.1f}',
        f'{time["median"]:.1f} s' if time else '–',
        f'{found["jerk"]:.1f} rad/s³',
        f'{1e3 * step["median"]:.0f} mrad' if step else '–',
        f'{found["interventions"]:.1f} each',
        f'{latency["median"]:.0f}, {latency["p95"]:.0f} ms' if latency else '–',
    ]
    return f'| {" | ".join(cells)} |'
