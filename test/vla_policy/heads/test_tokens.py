# SPDX-License-Identifier: Apache-2.0
"""Discrete tokens, against numpy's digitize and the constants of OpenVLA."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from test.vla_policy.heads.tiny import (
    BATCH,
    COLUMNS,
    ROWS,
    all_valid,
    make_actions,
    make_context,
    make_head,
    seeded,
)
from vla_policy.heads.autoregressive import AutoregressiveTokensHead
from vla_policy.heads.bins import Bins, choose
from vla_policy.heads.tokens import ParallelTokensHead

EDGES = np.linspace(-1.0, 1.0, 256, dtype=np.float32)


@given(st.lists(st.floats(-3.0, 3.0, width=32), min_size=1, max_size=50))
def test_bins_are_those_of_digitize_on_256_even_edges(numbers: list[float]) -> None:
    """OpenVLA's id is 32000 - digitize(clipped); it reads as centre 32000 - id - 1, at most 254."""
    actions = np.array(numbers, dtype=np.float32)
    digits = np.digitize(np.clip(actions, -1.0, 1.0), EDGES)
    ids = 32000 - digits
    centres = (EDGES[1:] + EDGES[:-1]) / 2.0
    read = centres[np.clip(32000 - ids - 1, 0, 254)]
    bins = Bins(256)
    found = bins.encode(torch.from_numpy(actions))
    np.testing.assert_array_equal(found.numpy(), digits - 1)
    np.testing.assert_allclose(bins.decode(found).numpy(), read, atol=1e-7)


def test_edges_and_ends_fall_where_openvla_has_them() -> None:
    """A number on an edge belongs to the bin above it; 1 alone has the last bin."""
    bins = Bins(256)
    found = bins.encode(torch.from_numpy(EDGES))
    assert found.tolist() == list(range(256))
    assert bins.encode(torch.tensor([-9.0, 9.0])).tolist() == [0, 255]
    assert len(bins.centres) == 255
    assert bins.decode(torch.tensor([254])) == bins.decode(torch.tensor([255]))


def test_a_number_read_back_is_off_by_half_a_bin_at_most() -> None:
    """1/255 over the whole range."""
    bins, numbers = Bins(256), torch.linspace(-1.0, 1.0, 4001)
    off = (bins.decode(bins.encode(numbers)) - numbers).abs()
    assert off.max() <= 1.0 / 255.0 + 1e-6


def test_the_loss_is_the_mean_negative_log_probability_of_the_true_bins() -> None:
    """Picked out of the softmax by hand, number by number."""
    head, context, actions = make_head('parallel'), make_context(), make_actions()
    assert isinstance(head, ParallelTokensHead)
    loss = head.loss(context, actions, all_valid(), seeded())
    nothing = torch.zeros(BATCH, ROWS, dtype=torch.bool)
    logs = head.logits(context, torch.zeros_like(actions), nothing).log_softmax(dim=-1)
    digits = np.digitize(actions.numpy(), EDGES) - 1
    for example in range(BATCH):
        wanted = [
            -logs[example, row, column, digits[example, row, column]].item()
            for row in range(ROWS)
            for column in range(COLUMNS)
        ]
        assert loss[example].item() == pytest.approx(np.mean(wanted), rel=1e-5)


def test_the_autoregressive_loss_is_that_of_the_chain_of_conditionals() -> None:
    """Each number's probability is asked for anew, told only the true ones before it."""
    head, context, actions = make_head('autoregressive'), make_context(), make_actions()
    assert isinstance(head, AutoregressiveTokensHead)
    loss = head.loss(context, actions, all_valid(), seeded())
    words = head.bins.encode(actions).flatten(1)
    cache, total = head.decoder.cache(context), torch.zeros(BATCH)
    for length in range(words.shape[1]):
        told = torch.cat((torch.full((BATCH, 1), 256), words[:, :length]), dim=1)
        logs = head.logits(cache, told)[:, -1].log_softmax(dim=-1)
        total -= logs.gather(1, words[:, length : length + 1])[:, 0]
    torch.testing.assert_close(loss, total / words.shape[1])


def test_what_is_said_one_by_one_is_the_likeliest_given_what_was_said() -> None:
    """Greedy decoding with kept keys and values, checked by asking for the whole chunk again."""
    head, context = make_head('autoregressive'), make_context()
    assert isinstance(head, AutoregressiveTokensHead)
    words = head.bins.encode(head.sample(context, seeded())).flatten(1)
    told = torch.cat((torch.full((BATCH, 1), 256), words[:, :-1]), dim=1)
    logits = head.logits(head.decoder.cache(context), told)
    likeliest = logits[..., :255].argmax(dim=-1)
    assert torch.equal(words, likeliest)


def test_bins_are_drawn_by_their_softmax_at_the_temperature() -> None:
    """By the law of large numbers; at 0 the likeliest is taken."""
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    drawn = choose(logits.expand(100_000, -1), 2.0, seeded())
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    torch.testing.assert_close(shares, (logits / 2.0).softmax(dim=0), rtol=0, atol=0.01)
    assert choose(logits, 0.0, seeded()) == 2
