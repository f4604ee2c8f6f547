# SPDX-License-Identifier: Apache-2.0
"""Chance, always from a generator that the caller seeds, wherever that generator lives."""

import torch
from torch import Generator, Tensor


def normal(shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
    """Standard normal numbers, of the kind and on the device of a tensor."""
    return torch.randn(shape, generator=generator, device=generator.device).to(like)


def uniform(shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
    """Numbers from 0 up to 1, of the kind and on the device of a tensor."""
    return torch.rand(shape, generator=generator, device=generator.device).to(like)


def whole(shape: tuple[int, ...], below: int, generator: Generator, like: Tensor) -> Tensor:
    """Whole numbers from 0, below a bound, on the device of a tensor."""
    drawn = torch.randint(below, shape, generator=generator, device=generator.device)
    return drawn.to(like.device)
