# SPDX-License-Identifier: Apache-2.0
"""What a chunk being sampled is told of the chunk before it. Knows no network.

Two ways: a guide pulls any denoiser towards rows that are still being played (real-time chunking),
a prefix is given as it is to a head that was trained to continue one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vla_contract.errors import VlaError


@dataclass(frozen=True)
class Guide:
    """Rows to agree with, for real-time chunking.

    Attributes:
        actions: (B, H, A), normalised: the chunk before, moved to the time of the new one. Rows
            that it does not reach weigh nothing, and may hold anything finite.
        weights: (H,), 0 to 1: how much each row is to agree.
        beta: Largest gain of the correction.
    """

    actions: Tensor
    weights: Tensor
    beta: float = 5.0


@dataclass(frozen=True)
class Prefix:
    """Rows that will have been played when the chunk is ready, so that it begins with them.

    Attributes:
        actions: (B, P, A), normalised.
    """

    actions: Tensor


def correction_gain(time: float, beta: float) -> float:
    """Gain of the correction at a time from 1 (noise) to 0 (data), at most beta."""
    share = 1.0 - time
    if time <= 0.0 or share <= 0.0:
        return beta
    return min((time * time + share * share) / (time * share), beta)


def corrected(
    velocity: Callable[[Tensor], Tensor], noised: Tensor, time: float, guide: Guide
) -> Tensor:
    """The velocity (noise - data) with the correction of real-time chunking.

    With the estimate x̂ = x - t·u(x), the weighted error e = (y - x̂)·w is carried back through the
    denoiser: eᵀ ∂x̂/∂x, the true vector-Jacobian product. That spreads what rows with weight know
    to those without; the error itself, without the Jacobian, would say nothing to them.

    Raises:
        VlaError: Inference mode is on, which forbids the derivative.
    """
    if torch.is_inference_mode_enabled():
        raise VlaError(
            'real-time chunking differentiates the denoiser, and torch.inference_mode forbids '
            'that; sample under torch.no_grad'
        )
    with torch.enable_grad():
        start = noised.detach().requires_grad_()
        moving = velocity(start)
        estimate = start - time * moving
        error = (guide.actions - estimate.detach()) * guide.weights[:, None]
        (pull,) = torch.autograd.grad(estimate, start, error)
    return moving.detach() - correction_gain(time, guide.beta) * pull
