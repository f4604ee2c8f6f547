# SPDX-License-Identifier: Apache-2.0
"""`vla train`: a model from datasets, by a recipe; without ROS and without the network."""

import argparse
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vla_bridge.cli.arguments import add_command
from vla_contract.errors import VlaError
from vla_policy.needs import TRAINING, refuse_missing

if TYPE_CHECKING:
    from vla_policy.training.recipe import Recipe

HEADS = ('flow', 'diffusion', 'tokens', 'regression', 'cvae')
_INSTEAD = ('steps', 'batch', 'parts', 'seed', 'precision')
_SHARES = ('pairs', 'questions')
_REFUSED, _INTERRUPTED = 2, 130
_TEXT = """\
Trains a model from LeRobotDataset v3.0 folders by a recipe (config/training/*.yaml).

  vla train out/demonstrations --out out/train/first
  vla train out/demonstrations --out out/train/act --head cvae --steps 5000
  vla train out/demonstrations --out out/train/first --resume
  torchrun --nproc-per-node 2 -m vla_bridge.cli.main train out/demonstrations \\
      --out out/train/two --parts 2
  tensorboard --logdir out/train

Writes OUT/model (the checkpoint), OUT/losses.png, OUT/events (for TensorBoard) and OUT/resume.
Ctrl-C saves and leaves after the step under way; --resume goes on exactly there.
"""


def add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the subcommand."""
    command = add_command(commands, 'train', 'train a model from datasets', _TEXT, _run)
    command.add_argument(
        'datasets', nargs='+', type=Path, metavar='DATASET', help='Folders of datasets.'
    )
    command.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='Folder for what comes of it.'
    )
    command.add_argument(
        '--recipe',
        metavar='RECIPE',
        help='A file, or a name under config/training/ [compact].',
    )
    command.add_argument(
        '--pairs',
        action='append',
        default=[],
        type=Path,
        metavar='DIR',
        help='Pairs of pictures and sentences to learn hints from beside; may be given again.',
    )
    command.add_argument(
        '--questions',
        type=Path,
        metavar='FILE',
        help="Questions about pictures, in LLaVA's format, for a vision-language model to answer.",
    )
    command.add_argument(
        '--trunk',
        type=Path,
        metavar='CHECKPOINT',
        help='Take its trunk as it is; only what follows it learns, to compare heads for example.',
    )
    command.add_argument(
        '--start-from',
        type=Path,
        metavar='CHECKPOINT',
        help='Begin with its weights and its statistics, to go on with other data or a lower rate.',
    )
    command.add_argument(
        '--resume', action='store_true', help='Go on with the run that is in --out.'
    )
    command.add_argument(
        '--sharded', action='store_true', help='Each process holds a part of the weights (FSDP2).'
    )
    recipe = command.add_argument_group('instead of what the recipe says')
    recipe.add_argument(
        '--head', choices=HEADS, help='What answers, with its defaults and the decoder of the file.'
    )
    recipe.add_argument(
        '--steps', type=int, metavar='N', help='In all; the warm-up is a tenth of them at most.'
    )
    recipe.add_argument('--batch', type=int, metavar='N', help='Examples a step.')
    recipe.add_argument(
        '--pairs-share', type=float, metavar='X', help='Of each batch that are pairs.'
    )
    recipe.add_argument(
        '--questions-share', type=float, metavar='X', help='So many questions beside each batch.'
    )
    recipe.add_argument(
        '--parts', type=int, metavar='N', help='A batch is worked on in; processes share them.'
    )
    recipe.add_argument('--seed', type=int, metavar='S', help='Of weights and of what is drawn.')
    recipe.add_argument('--precision', choices=('auto', 'fp32', 'bf16'), help='Of matrices.')


def _run(chosen: argparse.Namespace) -> int:
    from vla_bridge.resources import config_file

    path = config_file(chosen.recipe or 'compact', 'training')
    try:
        refuse_missing('training', TRAINING)
        return _train(read_recipe(path, chosen), path, chosen)
    except VlaError:
        if os.environ.get('LOCAL_RANK', '0') != '0':
            return _REFUSED  # the first process of this machine has seen the same, and says so
        raise


def _train(recipe: 'Recipe', path: Path, chosen: argparse.Namespace) -> int:
    from vla_bridge.cli.training_view import TrainingView
    from vla_bridge.launching.interrupts import Interrupts
    from vla_policy.training.parallel import join
    from vla_policy.training.session import Plan, datasets_in, train

    datasets = datasets_in(chosen.datasets)
    if not chosen.resume:
        chosen.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        recipe,
        path,
        datasets,
        chosen.out,
        pairs=datasets_in(chosen.pairs),
        questions=chosen.questions,
        trunk=chosen.trunk,
        start_from=chosen.start_from,
        resume=chosen.resume,
    )
    crew = join('fsdp' if chosen.sharded else 'ddp')
    with Interrupts() as interrupts, TrainingView(plan, crew, interrupts.check) as view:
        try:
            trainer = train(plan, crew, view.read, view.show, lambda: interrupts.count > 0)
        except RuntimeError:
            interrupts.check()  # the process that this one waits for was told to stop, too
            raise
        crew.leave()
        if trainer.step < recipe.steps:
            view.stopped(trainer.step, command_to_go_on(chosen, crew.size))
            interrupts.check()
            return _INTERRUPTED  # another process was told to stop
        view.done()
    return 0


def read_recipe(path: Path, chosen: argparse.Namespace) -> 'Recipe':
    """The recipe file, with what the command line says laid over it.

    Raises:
        ContractErrors: What is wrong, each at its line of the file or at its option.
    """
    from vla_contract.document import validate
    from vla_contract.yaml_file import Key, Place, read_yaml
    from vla_policy.training.recipe import Recipe

    file = read_yaml(path)
    recipe = validate(Recipe, file)
    said = {key: getattr(chosen, key) for key in _INSTEAD}
    changes = {key: value for key, value in said.items() if value is not None}
    shares = {key: getattr(chosen, f'{key}_share') for key in _SHARES}
    changes |= {key: value for key, value in shares.items() if value is not None}
    if chosen.head and chosen.head != recipe.head.kind:
        decoder = recipe.head.decoder.model_dump(mode='json')
        changes['head'] = {'kind': chosen.head, 'decoder': decoder}
    options = {key: f'{key}-share' if key in _SHARES else key for key in changes}
    places: dict[Key, Place] = {
        (key,): Place('command line', f'--{option}') for key, option in options.items()
    }
    if chosen.steps is not None:
        optimizer = recipe.optimizer.model_dump(mode='json')
        warmup = max(0, min(recipe.optimizer.warmup, chosen.steps // 10))
        changes['optimizer'] = optimizer | {'warmup': warmup}
    return validate(Recipe, replace(file, value=file.value | changes, places=file.places | places))


def command_to_go_on(chosen: argparse.Namespace, processes: int) -> str:
    """What to type to go on with a run that was stopped."""
    words = ['vla', 'train', *map(str, chosen.datasets)]
    if processes > 1:
        count = os.environ.get('LOCAL_WORLD_SIZE', str(processes))
        words[:1] = ['torchrun', '--nproc-per-node', count, '-m', 'vla_bridge.cli.main']
    for name, value in vars(chosen).items():
        if name in ('datasets', 'run', 'resume') or value is None or value is False:
            continue
        for each in value if isinstance(value, list) else [value]:
            words.append(f'--{name.replace("_", "-")}')
            words += [] if each is True else [str(each)]
    return shlex.join([*words, '--resume'])
