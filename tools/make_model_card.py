# SPDX-License-Identifier: Apache-2.0
"""Writes the results into a checkpoint's README.md, from what evaluations have written down.

After `make model` and `vla eval`:
.venv/bin/python -m tools.make_model_card config/checkpoints/table out/eval
"""

import json
import sys
from pathlib import Path
from typing import Any

BEGIN, END = '<!-- made: facts -->', '<!-- end -->'
HEADER = '| Suite | Episodes | Success | 95 % | Time | Jerk | Interventions | Latency, p95 |'


def facts(checkpoint: Path, results: Path) -> str:
    """What the checkpoint is made from, and how it does, as Markdown."""
    told = _read(checkpoint / 'training.json')
    recipe = told['recipe']
    size = (checkpoint / 'model.safetensors').stat().st_size / 1e6
    trunk, head = recipe['trunk']['kind'], recipe['head']['kind']
    seen = (
        f'{told["episodes"]} demonstrations in {told["frames"]} frames with '
        f'{told["instructions"]} different instructions, and {told["pairs_frames"]} pairs'
    )
    made = f'`config/training/{told["recipe_file"]}` at commit {told["commit"]}'
    lines = [
        f'- Weights: {size:.1f} MB; trunk `{trunk}`, head `{head}`',
        f'- Learned from: {seen}',
        f'- Steps: {told["step"]} of {recipe["batch"]} examples, by {made}',
        '',
        HEADER,
        '|---|---|---|---|---|---|---|---|',
    ]
    found = [_read(path) for path in sorted(results.glob('*.json'))]
    lines += [_row(each) for each in found]
    about = {
        f'{each["details"]["machine"]}, {each["details"]["date"][:10]}, '
        f'commit {each["details"]["commit"]}'
        for each in found
    }
    return '\n'.join([*lines, '', f'Measured by `vla eval`: {"; ".join(sorted(about))}.'])


def _row(found: dict[str, Any]) -> str:
    details = found['details']
    time, latency = details['time_s'], details['latency_ms']
    cells = [
        details['suite'],
        str(found['episodes']),
        f'{100 * found["success"]:.1f} %',
        f'{100 * found["low"]:.1f} to {100 * found["high"]:.1f}',
        f'{time["median"]:.1f} s' if time else '–',
        f'{found["jerk"]:.1f} rad/s³',
        f'{found["interventions"]:.1f} each',
        f'{latency["median"]:.0f}, {latency["p95"]:.0f} ms' if latency else '–',
    ]
    return f'| {" | ".join(cells)} |'


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    return found


def main() -> None:
    """Replace what stands between the two marks."""
    checkpoint, results = (Path(argument) for argument in sys.argv[1:3])
    card = checkpoint / 'README.md'
    text = card.read_text(encoding='utf-8')
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    made = f'{before}{BEGIN}\n\n{facts(checkpoint, results)}\n\n{END}{after}'
    card.write_text(made, encoding='utf-8')
    print(card)


if __name__ == '__main__':
    main()
