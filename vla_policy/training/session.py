# SPDX-License-Identifier: Apache-2.0
"""A training run from files to files: recipe and datasets in; checkpoint, curves and plot out."""

import math
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vla_contract.deployment import load_policy
from vla_contract.document import validate
from vla_contract.errors import VlaError
from vla_contract.policy import Policy
from vla_contract.yaml_file import read_yaml
from vla_policy.checkpoint import save_checkpoint
from vla_policy.datasets.reader import Dataset
from vla_policy.models.config import ModelConfig, VlmTrunkConfig
from vla_policy.models.reader import reader_of
from vla_policy.models.vla import build_vla
from vla_policy.normalization import Normalizer
from vla_policy.trained import STATISTICS, Contract, read_normalizers
from vla_policy.training.adoption import adopt_trunk, start_from
from vla_policy.training.checkpoint import RESUME
from vla_policy.training.examples import ACTION, HINTS, STATE, Examples, relative_rows
from vla_policy.training.frames import Frames
from vla_policy.training.learner import Learner
from vla_policy.training.loading import Report, load_frames, load_pairs
from vla_policy.training.parallel import Crew
from vla_policy.training.plot import plot_losses
from vla_policy.training.questions import Questions, read_questions
from vla_policy.training.recipe import Recipe
from vla_policy.training.trainer import Progress, Trainer

MODEL, PLOT = 'model', 'losses.png'


@dataclass(frozen=True)
class Plan:
    """What a run is made of.

    Attributes:
        recipe: How.
        recipe_path: Its file; the policy file is named from its folder.
        datasets: Folders of demonstrations.
        folder: Where results go.
        pairs: Folders of pictures and sentences alone.
        questions: File of questions about pictures (questions.py); None: none.
        trunk: Folder of a checkpoint whose trunk is taken as it is and learns nothing; None: fresh.
        start_from: Folder of a checkpoint whose weights the run begins with; None: random ones.
        resume: Go on from what is there.
    """

    recipe: Recipe
    recipe_path: Path
    datasets: tuple[Path, ...]
    folder: Path
    pairs: tuple[Path, ...] = ()
    questions: Path | None = None
    trunk: Path | None = None
    start_from: Path | None = None
    resume: bool = False

    @property
    def policy(self) -> Policy:
        """The policy file that the recipe names, with the recipe's sizes of pictures."""
        return self.recipe.seeing(load_policy(self.recipe_path.parent / self.recipe.policy))


def read_recipe(path: Path) -> Recipe:
    """Read and validate a recipe file.

    Raises:
        ContractErrors: Everything that is wrong with it.
    """
    return validate(Recipe, read_yaml(path))


def train(
    plan: Plan,
    crew: Crew,
    read: Report,
    show: Callable[[Progress], None],
    stop: Callable[[], bool] = lambda: False,
) -> Trainer:
    """Run to the end of the recipe, or until somebody asks for it.

    Args:
        plan: What.
        crew: With whom.
        read: Told how far the reading of pictures is.
        show: Told each step.
        stop: Asked after each step whether to save and leave.

    Raises:
        VlaError: Something does not fit, or a run is in the folder already.
    """
    recipe, policy = plan.recipe, plan.policy
    model = recipe.model(policy)
    _refuse_folder(plan)
    _refuse_half_pairs(plan)
    if plan.trunk is not None and plan.start_from is not None:
        raise VlaError('trunk and start_from: each says where the trunk comes from; give one')
    if not crew.leads:
        crew.wait()  # the leading process decodes the pictures, the others find them decoded
    frames = load_frames(plan.datasets, policy, read)
    pairs = load_pairs(plan.pairs, policy, read) if plan.pairs else None
    if crew.leads:
        crew.wait()
    normalizers = measure(frames, model, recipe)
    torch.manual_seed(recipe.seed)
    learner = Learner(build_vla(model), frames.hints.shape[1] if recipe.hints else 0)
    if plan.trunk is not None:
        normalizers[STATE] = adopt_trunk(learner.vla, plan.trunk)
    if plan.start_from is not None:
        normalizers |= start_from(learner.vla, plan.start_from)
    asked = questions_of(plan, model)
    examples = Examples(frames, model, recipe, normalizers, reader_of(model), pairs, asked)
    trainer = Trainer(learner, recipe, examples, crew, plan.folder)
    if plan.resume:
        trainer.resume()
        _refuse_other_data(plan.folder, model, normalizers)
    robot = Dataset(plan.datasets[0]).spec.robot_type

    def save(weights: dict[str, Tensor]) -> None:
        kept = {name: normalizers[name] for name in (STATE, ACTION)}
        contract = Contract.of(policy, robot)
        told = _told(plan, trainer, frames, pairs)
        save_checkpoint(plan.folder / MODEL, weights, model, kept, contract, told)
        plot_losses(trainer.losses, plan.folder / PLOT)

    trainer.run(show, save, stop)
    return trainer


def measure(frames: Frames, model: ModelConfig, recipe: Recipe) -> dict[str, Normalizer]:
    """Statistics of what the model is to see and to answer."""
    scheme = recipe.normalisation
    found = {
        STATE: Normalizer.of(frames.state, model.state_columns, scheme),
        ACTION: Normalizer.of(relative_rows(frames, model), model.action_columns, scheme),
    }
    hints = frames.hints.shape[1]
    if recipe.done and frames.done is None:
        raise VlaError(
            f'done: {recipe.done:g}, while the datasets do not say when the task is done '
            '(next.done); set it to 0'
        )
    if recipe.hints and not hints:
        raise VlaError(f'hints: {recipe.hints:g}, while the datasets hold no hints; set it to 0')
    if recipe.hints:
        names = tuple(f'hint {index}' for index in range(hints))
        found[HINTS] = Normalizer.of(frames.hints, names, 'mean_std')
    return found


def _refuse_folder(plan: Plan) -> None:
    """Nothing is overwritten, and what is to go on has begun."""
    if plan.resume and not (plan.folder / RESUME).exists():
        raise VlaError(f'{plan.folder}: no run to go on with; without --resume one begins')
    if not plan.resume and any((plan.folder / name).exists() for name in (MODEL, RESUME)):
        raise VlaError(
            f'{plan.folder}: a model is there already; go on with --resume, or name another folder'
        )


def _refuse_other_data(
    folder: Path, model: ModelConfig, normalizers: Mapping[str, Normalizer]
) -> None:
    """What was learned from other statistics means something else now."""
    if not (folder / MODEL / STATISTICS).is_file():
        return
    for name, known in read_normalizers(folder / MODEL, model).items():
        was, now = known.to_json(), normalizers[name].to_json()
        for key in ('count', 'mean', 'std', 'min', 'max', 'q01', 'q99'):
            # The last digits may differ on another machine.
            if not np.allclose(was[key], now[key]):
                raise VlaError(
                    f'{folder}: was begun with other data: {key} of {name} was {was[key]}, now '
                    f'{now[key]}; give the same datasets, or begin anew in another folder'
                )


def questions_of(plan: Plan, model: ModelConfig) -> Questions | None:
    """Those that a run asks; none where the recipe has no share for them.

    Raises:
        VlaError: There is a share and no file or the other way round, or the file is not right.
    """
    if bool(plan.recipe.questions) != bool(plan.questions):
        raise VlaError(
            f'questions: {plan.recipe.questions:g}, and {plan.questions or "no file"} given; '
            'questions need both a share of the batch and a file'
        )
    if plan.questions is None or not isinstance(model.trunk, VlmTrunkConfig):
        return None
    # Brings what the other trunks do not need.
    from vla_policy.models.prompt import Prompter

    keys = [image.key for image in model.images]
    return Questions(read_questions(plan.questions), Prompter(Path(model.trunk.folder), keys))


def _refuse_half_pairs(plan: Plan) -> None:
    if bool(plan.recipe.pairs) != bool(plan.pairs):
        given = ', '.join(map(str, plan.pairs)) or 'no folder of pairs'
        raise VlaError(
            f'pairs: {plan.recipe.pairs:g}, and {given} given; pairs need both a share of the '
            'batch and a folder'
        )


def _told(plan: Plan, trainer: Trainer, frames: Frames, pairs: Frames | None) -> dict[str, object]:
    """Where the model comes from, for people."""
    last = {name: points[-1][1] for name, points in trainer.losses.items() if points}
    return {
        'step': trainer.step,
        'recipe': plan.recipe.model_dump(mode='json'),
        'recipe_file': plan.recipe_path.name,
        'datasets': [folder.name for folder in plan.datasets],
        'pairs': [folder.name for folder in plan.pairs],
        'pairs_frames': 0 if pairs is None else len(pairs),
        'questions': plan.questions.name if plan.questions else None,
        'trunk': plan.trunk.name if plan.trunk else None,
        'start_from': '/'.join(plan.start_from.parts[-2:]) if plan.start_from else None,
        'frames': len(frames),
        'episodes': len(np.unique(frames.episode)),
        'instructions': len(frames.tasks),
        'last_losses': {name: value for name, value in last.items() if math.isfinite(value)},
        'commit': _commit(plan.recipe_path),
    }


def _commit(near: Path) -> str:
    """Of the repository that the recipe is in; empty where it is in none."""
    try:
        found = subprocess.run(
            ('git', 'describe', '--always', '--dirty', '--exclude=*'),
            cwd=near.resolve().parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ''
    return found.stdout.strip()


def datasets_in(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The folders, each of which has to be a dataset.

    Raises:
        VlaError: One is none.
    """
    for path in paths:
        if not (path / 'meta').is_dir():
            raise VlaError(f'{path}: no dataset; `vla sim record` writes one')
    return tuple(paths)
