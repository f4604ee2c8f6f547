# SPDX-License-Identifier: Apache-2.0
"""Regression: the mean absolute error, whose best answer is the median."""

import torch

from test.vla_policy.heads.tiny import (
    BATCH,
    ROWS,
    all_valid,
    make_actions,
    make_context,
    make_head,
    seeded,
)
from vla_policy.heads.regression import RegressionHead


def test_the_loss_is_the_mean_absolute_error_of_what_is_sampled() -> None:
    """Training and sampling say the same rows."""
    head, context, actions, valid = (
        make_head('regression'),
        make_context(),
        make_actions(),
        all_valid(),
    )
    valid[0, 2:] = False
    loss = head.loss(context, actions, valid, seeded())
    off = (head.sample(context, seeded()) - actions).abs().mean(dim=-1)
    wanted = torch.stack([off[0, :2].mean(), off[1].mean(), off[2].mean()])
    torch.testing.assert_close(loss, wanted)


def test_the_output_is_the_residual_network_written_out() -> None:
    """Two blocks x + relu(W norm(x) + b), then a normalised linear map."""
    head, context = make_head('regression'), make_context()
    assert isinstance(head, RegressionHead)
    nothing = torch.zeros(BATCH, ROWS, dtype=torch.bool)
    with torch.no_grad():
        features = head.features(context, make_actions(), nothing)

        def normalised(
            values: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor
        ) -> torch.Tensor:
            centred = values - values.mean(dim=-1, keepdim=True)
            spread = (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
            return centred / spread * scale + shift

        for block in head.rows_out[:2]:
            norm, linear, _ = block.layer
            inner = normalised(features, norm.weight, norm.bias) @ linear.weight.T + linear.bias
            features = features + inner.clamp_min(0.0)
        norm, linear = head.rows_out[2], head.rows_out[3]
        wanted = normalised(features, norm.weight, norm.bias) @ linear.weight.T + linear.bias
    torch.testing.assert_close(head.sample(context, seeded()), wanted)


def test_of_several_ways_the_median_is_learned() -> None:
    """Two demonstrations say 0.2 and one 0.9: L1 takes 0.2, where a mean would say 0.43."""
    head, context = make_head('regression'), make_context()
    same = type(context)(
        context.tokens[:1].expand(3, -1, -1),
        context.mask[:1].expand(3, -1),
        context.summary[:1].expand(3, -1),
    )
    actions = torch.tensor([0.2, 0.2, 0.9])[:, None, None].expand(3, ROWS, 2)
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    for step in range(120):
        if step == 90:
            optimizer.param_groups[0]['lr'] = 3e-4
        optimizer.zero_grad()
        head.loss(same, actions, all_valid(), seeded()).mean().backward()
        optimizer.step()
    chunk = head.sample(same, seeded())
    torch.testing.assert_close(chunk, torch.full_like(chunk, 0.2), rtol=0, atol=0.1)
