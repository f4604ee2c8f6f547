# SPDX-License-Identifier: Apache-2.0
"""The parts of training, each against what it says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator, nn

from test.vla_policy.training.small import POLICY, RECIPE, SIDE, Unread, frames, parts
from vla_contract.errors import VlaError
from vla_policy.models.vla import build_vla
from vla_policy.training.augmentation import augment, shifted
from vla_policy.training.ema import Ema
from vla_policy.training.examples import Examples, relative_rows
from vla_policy.training.frames import history_of, rows_ahead
from vla_policy.training.learner import Learner
from vla_policy.training.optimizer import rate_at
from vla_policy.training.recipe import Augmentation, OptimizerConfig
from vla_policy.training.session import measure


def test_rows_do_not_reach_into_the_next_episode() -> None:
    """The last one is repeated and does not count."""
    found = frames()
    rows, valid = rows_ahead(found, np.array([10]), 4)
    assert valid.tolist() == [[True, True, False, False]]
    assert (rows[0, 1:] == found.action[11]).all()


def test_history_does_not_reach_into_the_episode_before() -> None:
    """The first frame is repeated."""
    assert history_of(frames(), np.array([13, 20]), 3).tolist() == [[12, 12, 13], [18, 19, 20]]


def test_a_batch_depends_on_seed_step_and_part_only() -> None:
    """Whoever draws it, whenever."""
    _, examples = parts()
    _, again = parts()
    one, other = examples.draw(3, 1), again.draw(3, 1)
    assert torch.equal(one.inputs.images['eye'], other.inputs.images['eye'])
    assert torch.equal(one.actions, other.actions)
    assert not torch.equal(examples.draw(4, 1).actions, one.actions)
    assert not torch.equal(examples.draw(3, 0).actions, one.actions)


def test_statistics_are_of_relative_rows() -> None:
    """The model answers differences, but for the gripper."""
    found = frames()
    rows = relative_rows(found, RECIPE.model(POLICY))
    expected = found.action[1] - found.state[0]
    assert rows[1, :2] == pytest.approx(expected[:2])
    assert set(np.unique(rows[:, 2])) == {0.0, 1.0}


def test_rows_are_differences_from_the_state_that_is_felt() -> None:
    """What is felt wrongly is told with it: added to it, the rows are those of the arm again."""
    recipe = RECIPE.model_copy(update={'augmentation': Augmentation(state_noise=0.5)})
    found, model = frames(), recipe.model(POLICY)
    normalizers = measure(found, model, recipe)
    examples = Examples(found, model, recipe, normalizers, Unread())
    at = np.arange(6)
    batch = examples.take(at, Generator().manual_seed(1))
    felt = normalizers['state'].from_unit(batch.inputs.state[:, -1].numpy())
    rows = normalizers['action'].from_unit(batch.actions.numpy())
    rows[..., :2] += felt[:, None, :2]
    assert np.abs(felt - found.state[at]).max() > 0.05
    np.testing.assert_allclose(rows, rows_ahead(found, at, model.rows)[0], atol=1e-5)


def test_the_average_is_slow_and_begins_fast() -> None:
    """Of a weight that jumps from 0 to 1: the closed form of the warm-up, then of the decay."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Ema(model, 0.9)
    nn.init.ones_(model.weight)
    expected = 0.0
    for step in range(1, 200):
        average.update(model, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay)
    assert float(average.weights['weight']) == pytest.approx(expected, rel=1e-5)


def test_the_rate_rises_and_falls() -> None:
    """A line up, half a cosine down."""
    config = OptimizerConfig(rate=1.0, warmup=10, last=0.1)
    assert rate_at(0, 110, config) == pytest.approx(0.1)
    assert rate_at(9, 110, config) == pytest.approx(1.0)
    assert rate_at(60, 110, config) == pytest.approx(0.55)
    assert rate_at(110, 110, config) == pytest.approx(0.1)


def test_shifted_pictures_repeat_their_edge() -> None:
    """Down by one row and right by none."""
    picture = torch.arange(16.0).reshape(1, 1, 1, 4, 4).expand(1, 1, 3, 4, 4)
    moved = shifted(picture, torch.tensor([[0.25, 0.0]]))
    assert torch.equal(moved[0, 0, 0, 1:], picture[0, 0, 0, :3])
    assert torch.equal(moved[0, 0, 0, 0], picture[0, 0, 0, 0])


def test_augmented_pictures_stay_pictures_and_nothing_changes_nothing() -> None:
    """0 to 1, another one for each example; with all amounts zero the same."""
    pictures = torch.rand(4, 1, 3, 16, 16, generator=Generator().manual_seed(0))
    changed = augment(pictures, Augmentation(), Generator().manual_seed(1))
    assert changed.min() >= 0.0
    assert changed.max() <= 1.0
    assert not torch.equal(changed, pictures)
    zero = Augmentation(**dict.fromkeys(Augmentation.model_fields, 0.0))
    assert torch.allclose(augment(pictures, zero, Generator()), pictures, atol=1e-6)


def test_pairs_follow_what_was_acted_out_and_teach_hints_alone() -> None:
    """A quarter of the batch has pictures, sentence and hints, and no action."""
    recipe = RECIPE.model_copy(update={'pairs': 0.25, 'parts': 1})
    model = recipe.model(POLICY)
    acted, pairs = frames(), frames(episodes=2)
    normalizers = measure(acted, model, recipe)
    batch = Examples(acted, model, recipe, normalizers, Unread(), pairs).draw(0, 0)
    assert len(batch.inputs.images['eye']) == len(batch.hints) == 16
    assert len(batch.actions) == len(batch.valid) == len(batch.done) == 12
    shown = (255.0 * batch.inputs.images['eye'][12:, 0]).round().permute(0, 2, 3, 1)
    assert shown.shape == (4, SIDE, SIDE, 3)
    learner, _ = parts(recipe)
    learner(batch, Generator().manual_seed(0)).sum().backward()
    assert learner.hints is not None
    assert learner.hints.weight.grad is not None


def test_being_done_is_learned_where_it_is_known() -> None:
    """The model that learned it says so from the readout; without the key, it has no such part."""
    recipe = RECIPE.model_copy(update={'done': 1.0})
    known = replace(frames(), done=np.arange(72) % 12 >= 9)
    model = recipe.model(POLICY)
    learner = Learner(build_vla(model), 2)
    examples = Examples(known, model, recipe, measure(known, model, recipe), Unread())
    batch = examples.take(np.array([3, 11]), None)
    assert batch.done.tolist() == [0.0, 1.0]
    loss = learner(batch, Generator())[2].detach()
    assert float(loss) == pytest.approx(np.log(2.0), abs=0.5)
    assert build_vla(RECIPE.model(POLICY)).done is None
    with pytest.raises(VlaError, match=r'done: 1, while the datasets do not say'):
        measure(frames(), model, recipe)
