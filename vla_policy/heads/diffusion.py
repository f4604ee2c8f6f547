# SPDX-License-Identifier: Apache-2.0
"""Diffusion: DDPM training on the cosine schedule, DDIM sampling.

A noise level k has z_k = α·actions + σ·noise with α² + σ² = 1. Divided by α + σ that is x_t of flow
matching at t = σ / (α + σ), which names the level here, to the network as well.
"""

import math

import torch
from torch import Generator, Tensor

from vla_policy.heads.config import DiffusionHeadConfig
from vla_policy.heads.decoder import Cache
from vla_policy.heads.denoising import DenoisingHead
from vla_policy.heads.draws import whole

OFFSET = 0.008
LARGEST_BETA = 0.999
LEAST_SIGNAL = 0.05
LEAST_TIME = 1e-4


def cosine_signal(levels: int) -> Tensor:
    """α of levels 1 to `levels`: the root of the product of 1 - β on the cosine schedule."""
    steps = torch.arange(levels + 1, dtype=torch.float64)
    product = torch.cos((steps / levels + OFFSET) / (1.0 + OFFSET) * math.pi / 2.0).square()
    kept = (product[1:] / product[:-1]).clamp(min=1.0 - LARGEST_BETA)
    return kept.cumprod(dim=0).sqrt()


def flow_time(signal: Tensor) -> Tensor:
    """The time σ / (α + σ) of α."""
    noise = (1.0 - signal.square()).sqrt()
    return noise / (signal + noise)


def signal_and_noise(time: Tensor) -> tuple[Tensor, Tensor]:
    """α and σ of t."""
    length = (time.square() + (1.0 - time).square()).sqrt()
    return (1.0 - time) / length, time / length


class DiffusionHead(DenoisingHead):
    """Learns the noise in z_k, or its velocity; DDIM is Euler on the straightened path.

    Attributes:
        level_times: t of every level, the least noise first.
    """

    level_times: Tensor

    def __init__(self, config: DiffusionHeadConfig, width: int, rows: int, columns: int) -> None:
        """Levels to train, and those that sampling visits.

        A network that says the noise is first asked where α reaches 0.05: above that the noise says
        nothing of the actions, and its error would be divided by α.
        """
        super().__init__(config, width, rows, columns)
        self._clip = config.clip
        self._says_noise = config.predicts == 'noise'
        signal = cosine_signal(config.levels)
        times = flow_time(signal)
        self.register_buffer('level_times', times.float(), persistent=False)
        top = int((signal >= (LEAST_SIGNAL if self._says_noise else 0.0)).sum())
        visited = [round(top * (1.0 - step / config.steps)) for step in range(config.steps)]
        self.times = (*(float(times[level - 1]) for level in visited), 0.0)

    def draw_times(self, count: int, generator: Generator, like: Tensor) -> Tensor:
        """All levels alike."""
        levels = whole((count,), len(self.level_times), generator, like)
        return self.level_times[levels].to(like)

    def noised(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """The mixture z of the level."""
        signal, spread = signal_and_noise(time)
        return signal * actions + spread * noise

    def target(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """The noise, or α·noise - σ·actions."""
        if self._says_noise:
            return noise
        signal, spread = signal_and_noise(time)
        return signal * noise - spread * actions

    def velocity(self, state: Tensor, time: Tensor, cache: Cache) -> Tensor:
        """From the estimate of the actions, clipped; the noise is what is left of z."""
        signal, spread = signal_and_noise(time[..., None])
        level = state * (signal + spread)
        said = self.network(level, time, cache)
        estimate = signal * level - spread * said
        if self._says_noise:
            estimate = (level - spread * said) / signal
        estimate = estimate.clamp(-self._clip, self._clip)
        return (state - estimate) / time[..., None].clamp_min(LEAST_TIME)
