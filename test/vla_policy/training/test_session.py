# SPDX-License-Identifier: Apache-2.0
"""From a dataset's folder to a checkpoint that answers, and on from where it was stopped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from test.vla_policy.training.small import (
    POLICY,
    RECIPE,
    frames,
    weights_or_skip,
    write_dataset,
    write_recipe,
)
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_policy.checkpoint import load_checkpoint
from vla_policy.heads.config import FlowHeadConfig
from vla_policy.learned import Learned
from vla_policy.models.config import ImageSpec
from vla_policy.training.parallel import Crew
from vla_policy.training.session import Plan, datasets_in, read_recipe, train

ALONE = Crew(0, 1, 'ddp', torch.device('cpu'))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The small frames as a dataset."""
    return write_dataset(tmp_path / 'data')


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe file, with its policy file beside it."""
    return write_recipe(tmp_path)


def test_a_dataset_becomes_a_policy(data: Path, recipe: Path, tmp_path: Path) -> None:
    """With statistics, contract, where it comes from, and a picture of the losses."""
    weights_or_skip()
    torch.set_num_threads(1)
    read: list[tuple[str, int, int]] = []
    steps: list[int] = []
    plan = Plan(read_recipe(recipe), recipe, datasets_in([data]), tmp_path / 'run')
    train(plan, ALONE, lambda *said: read.append(said), lambda each: steps.append(each.step))
    assert read[-1] == ('eye', 36, 36)
    assert steps == list(range(1, RECIPE.steps + 1))
    assert (tmp_path / 'run' / 'losses.png').stat().st_size > 5_000
    told = json.loads((tmp_path / 'run' / 'model' / 'training.json').read_text())
    assert (told['step'], told['frames'], told['episodes']) == (RECIPE.steps, 36, 3)
    policy = Learned(POLICY, tmp_path / 'run' / 'model')
    policy.reset('go there')
    found = frames(episodes=3)
    seen = Observation(
        1, {'eye': found.images['eye'][0]}, {'eye': 1}, found.state[0], 1, 'go there', 'task'
    )
    assert policy.infer(seen, np.empty((0, 3))).values.shape == (4, 3)
    with pytest.raises(VlaError, match='a model is there already'):
        train(plan, ALONE, lambda *_: None, lambda _: None)
    more = replace(plan, datasets=(data, data), resume=True)
    with pytest.raises(VlaError, match='begun with other data: count of state was 36, now 72'):
        train(more, ALONE, lambda *_: None, lambda _: None)


def test_what_does_not_fit_is_refused_before_training(
    data: Path, recipe: Path, tmp_path: Path
) -> None:
    """Another rate, other columns, another picture; and a folder that is no dataset."""
    policy = tmp_path / 'small.yaml'
    said = {
        'rate_hz: 10.0': ('rate_hz: 20.0', '10 frames a second'),
        'key: eye': ('key: nose', 'no nose; it has eye'),
        '- lift': ('- tilt', 'has the columns pan, lift, gripper; small has pan, tilt, gripper'),
    }
    whole = policy.read_text()
    for old, (new, words) in said.items():
        policy.write_text(whole.replace(old, new))
        plan = Plan(read_recipe(recipe), recipe, datasets_in([data]), tmp_path / 'run')
        with pytest.raises(VlaError) as refusal:
            train(plan, ALONE, lambda *_: None, lambda _: None)
        assert words in str(refusal.value)
    with pytest.raises(VlaError, match='no dataset'):
        datasets_in([tmp_path])


def test_a_trunk_is_taken_over_and_learns_nothing(data: Path, recipe: Path, tmp_path: Path) -> None:
    """So that heads are compared on equal terms; one that sees something else is refused."""
    weights_or_skip()
    plan = Plan(read_recipe(recipe), recipe, (data,), tmp_path / 'first')
    train(plan, ALONE, lambda *_: None, lambda _: None)
    first = load_checkpoint(tmp_path / 'first' / 'model')
    other = plan.recipe.model_copy(update={'head': FlowHeadConfig(decoder=RECIPE.head.decoder)})
    taken = replace(
        plan, recipe=other, folder=tmp_path / 'second', trunk=tmp_path / 'first' / 'model'
    )
    train(taken, ALONE, lambda *_: None, lambda _: None)
    second = load_checkpoint(tmp_path / 'second' / 'model')
    for name, value in first.vla.trunk.state_dict().items():
        assert torch.equal(second.vla.trunk.state_dict()[name], value), name
    wider = other.trunk.model_copy(update={'keypoints': 8})
    misfit = replace(
        taken, recipe=other.model_copy(update={'trunk': wider}), folder=tmp_path / 'third'
    )
    with pytest.raises(VlaError, match=r'trunk: .* so that the trunk does not fit'):
        train(misfit, ALONE, lambda *_: None, lambda _: None)


def test_a_run_can_start_from_a_checkpoint(data: Path, recipe: Path, tmp_path: Path) -> None:
    """With its weights and its statistics, whatever those of the data; misfits are refused."""
    weights_or_skip()
    plan = Plan(read_recipe(recipe), recipe, (data,), tmp_path / 'first')
    train(plan, ALONE, lambda *_: None, lambda _: None)
    begun = tmp_path / 'first' / 'model'
    statistics = json.loads((begun / 'statistics.json').read_text())
    statistics['state']['max'][0] += 1.0
    (begun / 'statistics.json').write_text(json.dumps(statistics))
    first = load_checkpoint(begun)
    gentle = plan.recipe.optimizer.model_copy(update={'rate': 1e-9, 'warmup': 0})
    more = plan.recipe.model_copy(update={'optimizer': gentle})
    going_on = replace(plan, recipe=more, folder=tmp_path / 'second', start_from=begun)
    train(going_on, ALONE, lambda *_: None, lambda _: None)
    second = load_checkpoint(tmp_path / 'second' / 'model')
    for name, value in first.vla.state_dict().items():
        torch.testing.assert_close(second.vla.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    assert second.normalizers['state'].to_json() == first.normalizers['state'].to_json()
    wider = more.trunk.model_copy(update={'keypoints': 8})
    misfit = replace(
        going_on, recipe=more.model_copy(update={'trunk': wider}), folder=tmp_path / 'third'
    )
    with pytest.raises(VlaError, match=r'trunk: .* so that the weights do not fit'):
        train(misfit, ALONE, lambda *_: None, lambda _: None)
    with pytest.raises(VlaError, match='trunk and start_from'):
        train(replace(misfit, trunk=begun), ALONE, lambda *_: None, lambda _: None)


def test_pairs_need_a_share_and_a_folder(data: Path, recipe: Path, tmp_path: Path) -> None:
    """One without the other would be ignored in silence."""
    plan = Plan(read_recipe(recipe), recipe, (data,), tmp_path / 'run', pairs=(data,))
    with pytest.raises(VlaError, match=r'pairs: 0, and .* given; pairs need both'):
        train(plan, ALONE, lambda *_: None, lambda _: None)


def test_pictures_may_be_smaller_than_the_policy_file_has_them() -> None:
    """By key; a key that is not there is named beside those that are."""
    small = RECIPE.model_copy(update={'sizes': (ImageSpec(key='eye', width=16, height=8),)})
    image = small.seeing(POLICY).images[0]
    assert (image.key, image.width, image.height) == ('eye', 16, 8)
    other = RECIPE.model_copy(update={'sizes': (ImageSpec(key='ear', width=16, height=8),)})
    with pytest.raises(VlaError, match='sizes: ear: policy small sees eye'):
        other.seeing(POLICY)
