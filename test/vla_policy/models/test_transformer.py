# SPDX-License-Identifier: Apache-2.0
"""A transformer layer: attention against a written-out reference, and masks that hold."""

import math

import torch
from torch import Tensor

from vla_policy.models.transformer import Layer


def reference(layer: Layer, tokens: Tensor, allowed: Tensor) -> Tensor:
    """The attention of one sequence, head by head and row by row."""
    parts = layer.query_key_value(layer.attention_norm(tokens)).chunk(3, dim=-1)
    size = parts[0].shape[-1] // layer.heads
    read = torch.zeros_like(parts[0])
    for head in range(layer.heads):
        at = slice(head * size, (head + 1) * size)
        query, key, value = (part[:, at] for part in parts)
        for row in range(len(tokens)):
            scores = (key @ query[row]) / math.sqrt(size)
            weights = scores.masked_fill(~allowed[row], -math.inf).softmax(dim=0)
            read[row, at] = weights @ value
    between = tokens + layer.out(read)
    result: Tensor = between + layer.network(between)
    return result


def test_layer_agrees_with_attention_written_out() -> None:
    """Heads of their own width, and a mask that differs by row."""
    torch.manual_seed(0)
    layer = Layer(16, heads=2, head_width=12)
    tokens = torch.randn(5, 16)
    allowed = torch.ones(5, 5, dtype=torch.bool).tril()
    torch.testing.assert_close(layer(tokens[None], allowed)[0], reference(layer, tokens, allowed))


def test_token_that_may_not_be_read_changes_nothing() -> None:
    """A mask over tokens of a batch, as a vision-language model's padding needs it."""
    torch.manual_seed(0)
    layer = Layer(16, heads=4)
    tokens = torch.randn(2, 6, 16)
    counted = torch.tensor([True, True, True, True, False, False]).expand(2, 1, 1, 6)
    others = tokens.clone()
    others[:, 4:] = torch.randn(2, 2, 16)
    assert torch.equal(layer(tokens, counted)[:, :4], layer(others, counted)[:, :4])
