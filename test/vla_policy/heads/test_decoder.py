# SPDX-License-Identifier: Apache-2.0
"""The shared decoder reads what counts, and what it keeps of a context equals reading it anew."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from test.vla_policy.heads.tiny import (
    BATCH,
    DECODER,
    DENOISING,
    EVERY,
    ROWS,
    WIDTH,
    make_actions,
    make_context,
    make_denoiser,
    make_head,
    seeded,
)
from vla_policy.heads.decoder import ActionDecoder, Block, Past, time_features
from vla_policy.heads.denoising import integrate
from vla_policy.models.tensors import Context


def make_decoder() -> ActionDecoder:
    """With weights that let everything matter."""
    decoder = ActionDecoder(DECODER, WIDTH, ROWS)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=seeded(parameter.numel()))
    decoder.double()
    return decoder


def doubled(context: Context) -> Context:
    """In double precision."""
    return Context(context.tokens.double(), context.mask, context.summary.double())


def dense_attention(block: Block, heads: int, tokens: Tensor, context: Tensor) -> Tensor:
    """Cross-attention of one example written out: no cache, no mask, no fused kernel."""
    width = tokens.shape[-1]
    each = width // heads
    queries = block.query(tokens)
    weight, bias = block.keys_values.weight, block.keys_values.bias
    keys = context @ weight[:width].T + bias[:width]
    values = context @ weight[width:].T + bias[width:]
    parts = []
    for head in range(heads):
        columns = slice(head * each, (head + 1) * each)
        scores = queries[:, columns] @ keys[:, columns].T / math.sqrt(each)
        parts.append(torch.softmax(scores, dim=-1) @ values[:, columns])
    return block.across_out(torch.cat(parts, dim=-1))


def test_attention_to_the_cached_context_equals_dense_attention() -> None:
    """Keys and values from the cache, with a mask, are those of the counted tokens alone."""
    decoder, context = make_decoder(), doubled(make_context())
    block = decoder.blocks[0]
    cache = decoder.cache(context)
    rows = torch.randn(BATCH, ROWS, DECODER.width, generator=seeded(), dtype=torch.float64)
    for example in range(BATCH):
        counted = decoder.context_in(context.tokens[example][context.mask[example]])
        wanted = dense_attention(block, DECODER.attention_heads, rows[example], counted)
        queries = block.query(rows[example]).unflatten(-1, (DECODER.attention_heads, -1))
        read = functional.scaled_dot_product_attention(
            queries.transpose(0, 1),
            cache.keys[0][example],
            cache.values[0][example],
            attn_mask=cache.mask[example, 0],
        )
        found = block.across_out(read.transpose(0, 1).flatten(-2))
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('name', DENOISING)
def test_a_cache_made_once_equals_one_made_at_every_step(name: str) -> None:
    """Ten steps read the context ten times; it is encoded once."""
    head, context = make_denoiser(name), make_context()
    read: list[object] = []
    hook = head.decoder.context_in.register_forward_hook(lambda *_: read.append(None))
    found = head.sample(context, seeded(3))
    assert len(read) == 1
    hook.remove()
    with torch.no_grad():
        noise = torch.randn(found.shape, generator=seeded(3))
        noise = noise * math.hypot(head.times[0], 1.0 - head.times[0])
        wanted = integrate(
            lambda state, time: head.velocity(state, time, head.decoder.cache(context)),
            noise,
            head.times,
        )
    torch.testing.assert_close(found, wanted)


def test_decoding_one_by_one_equals_decoding_all_under_a_causal_mask() -> None:
    """What is kept of tokens said before is what they would be read as again."""
    decoder, context = make_decoder(), doubled(make_context())
    tokens = torch.randn(BATCH, ROWS, DECODER.width, generator=seeded(), dtype=torch.float64)
    time, cache = torch.zeros(BATCH, 1, dtype=torch.float64), decoder.cache(context)
    causal = torch.ones(ROWS, ROWS, dtype=torch.bool).tril()
    whole = decoder(tokens, time, cache, causal)
    past = Past()
    first = decoder(tokens[:, :2], time, cache, causal[:2, :2], past)
    rest = [decoder(tokens[:, row : row + 1], time, cache, None, past) for row in range(2, ROWS)]
    assert past.length == ROWS
    torch.testing.assert_close(torch.cat((first, *rest), dim=1), whole)


@pytest.mark.parametrize('name', EVERY)
def test_context_tokens_that_are_masked_do_not_matter(name: str) -> None:
    """Padding of a shorter instruction, or a camera that is missing, may hold anything."""
    head, context = make_head(name), make_context()
    other = context.tokens.masked_fill(~context.mask[..., None], math.nan)
    changed = Context(other, context.mask, context.summary)
    torch.testing.assert_close(
        head.sample(context, seeded()), head.sample(changed, seeded()), rtol=0, atol=0
    )


@pytest.mark.parametrize('name', EVERY)
def test_a_masked_token_is_as_good_as_none(name: str) -> None:
    """Not even as one more token that says nothing, which would still draw attention."""
    head, context = make_head(name), make_context()
    shorter = Context(context.tokens[:, :-1], context.mask[:, :-1], context.summary)
    assert context.mask[:, :-1].all()
    actions, valid = make_actions(), torch.ones(BATCH, ROWS, dtype=torch.bool)
    torch.testing.assert_close(
        head.loss(context, actions, valid, seeded()), head.loss(shorter, actions, valid, seeded())
    )


@pytest.mark.parametrize('name', EVERY)
@pytest.mark.parametrize('part', ['tokens', 'summary'])
def test_context_that_counts_does_matter(name: str, part: str) -> None:
    """A head that ignored its context would pass many a test of shapes."""
    head, context = make_head(name), make_context()
    tokens, summary = context.tokens.clone(), context.summary.clone()
    {'tokens': tokens[:, 0], 'summary': summary}[part].add_(3.0 * torch.randn(WIDTH))
    actions, valid = make_actions(), torch.ones(BATCH, ROWS, dtype=torch.bool)
    before = head.loss(context, actions, valid, seeded())
    after = head.loss(Context(tokens, context.mask, summary), actions, valid, seeded())
    assert (before - after).abs().min() > 1e-6


@pytest.mark.parametrize('name', EVERY)
def test_examples_of_a_batch_do_not_meet(name: str) -> None:
    """Another context in the batch changes nothing for the first."""
    head, context, other = make_head(name), make_context(), make_context(seed=9)
    mixed = Context(
        torch.cat((context.tokens[:1], other.tokens[1:])),
        context.mask,
        torch.cat((context.summary[:1], other.summary[1:])),
    )
    first, again = head.sample(context, seeded())[0], head.sample(mixed, seeded())[0]
    torch.testing.assert_close(first, again)


def test_time_is_told_by_periods_from_4_ms_to_4() -> None:
    """The constants of pi0, each sine and cosine against its own formula."""
    found = time_features(torch.tensor([0.3], dtype=torch.float64), 6)[0]
    periods = (0.004, math.sqrt(0.004 * 4.0), 4.0)
    angles = [2.0 * math.pi * 0.3 / period for period in periods]
    wanted = [*map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_a_repeated_cache_is_the_batch_several_times_over() -> None:
    """Several noises are learned from for each context."""
    decoder, context = make_decoder(), doubled(make_context())
    twice = Context(
        context.tokens.repeat(2, 1, 1), context.mask.repeat(2, 1), context.summary.repeat(2, 1)
    )
    rows = torch.randn(2 * BATCH, ROWS, DECODER.width, generator=seeded(), dtype=torch.float64)
    time = torch.rand(2 * BATCH, ROWS, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(
        decoder(rows, time, decoder.cache(context).repeated(2)),
        decoder(rows, time, decoder.cache(twice)),
    )
