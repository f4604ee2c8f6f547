# SPDX-License-Identifier: Apache-2.0
"""Real-time chunking: the correction is the vector-Jacobian product through the denoiser."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from test.vla_policy.heads.tiny import (
    BATCH,
    COLUMNS,
    DENOISING,
    EVERY,
    ROWS,
    make_actions,
    make_context,
    make_denoiser,
    make_head,
    seeded,
)
from vla_contract.errors import VlaError
from vla_policy.heads.denoising import integrate
from vla_policy.heads.guide import Guide, corrected, correction_gain
from vla_policy.models.tensors import Context

WEIGHTS = torch.tensor([1.0, 0.7, 0.2, 0.0, 0.0], dtype=torch.float64)
TIME, BETA = 0.4, 5.0


def random_state(seed: int = 5) -> Tensor:
    """A noised chunk in double precision."""
    return torch.randn(BATCH, ROWS, COLUMNS, generator=seeded(seed), dtype=torch.float64)


def make_guide(beta: float = BETA) -> Guide:
    """Agree with random rows: the first fully, the last two not at all."""
    return Guide(make_actions().double(), WEIGHTS, beta)


def network_velocity(name: str) -> Callable[[Tensor], Tensor]:
    """The velocity of a random network at TIME, in double precision."""
    head, context = make_denoiser(name), make_context()
    head.double()
    doubled = Context(context.tokens.double(), context.mask, context.summary.double())
    cache = head.decoder.cache(doubled)
    at = torch.full((BATCH, ROWS), TIME, dtype=torch.float64)
    return lambda state: head.velocity(state, at, cache)


@pytest.mark.parametrize('share', [0.1, 0.25, 0.5, 0.75, 0.9])
def test_the_gain_is_that_of_the_method_counted_from_noise(share: float) -> None:
    """With τ = 0 noise: min(((1-τ)/τ)·(τ²+(1-τ)²)/(1-τ)², β)."""
    spread = (share**2 + (1 - share) ** 2) / (1 - share) ** 2
    assert correction_gain(1 - share, math.inf) == pytest.approx((1 - share) / share * spread)
    assert correction_gain(1 - share, 2.5) == min(correction_gain(1 - share, math.inf), 2.5)


def test_the_gain_is_beta_at_pure_noise_and_at_data() -> None:
    """Both ends divide by nothing; the first step of every chunk is one of them."""
    assert correction_gain(1.0, BETA) == BETA
    assert correction_gain(0.0, BETA) == BETA


def test_the_correction_of_a_linear_denoiser_is_its_transpose() -> None:
    """With u = M x the estimate is (1 - t M) x, so the pull is (1 - t M)ᵀ e, in closed form."""
    size = ROWS * COLUMNS
    matrix = torch.randn(size, size, generator=seeded(), dtype=torch.float64)
    state, guide = random_state(), make_guide()

    def velocity(given: Tensor) -> Tensor:
        return (given.flatten(1) @ matrix.T).view_as(given)

    flat = state.flatten(1)
    carried = torch.eye(size, dtype=torch.float64) - TIME * matrix
    error = (guide.actions.flatten(1) - flat @ carried.T) * WEIGHTS.repeat_interleave(COLUMNS)
    wanted = flat @ matrix.T - correction_gain(TIME, BETA) * error @ carried
    found = corrected(velocity, state, TIME, guide).flatten(1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('name', DENOISING)
def test_the_correction_through_a_network_is_that_of_finite_differences(name: str) -> None:
    """A Jacobian measured by nudging every number of the chunk, one by one."""
    velocity, state, guide = network_velocity(name), random_state(), make_guide()
    moving, nudge = velocity(state), 1e-6
    error = (guide.actions - (state - TIME * moving)) * WEIGHTS[:, None]
    pull = torch.zeros_like(state)
    for row in range(ROWS):
        for column in range(COLUMNS):
            step = torch.zeros_like(state)
            step[:, row, column] = nudge
            ahead, behind = state + step, state - step
            slope = (ahead - TIME * velocity(ahead)) - (behind - TIME * velocity(behind))
            pull[:, row, column] = (error * slope / (2 * nudge)).sum(dim=(1, 2))
    wanted = moving - correction_gain(TIME, BETA) * pull
    found = corrected(velocity, state, TIME, guide)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', DENOISING)
def test_a_correction_without_the_jacobian_is_another_one(name: str) -> None:
    """Adding the error itself says nothing to rows without weight; the true product does."""
    velocity, state, guide = network_velocity(name), random_state(), make_guide()
    moving = velocity(state)
    error = (guide.actions - (state - TIME * moving)) * WEIGHTS[:, None]
    naive = moving - correction_gain(TIME, BETA) * error
    found = corrected(velocity, state, TIME, guide)
    unweighted = WEIGHTS == 0.0
    torch.testing.assert_close(naive[:, unweighted], moving[:, unweighted])
    assert (found - moving)[:, unweighted].abs().min() > 1e-5
    assert (found - naive).abs().max() > 1e-2


def test_rows_without_weight_may_hold_anything() -> None:
    """What lies past the end of the chunk before has no say."""
    velocity, state, guide = network_velocity('flow'), random_state(), make_guide()
    other = guide.actions.clone()
    other[:, WEIGHTS == 0.0] = 1e6
    torch.testing.assert_close(
        corrected(velocity, state, TIME, guide),
        corrected(velocity, state, TIME, Guide(other, WEIGHTS, BETA)),
    )


def bridge_velocity(state: Tensor, time: Tensor, covariance: Tensor) -> Tensor:
    """The exact velocity for chunks that are normal with a covariance (H, H) among rows."""
    at = float(time[0, 0])
    mixed = at**2 * torch.eye(ROWS, dtype=torch.float64) + (1 - at) ** 2 * covariance
    solved = torch.einsum('hk,bka->bha', torch.linalg.inv(mixed), state)
    return at * solved - (1 - at) * torch.einsum('hk,bka->bha', covariance, solved)


def test_guided_chunks_agree_where_told_and_follow_on_where_not() -> None:
    """Rows correlate like a smooth motion: told the first, a chunk continues it by regression.

    The conditional mean of row k is covariance[k, 0] times row 0. The correction takes the noise of
    an estimate to be isotropic, so it falls short of that by a sixth here.
    """
    index = torch.arange(ROWS, dtype=torch.float64)
    covariance = 0.95 ** (index[:, None] - index).abs()
    noise = torch.randn(400, ROWS, 1, generator=seeded(), dtype=torch.float64)
    told = torch.full_like(noise, 1.5)
    first = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    times = tuple(1.0 - step / 50 for step in range(51))
    chunks = integrate(
        lambda state, time: bridge_velocity(state, time, covariance),
        noise,
        times,
        Guide(told, first, 50.0),
    )
    assert (chunks[:, 0] - 1.5).abs().mean() < 0.1
    torch.testing.assert_close(chunks.mean(dim=0)[:, 0], 1.5 * covariance[:, 0], rtol=0.2, atol=0)


def test_a_guided_chunk_is_nearer_to_the_rows_it_is_told() -> None:
    """End to end through a head, from the same noise."""
    head, context = make_denoiser('flow'), make_context()
    guide = Guide(make_actions(), torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]), BETA)
    free, guided = head.sample(context, seeded()), head.sample(context, seeded(), guide)

    def distance(chunk: Tensor) -> Tensor:
        return (chunk - guide.actions)[:, :2].square().mean()

    assert distance(guided) < 0.5 * distance(free)
    assert not guided.requires_grad


@pytest.mark.parametrize('name', DENOISING)
def test_weights_of_zero_leave_a_chunk_as_it_is(name: str) -> None:
    """The first chunk of an episode has nothing to agree with."""
    head, context = make_denoiser(name), make_context()
    guide = Guide(make_actions(), torch.zeros(ROWS), BETA)
    torch.testing.assert_close(
        head.sample(context, seeded(), guide), head.sample(context, seeded())
    )


def test_inference_mode_is_refused_in_words() -> None:
    """There the derivative would fail from inside torch."""
    head, guide = make_head('flow'), Guide(make_actions(), torch.ones(ROWS), BETA)
    with torch.inference_mode(), pytest.raises(VlaError, match=r'torch\.no_grad'):
        head.sample(make_context(), seeded(), guide)


@pytest.mark.parametrize('name', [name for name in EVERY if name not in DENOISING])
def test_heads_that_do_not_denoise_refuse_a_guide(name: str) -> None:
    """Silently unguided chunks would look like real-time chunking that does not help."""
    head = make_head(name)
    assert not head.corrects
    with pytest.raises(VlaError, match='cannot correct'):
        head.sample(make_context(), seeded(), Guide(make_actions(), torch.ones(ROWS), BETA))


def test_a_guide_of_the_wrong_shape_is_refused_with_both_shapes() -> None:
    """A guide for one example would broadcast over all of them."""
    guide = Guide(make_actions(1), torch.ones(ROWS), BETA)
    with pytest.raises(VlaError, match=r'a guide of shape \(1, 5, 2\), while \(3, 5, 2\)'):
        make_head('flow').sample(make_context(), seeded(), guide)
