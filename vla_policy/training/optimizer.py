# SPDX-License-Identifier: Apache-2.0
"""AdamW with a warm-up and a cosine, and its state as named tensors that go into a file."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vla_contract.errors import VlaError
from vla_policy.training.parallel import shared_like
from vla_policy.training.recipe import OptimizerConfig


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """An optimizer of all weights that learn."""
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {'params': [w for w in learning if w.dim() >= 2], 'weight_decay': config.decay},
        {'params': [w for w in learning if w.dim() < 2], 'weight_decay': 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.rate, betas=config.betas)


def rate_at(step: int, steps: int, config: OptimizerConfig) -> float:
    """Learning rate of a step, the first being 0."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, steps - config.warmup)
    wave = 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return config.rate * (config.last + (1.0 - config.last) * wave)


def state_of(optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """Everything that the optimizer remembers, like ``exp_avg/trunk.norm.weight``."""
    return {
        f'{key}/{names[weight]}': value
        for weight, state in optimizer.state.items()
        for key, value in state.items()
    }


def load_state(
    optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str], saved: Mapping[str, Tensor]
) -> None:
    """Go on from what was saved.

    Raises:
        VlaError: It was saved of another model.
    """
    for weight, name in names.items():
        found = {key: saved.get(f'{key}/{name}') for key in ('step', 'exp_avg', 'exp_avg_sq')}
        lacking = [key for key, value in found.items() if value is None]
        if lacking:
            raise VlaError(f'the saved optimizer has no {lacking[0]} of {name}')
        optimizer.state[weight] = {
            key: value if key == 'step' else shared_like(value.to(weight.device), weight)
            for key, value in found.items()
            if value is not None
        }


def names_of(model: nn.Module) -> dict[Tensor, str]:
    """Names of all weights that learn."""
    return {weight: name for name, weight in model.named_parameters() if weight.requires_grad}
