# SPDX-License-Identifier: Apache-2.0
"""Which rows count: not those past the end of an episode, nor those that are given."""

import math

import pytest
import torch

from test.vla_policy.heads.tiny import (
    BATCH,
    COLUMNS,
    DENOISING,
    EVERY,
    ROWS,
    all_valid,
    make_actions,
    make_context,
    make_denoiser,
    make_head,
    seeded,
)
from vla_contract.errors import VlaError
from vla_policy.heads.guide import Prefix
from vla_policy.heads.head import draw_prefix, mean_over_rows
from vla_policy.models.tensors import Context

TRAINED = [name for name in EVERY if name != 'autoregressive']


@pytest.mark.parametrize('name', EVERY)
@pytest.mark.parametrize('prefix_rows', [0, 3])
def test_rows_past_the_end_do_not_matter(name: str, prefix_rows: int) -> None:
    """Neither in the loss nor in any gradient, whatever padding holds, not a number included."""
    head, context, valid = make_head(name, prefix_rows=prefix_rows), make_context(), all_valid()
    valid[0, 3:], valid[1, 1:] = False, False
    found = []
    for filler in (0.0, 7.0, math.nan):
        actions = make_actions().masked_fill(~valid[..., None], filler)
        head.zero_grad()
        loss = head.loss(context, actions, valid, seeded())
        loss.sum().backward()
        gradients = [each.grad for each in head.parameters() if each.grad is not None]
        found.append((loss.detach(), *gradients))
    assert torch.isfinite(found[0][0]).all()
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


@pytest.mark.parametrize('name', DENOISING)
def test_the_network_does_not_see_rows_past_the_end(name: str) -> None:
    """Not even their noise: at test no row is past the end, and none looks like it."""
    head, valid, time = make_denoiser(name), all_valid(), torch.full((BATCH, 1), 0.5)
    valid[:, 3:] = False
    cache, seen = head.decoder.cache(make_context()), make_actions()
    before = head.network(seen, time, cache, valid)
    seen[:, 3:] += 5.0
    after = head.network(seen, time, cache, valid)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert (head.network(seen, time, cache) - after)[:, :3].abs().max() > 1e-3


@pytest.mark.parametrize('name', EVERY)
def test_rows_that_count_do_matter(name: str) -> None:
    """The last valid row of each example has its say."""
    head, context, valid = make_head(name), make_context(), all_valid()
    valid[:, 3:] = False
    actions = make_actions()
    before = head.loss(context, actions, valid, seeded())
    actions[:, 2] *= -1.0
    assert (head.loss(context, actions, valid, seeded()) - before).abs().min() > 1e-4


@pytest.mark.parametrize('name', EVERY)
def test_loss_is_one_number_an_example_and_leaves_the_global_generator_alone(name: str) -> None:
    """Every draw comes from the caller's generator, so that training resumes exactly."""
    head, context, before = make_head(name), make_context(), torch.get_rng_state()
    losses = [head.loss(context, make_actions(), all_valid(), seeded(s)) for s in (4, 4, 5)]
    chunks = [head.sample(context, seeded(s)) for s in (4, 4)]
    assert losses[0].shape == (BATCH,)
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)
    torch.testing.assert_close(chunks[0], chunks[1], rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize('name', EVERY)
def test_every_weight_has_its_part_in_the_loss(name: str) -> None:
    """A weight without a gradient would stop data-parallel training, and cost bytes for nothing."""
    head = make_head(name, prefix_rows=2)
    head.loss(make_context(), make_actions(), all_valid(), seeded()).sum().backward()
    assert not [key for key, value in head.named_parameters() if value.grad is None]


@pytest.mark.parametrize('name', EVERY)
def test_half_precision_stays_within_the_networks(name: str) -> None:
    """A trunk that speaks bfloat16 and autocast change digits, not the kind of what comes out."""
    head, context = make_head(name), make_context()
    low = Context(context.tokens.bfloat16(), context.mask, context.summary.bfloat16())
    wanted = head.loss(context, make_actions(), all_valid(), seeded())
    torch.testing.assert_close(
        head.loss(low, make_actions(), all_valid(), seeded()), wanted, rtol=0.05, atol=0.05
    )
    with torch.autocast('cpu', torch.bfloat16):
        found = head.loss(low, make_actions(), all_valid(), seeded())
        chunk = head.sample(low, seeded())
    assert found.dtype == chunk.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0.5, atol=0.2)
    assert torch.isfinite(chunk).all()


def test_the_mean_over_rows_is_that_of_the_rows_that_count() -> None:
    """By hand; an example without any row has no loss, not a division by nothing."""
    error = torch.tensor([[[1.0, 3.0], [5.0, 5.0]], [[9.0, 9.0], [9.0, 9.0]]])
    counted = torch.tensor([[True, False], [False, False]])
    assert mean_over_rows(error, counted).tolist() == [2.0, 0.0]


def test_training_gives_away_every_number_of_rows_alike_and_leaves_one() -> None:
    """0 to 3 of 5, at the beginning; where two rows are valid, one at most."""
    valid = torch.ones(8000, ROWS, dtype=torch.bool)
    known = draw_prefix(valid, 3, seeded())
    given = known.sum(dim=1)
    assert torch.equal(known, torch.arange(ROWS) < given[:, None])
    shares = torch.bincount(given, minlength=5) / len(valid)
    torch.testing.assert_close(
        shares, torch.tensor([0.25, 0.25, 0.25, 0.25, 0.0]), rtol=0, atol=0.02
    )
    valid[:, 2:] = False
    assert draw_prefix(valid, 3, seeded()).sum(dim=1).max() == 1


@pytest.mark.parametrize('name', EVERY)
@pytest.mark.parametrize('given', [0, 1, 3])
def test_a_chunk_begins_with_its_prefix_and_the_rest_heeds_it(name: str, given: int) -> None:
    """The rows given come back as they are; another prefix, another rest."""
    head, context = make_head(name, prefix_rows=3), make_context(batch=64)
    chunks = []
    for value in (-0.8, 0.8):
        prefix = Prefix(torch.full((64, given, COLUMNS), value))
        chunk = head.sample(context, seeded(), prefix)
        torch.testing.assert_close(chunk[:, :given], prefix.actions, rtol=0, atol=0)
        chunks.append(chunk[:, given:])
    if given:
        assert (chunks[0] - chunks[1]).abs().max() > 1e-4
    else:
        torch.testing.assert_close(chunks[0], head.sample(context, seeded()))


@pytest.mark.parametrize('name', TRAINED)
def test_a_prefix_longer_than_was_trained_is_refused(name: str) -> None:
    """The network has never seen one, and would answer something."""
    head = make_head(name, prefix_rows=2)
    with pytest.raises(VlaError, match=r'a prefix of 3 rows.*2 at most.*prefix_rows: 3'):
        head.sample(make_context(), seeded(), Prefix(make_actions()[:, :3]))


@pytest.mark.parametrize('name', TRAINED)
def test_given_rows_are_no_part_of_the_loss(name: str) -> None:
    """By the gradient: what is said of a given row reaches no weight behind it."""
    head, valid = make_head(name, prefix_rows=4), all_valid()
    said = []
    out = head.logits_out if name == 'parallel' else head.rows_out
    out.register_full_backward_hook(lambda _module, _inputs, outputs: said.append(outputs[0]))
    head.loss(make_context(), make_actions(), valid, seeded(1)).sum().backward()
    known = draw_prefix(valid, 4, seeded(1))
    assert known.any()
    flow = said[0].flatten(2).abs().sum(dim=-1)
    assert torch.equal(flow == 0.0, known)
