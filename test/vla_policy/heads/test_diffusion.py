# SPDX-License-Identifier: Apache-2.0
"""Diffusion, against the textbook's formulas and a distribution whose score is known."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from test.vla_policy.heads.tiny import (
    BATCH,
    COLUMNS,
    DECODER,
    ROWS,
    WIDTH,
    all_valid,
    make_actions,
    make_context,
    make_denoiser,
    seeded,
)
from vla_policy.heads.config import DiffusionHeadConfig
from vla_policy.heads.decoder import Cache
from vla_policy.heads.diffusion import (
    DiffusionHead,
    cosine_signal,
    flow_time,
    signal_and_noise,
)

MEAN, SPREAD = 0.4, 0.25
SAYS = ['noise', 'velocity']


class Known(DiffusionHead):
    """Knows the noise of normal actions exactly: E[noise | z] = σ (z - α·mean) / (α²·s² + σ²)."""

    def __init__(self, mean: Tensor | float, spread: float, **changes: object) -> None:
        """Know mean and spread of the actions."""
        config = DiffusionHeadConfig.model_validate({'decoder': DECODER, **changes})
        super().__init__(config, WIDTH, ROWS, COLUMNS)
        self.mean, self.spread, self.predicts = mean, spread, config.predicts

    def network(
        self,
        seen: Tensor,
        time: Tensor,
        cache: Cache,  # noqa: ARG002
        valid: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """The exact expectation of the noise, or of α·noise - σ·actions."""
        signal, noise = signal_and_noise(time[..., None])
        off = (seen - signal * self.mean) / ((signal * self.spread) ** 2 + noise**2)
        if self.predicts == 'noise':
            return noise * off
        return signal * noise * off - noise * (self.mean + signal * self.spread**2 * off)


def test_the_schedule_is_the_cosine_with_offset() -> None:
    """The product of 1 - β is cos² before β is bounded, and β is bounded by 0.999."""
    levels = 100
    found = cosine_signal(levels).square().numpy()
    share = np.arange(levels + 1) / levels
    cosine = np.cos((share + 0.008) / 1.008 * np.pi / 2.0) ** 2
    np.testing.assert_allclose(found[:-1], (cosine / cosine[0])[1:-1], rtol=1e-9)
    assert found[-1] / found[-2] == pytest.approx(0.001)


def test_levels_and_times_of_flow_name_the_same() -> None:
    """α² + σ² = 1, and t = σ / (α + σ) leads back to both."""
    signal = cosine_signal(50)
    found, noise = signal_and_noise(flow_time(signal))
    torch.testing.assert_close(found, signal)
    torch.testing.assert_close(found.square() + noise.square(), torch.ones_like(signal))


@pytest.mark.parametrize('temperature', [1.0, 0.5, 0.0])
@pytest.mark.parametrize('predicts', SAYS)
def test_sampling_with_the_exact_score_recovers_mean_and_spread(
    predicts: str, temperature: float
) -> None:
    """Many levels, exact noise: distributed like the actions, at their share of the spread."""
    head = Known(MEAN, SPREAD, levels=1000, steps=400, predicts=predicts, temperature=temperature)
    chunk = head.sample(make_context(batch=800), seeded()).double()
    assert chunk.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert chunk.std().item() == pytest.approx(temperature * SPREAD, abs=0.02)


def ddim(head: DiffusionHead, noise: Tensor, cache: Cache) -> Tensor:
    """The textbook's loop: estimate, then estimate and noise mixed as the next level has them."""
    state = noise
    for now, after in pairwise(head.times):
        at = torch.full(noise.shape[:2], now)
        length = math.hypot(now, 1.0 - now)
        signal, spread = (1.0 - now) / length, now / length
        estimate = (state - spread * head.network(state, at, cache)) / signal
        estimate = estimate.clamp(-5.0, 5.0)
        said = (state - signal * estimate) / spread
        length = math.hypot(after, 1.0 - after)
        state = (1.0 - after) / length * estimate + after / length * said
    return state


@torch.no_grad()
def test_euler_on_the_straightened_path_is_ddim() -> None:
    """With a random network, so that clipping happens too."""
    head, context = make_denoiser('noise'), make_context()
    assert isinstance(head, DiffusionHead)
    noise = torch.randn(BATCH, ROWS, COLUMNS, generator=seeded(3))
    wanted = ddim(head, noise, head.decoder.cache(context))
    torch.testing.assert_close(head.sample(context, seeded(3)), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('predicts', SAYS)
def test_a_network_that_is_right_has_no_loss_and_samples_the_chunk(predicts: str) -> None:
    """What is trained, what is seen and what is made of it belong to the same path."""
    actions = make_actions(1).expand(BATCH, -1, -1)
    head = Known(actions[0], 0.0, predicts=predicts)
    loss = head.loss(make_context(), actions, all_valid(), seeded())
    torch.testing.assert_close(loss, torch.zeros(BATCH), rtol=0, atol=1e-6)
    chunk = head.sample(make_context(), seeded())
    torch.testing.assert_close(chunk, actions, rtol=0, atol=1e-4)


def test_the_loss_of_a_silent_network_is_the_variance_of_the_noise() -> None:
    """E[noise²] = 1, whatever the actions."""
    head = make_denoiser('noise', draws=4000)
    torch.nn.init.zeros_(head.rows_out.weight)
    torch.nn.init.zeros_(head.rows_out.bias)
    with torch.no_grad():
        loss = head.loss(make_context(), make_actions(), all_valid(), seeded())
    torch.testing.assert_close(loss, torch.ones(BATCH), rtol=0, atol=0.03)


@pytest.mark.parametrize(('levels', 'steps'), [(100, 10), (20, 19), (1000, 16), (2, 1)])
@pytest.mark.parametrize('predicts', SAYS)
def test_sampling_visits_trained_levels_from_most_noise_to_none(
    predicts: str, levels: int, steps: int
) -> None:
    """Each level visited is one that was trained, and the signal is never divided by nothing."""
    head = Known(MEAN, SPREAD, levels=levels, steps=steps, predicts=predicts)
    *visited, last = head.times
    assert last == 0.0
    assert len(visited) == steps
    assert visited == sorted(visited, reverse=True)
    trained = {round(float(time), 6) for time in head.level_times}
    assert {round(time, 6) for time in visited} <= trained
    if predicts == 'noise':
        assert signal_and_noise(torch.tensor(visited[0]))[0] >= 0.05


def test_estimates_are_clipped() -> None:
    """No estimate names an action beyond the bound, however wrong the network is."""
    head = Known(100.0, 0.0)
    assert head.sample(make_context(), seeded()).max().item() == pytest.approx(5.0, abs=1e-4)
