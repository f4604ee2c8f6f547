# SPDX-License-Identifier: Apache-2.0
"""Trains every head on the trunk of a checkpoint, evaluates them all, and writes a table.

The trunk learns nothing here, so that all heads see the same. It was trained together with the head
of the checkpoint, which may suit that head best; the table says so.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks import report
from benchmarks.comparison.contenders import HEADS, STRATEGIES, Contender
from benchmarks.comparison.table import write_tables
from vla_bridge.resources import share
from vla_policy.trained import CONFIG

VLA = (sys.executable, '-m', 'vla_bridge.cli.main')
RECIPE, POLICY = share() / 'config/training/table.yaml', share() / 'config/policies/table.yaml'


def main() -> None:
    """Train what is not trained yet, evaluate what is not evaluated yet, write."""
    chosen = parsed()
    folder = chosen.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for title, contenders in (('heads', HEADS), ('strategies', STRATEGIES)):
        results[title] = {}
        for contender in contenders:
            model = trained(contender, chosen, folder)
            results[title][contender.name] = evaluated(contender, model, chosen, folder)
    report.write('comparison', {'steps': chosen.steps, 'episodes': chosen.episodes, **results})
    write_tables(results, chosen.steps, chosen.episodes)


def parsed() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog='make compare', description=__doc__)
    here = share() / 'config/checkpoints/table'
    parser.add_argument('--trunk', type=Path, default=here, help='checkpoint with the trunk')
    parser.add_argument('--data', type=Path, default=Path('out/demonstrations'), help='dataset')
    parser.add_argument('--steps', type=int, default=3000, help='of each head [3000]')
    parser.add_argument('--episodes', type=int, default=200, help='of each contender [200]')
    parser.add_argument('--out', type=Path, default=Path('out/comparison'), help='folder')
    return parser.parse_args()


def trained(contender: Contender, chosen: argparse.Namespace, folder: Path) -> Path:
    """Folder of the contender's checkpoint; a run that was cut off goes on."""
    run = folder / contender.model
    recipe = yaml.safe_load(RECIPE.read_text(encoding='utf-8'))
    recipe |= {
        'policy': str((RECIPE.parent / recipe['policy']).resolve()),
        'head': contender.head,
        'hints': 0.0,
        'pairs': 0.0,
        'parts': 1,
    }
    path = folder / f'{contender.model}.yaml'
    path.write_text(yaml.safe_dump(recipe), encoding='utf-8')
    finished = run / 'finished'
    if not finished.exists():
        options = ['--recipe', path, '--steps', chosen.steps, '--trunk', chosen.trunk, '--out', run]
        resume = ['--resume'] if (run / 'resume').exists() else []
        call('train', chosen.data, *options, *resume)
        finished.touch()
    return sampled(contender, run / 'model', folder)


def sampled(contender: Contender, model: Path, folder: Path) -> Path:
    """A copy of a checkpoint that answers as the contender says; itself where it says nothing."""
    if not contender.sampling:
        return model
    copy = folder / 'sampled' / slug(contender)
    shutil.copytree(model, copy, dirs_exist_ok=True)
    config = json.loads((model / CONFIG).read_text(encoding='utf-8'))
    config['head'] |= contender.sampling
    (copy / CONFIG).write_text(json.dumps(config, indent=2) + '\n', encoding='utf-8')
    return copy


def slug(contender: Contender) -> str:
    """Its name, as part of paths."""
    return contender.name.replace(', ', '-').replace(' ', '_')


def evaluated(
    contender: Contender, model: Path, chosen: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """What the suite `seen` says of a contender."""
    name = slug(contender)
    policy = yaml.safe_load(POLICY.read_text(encoding='utf-8'))
    policy |= {'name': name, 'checkpoint': str(model), 'execution': contender.execution}
    path, out = folder / f'policy-{name}.yaml', folder / 'eval' / name
    path.write_text(yaml.safe_dump(policy), encoding='utf-8')
    options = ['--suite', 'seen', '--episodes', chosen.episodes, '--videos', 0, '--out', out]
    call('eval', '--policy', path, *options)
    found: dict[str, Any] = json.loads((out / 'seen.json').read_text(encoding='utf-8'))
    return found


def call(*words: object) -> None:
    """Run a command of ours; what it has to say is said."""
    subprocess.run([*VLA, *map(str, words)], check=True)


if __name__ == '__main__':
    main()
