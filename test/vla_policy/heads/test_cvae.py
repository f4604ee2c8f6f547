# SPDX-License-Identifier: Apache-2.0
"""The autoencoder's divergence and bound, against integrals and by hand."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from test.vla_policy.heads.tiny import (
    BATCH,
    ROWS,
    all_valid,
    make_actions,
    make_context,
    make_head,
    seeded,
)
from vla_policy.heads.cvae import CvaeHead, divergence


def make_cvae(**changes: object) -> CvaeHead:
    """An autoencoder with random weights."""
    head = make_head('cvae', **changes)
    assert isinstance(head, CvaeHead)
    return head


def test_the_divergence_is_its_integral() -> None:
    """∫ q·log(q/p) on a fine grid, summed over the latent; nothing where both are the same."""
    mean, log_variance = torch.randn(2, 3, 4, generator=seeded(), dtype=torch.float64)
    grid = np.linspace(-30.0, 30.0, 60_001)
    step = grid[1] - grid[0]

    def log_density(centre: float, variance: float) -> NDArray[np.float64]:
        return -((grid - centre) ** 2) / (2 * variance) - math.log(2 * math.pi * variance) / 2

    for example in range(3):
        wanted = 0.0
        for centre, log in zip(mean[example].tolist(), log_variance[example].tolist(), strict=True):
            own = log_density(centre, math.exp(log))
            wanted += (np.exp(own) * (own - log_density(0.0, 1.0))).sum() * step
        found = divergence(mean, log_variance)[example].item()
        assert found == pytest.approx(wanted, rel=1e-9)
    assert divergence(torch.zeros(1, 32), torch.zeros(1, 32)).item() == 0.0


@pytest.mark.parametrize('kl_weight', [10.0, 0.5])
def test_the_loss_is_the_error_of_a_drawn_latent_and_the_weighted_divergence(
    kl_weight: float,
) -> None:
    """Put together by hand, the latent drawn as mean + deviation × noise."""
    head, context, actions = make_cvae(kl_weight=kl_weight), make_context(), make_actions()
    valid = all_valid()
    valid[1, 3:] = False
    loss = head.loss(context, actions, valid, seeded(3))
    mean, log_variance = head.posterior(context, actions, valid)
    latent = mean + log_variance.exp().sqrt() * torch.randn(mean.shape, generator=seeded(3))
    nothing = torch.zeros(BATCH, ROWS, dtype=torch.bool)
    off = (head.decode(context, latent, actions, nothing) - actions).abs().mean(dim=-1)
    error = torch.stack([off[0].mean(), off[1, :3].mean(), off[2].mean()])
    torch.testing.assert_close(loss, error + kl_weight * divergence(mean, log_variance))


def test_the_latent_is_zero_at_test() -> None:
    """The same chunk whatever the seed, and it is that of latent 0; another latent says another."""
    head, context = make_cvae(), make_context()
    chunk = head.sample(context, seeded(1))
    torch.testing.assert_close(chunk, head.sample(context, seeded(2)), rtol=0, atol=0)
    nothing = torch.zeros(BATCH, ROWS, dtype=torch.bool)
    with torch.no_grad():
        zero, one = (
            head.decode(context, torch.full((BATCH, 32), value), chunk, nothing)
            for value in (0.0, 1.0)
        )
    torch.testing.assert_close(chunk, zero)
    assert (one - zero).abs().max() > 1e-3


def test_the_encoder_reads_the_valid_rows_and_no_others() -> None:
    """Padding tells the latent nothing; a valid row does."""
    head, context, actions, valid = make_cvae(), make_context(), make_actions(), all_valid()
    valid[:, 3:] = False
    before = head.posterior(context, actions, valid)[0]
    actions[:, 3:] = 5.0
    torch.testing.assert_close(head.posterior(context, actions, valid)[0], before)
    actions[:, 2] = 5.0
    assert (head.posterior(context, actions, valid)[0] - before).abs().max() > 1e-4


def test_gradients_reach_the_encoder_through_the_drawn_latent() -> None:
    """Without the divergence the error alone teaches it: the latent is drawn differentiably."""
    head, context, actions = make_cvae(kl_weight=1e-12), make_context(), make_actions()
    head.loss(context, actions, all_valid(), seeded()).sum().backward()
    assert head.encoder_rows.weight.grad.abs().max() > 1e-6
