# SPDX-License-Identifier: Apache-2.0
"""Flow matching, against distributions whose velocity is known in closed form."""

import math
from itertools import pairwise

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
from vla_policy.heads.config import FlowHeadConfig
from vla_policy.heads.decoder import Cache
from vla_policy.heads.denoising import integrate
from vla_policy.heads.flow import FlowHead
from vla_policy.heads.guide import Prefix

MEAN, SPREAD = 0.7, 0.3


def gaussian_velocity(
    state: Tensor, time: Tensor, mean: Tensor | float = MEAN, spread: float = SPREAD
) -> Tensor:
    """E[noise - actions | x_t] where actions are normal: two conditional means of a Gaussian."""
    at = time[..., None]
    variance = at**2 + ((1 - at) * spread) ** 2
    off = (state - (1 - at) * mean) / variance
    return at * off - (mean + (1 - at) * spread**2 * off)


def even_times(steps: int) -> tuple[float, ...]:
    """From 1 to 0."""
    return tuple(1.0 - step / steps for step in range(steps + 1))


def test_the_flow_of_a_gaussian_is_the_affine_map_and_euler_is_of_first_order() -> None:
    """The exact flow takes noise z to mean + spread·z; twice the steps halve the error."""
    noise = torch.randn(64, 2, 2, generator=seeded(), dtype=torch.float64)
    wanted = MEAN + SPREAD * noise
    errors = [
        (integrate(gaussian_velocity, noise, even_times(steps)) - wanted).abs().max().item()
        for steps in (50, 100, 200)
    ]
    assert errors[2] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.1)


def test_a_prefix_is_clean_and_at_time_0_at_every_step() -> None:
    """As it was in training; the other rows are at the time of the step."""
    seen: list[tuple[Tensor, Tensor]] = []

    def velocity(state: Tensor, time: Tensor) -> Tensor:
        seen.append((state, time))
        return torch.ones_like(state)

    prefix = Prefix(make_actions()[:, :2])
    integrate(velocity, make_actions(seed=4), even_times(4), prefix)
    assert len(seen) == 4
    for step, (state, time) in enumerate(seen):
        torch.testing.assert_close(state[:, :2], prefix.actions, rtol=0, atol=0)
        assert time.tolist() == [[0.0, 0.0] + [1.0 - step / 4] * (ROWS - 2)] * BATCH


class Known(FlowHead):
    """Knows the velocity of normal actions; without a spread there is one chunk only."""

    def __init__(self, mean: Tensor | float, spread: float, **changes: object) -> None:
        """Know mean and spread of the actions."""
        config = FlowHeadConfig.model_validate({'decoder': DECODER, **changes})
        super().__init__(config, WIDTH, ROWS, COLUMNS)
        self.mean, self.spread = mean, spread

    def network(
        self,
        seen: Tensor,
        time: Tensor,
        cache: Cache,  # noqa: ARG002
        valid: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """The exact velocity."""
        return gaussian_velocity(seen, time, self.mean, self.spread)


@pytest.mark.parametrize('temperature', [1.0, 0.5, 0.0])
def test_the_temperature_scales_the_spread_and_leaves_the_mean(temperature: float) -> None:
    """The flow of a Gaussian is affine: half of the noise makes half of the spread."""
    head = Known(MEAN, SPREAD, steps=200, temperature=temperature)
    chunk = head.sample(make_context(batch=800), seeded()).double()
    assert chunk.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert chunk.std().item() == pytest.approx(SPREAD * temperature, abs=0.02)


def test_a_network_that_is_right_has_no_loss_and_samples_the_chunk() -> None:
    """Target and path agree with each other, and with the direction of the integration."""
    actions = make_actions(1).expand(BATCH, -1, -1)
    head = Known(actions[0], 0.0)
    loss = head.loss(make_context(), actions, all_valid(), seeded())
    torch.testing.assert_close(loss, torch.zeros(BATCH), rtol=0, atol=1e-4)
    torch.testing.assert_close(head.sample(make_context(), seeded()), actions)


def test_the_loss_of_a_silent_network_is_one_plus_the_mean_square_of_the_actions() -> None:
    """E[(noise - a)²] = 1 + a²: the scale of the target, by the law of large numbers."""
    head = make_denoiser('flow', draws=4000)
    torch.nn.init.zeros_(head.rows_out.weight)
    torch.nn.init.zeros_(head.rows_out.bias)
    actions = make_actions()
    with torch.no_grad():
        loss = head.loss(make_context(), actions, all_valid(), seeded())
    wanted = 1.0 + actions.square().mean(dim=(1, 2))
    torch.testing.assert_close(loss, wanted, rtol=0, atol=0.03)


def test_times_follow_the_beta_of_pi0() -> None:
    """0.999·Beta(1.5, 1) + 0.001, by its distribution function t^1.5, and its bounds."""
    head = make_denoiser('flow')
    times = head.draw_times(200_000, seeded(), torch.zeros((), dtype=torch.float64))
    for point in (0.1, 0.3, 0.5, 0.7, 0.9):
        below = ((times - 0.001) / 0.999 <= point).double().mean().item()
        assert below == pytest.approx(point**1.5, abs=0.005)
    assert times.min() >= 0.001
    assert times.max() <= 1.0
    assert times.mean().item() == pytest.approx(0.999 * 1.5 / 2.5 + 0.001, abs=0.005)


def test_sampling_takes_the_steps_asked_for() -> None:
    """Ten Euler steps of -1/10 by default."""
    times = make_denoiser('flow').times
    assert len(times) == 11
    assert [after - now for now, after in pairwise(times)] == pytest.approx([-0.1] * 10)
    assert (times[0], times[-1]) == (1.0, 0.0)
    assert math.isclose(make_denoiser('flow', steps=4).times[1], 0.75)
