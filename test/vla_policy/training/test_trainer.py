# SPDX-License-Identifier: Apache-2.0
"""A run learns, resumes to the last bit, and is the same by one process and by two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from test.vla_policy.training.small import RECIPE, parts
from vla_contract.errors import VlaError
from vla_policy.training.parallel import Crew
from vla_policy.training.recipe import Recipe
from vla_policy.training.trainer import Trainer

CHECKOUT = Path(__file__).resolve().parents[3]
ALONE = Crew(0, 1, 'ddp', torch.device('cpu'))


def trainer(folder: Path, recipe: Recipe = RECIPE) -> Trainer:
    """A run that has not begun."""
    torch.set_num_threads(1)
    learner, examples = parts(recipe)
    return Trainer(learner, recipe, examples, ALONE, folder)


def run(one: Trainer) -> Trainer:
    """To the end."""
    one.run(lambda _: None, lambda _: None)
    return one


def test_losses_fall(tmp_path: Path) -> None:
    """Of actions and of hints."""
    done = run(trainer(tmp_path, RECIPE.model_copy(update={'steps': 150})))
    for name in ('loss', 'hints'):
        values = [value for _, value in done.losses[name]]
        assert np.mean(values[-10:]) < 0.5 * np.mean(values[:10]), name


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """The same weights, average and losses, to the last bit."""
    whole = run(trainer(tmp_path / 'whole'))
    short = trainer(tmp_path / 'cut')
    saved: list[object] = []
    short.run(lambda _: None, saved.append, lambda: short.step == 3)
    assert (short.step, len(saved)) == (3, 1)
    again = trainer(tmp_path / 'cut')
    again.resume()
    run(again)
    assert again.losses == whole.losses
    for name, value in whole.learner.state_dict().items():
        assert torch.equal(again.learner.state_dict()[name], value), name
    for name, value in whole.average.weights.items():
        assert torch.equal(again.average.weights[name], value), name


def test_another_recipe_does_not_go_on(tmp_path: Path) -> None:
    """It says what differs."""
    trainer(tmp_path).save()
    other = trainer(tmp_path, RECIPE.model_copy(update={'batch': 32}))
    with pytest.raises(VlaError, match='begun with batch: 16, now 32'):
        other.resume()
    faster = RECIPE.optimizer.model_copy(update={'rate': 0.1})
    other = trainer(tmp_path, RECIPE.model_copy(update={'optimizer': faster}))
    with pytest.raises(VlaError, match=r'begun with optimizer\.rate: 0\.003, now 0\.1'):
        other.resume()


def test_nothing_to_go_on_from_is_said(tmp_path: Path) -> None:
    """With the folder; a broken file likewise."""
    with pytest.raises(VlaError, match='cannot go on from here'):
        trainer(tmp_path / 'nowhere').resume()
    trainer(tmp_path).save()
    (tmp_path / 'resume' / 'weights.safetensors').write_bytes(b'nonsense')
    with pytest.raises(VlaError, match='cannot go on from here'):
        trainer(tmp_path).resume()


def test_a_gradient_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    """Before it reaches the weights."""
    one = trainer(tmp_path)
    with torch.no_grad():
        next(iter(one.learner.parameters())).fill_(float('nan'))
    with pytest.raises(VlaError, match='step 0: the gradient is nan'):
        run(one)


@pytest.mark.long
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    """The same parts of the same batches: weights agree but for the order of sums.

    Whether each holds the whole model (DDP) or a part of it (FSDP).
    """
    alone = run(trainer(tmp_path / 'one'))
    command = [
        *(sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2'),
        *('--rdzv-backend', 'c10d', '--rdzv-endpoint', 'localhost:0'),
        *('-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test/vla_policy/training/one_of_two.py'),
    ]
    environment = os.environ | {'CREW_FOLDER': str(tmp_path), 'GLOO_SOCKET_IFNAME': 'lo'}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    for kind in ('ddp', 'fsdp'):
        found = load_file(tmp_path / kind / 'resume' / 'weights.safetensors')
        for name, value in alone.learner.state_dict().items():
            assert torch.allclose(found[name], value, atol=2e-4), (kind, name)
        state = json.loads((tmp_path / kind / 'resume' / 'state.json').read_text())
        losses = [value for _, value in state['losses']['loss']]
        assert losses == pytest.approx([value for _, value in alone.losses['loss']], rel=1e-3)
