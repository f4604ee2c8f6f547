# SPDX-License-Identifier: Apache-2.0
"""What flow matching and diffusion share: from noise (t = 1) to actions (t = 0) along a velocity.

Time is that of flow matching in both: x_t = t·noise + (1 - t)·actions. A variance-preserving
diffusion is the same path scaled, and a deterministic DDIM step is exactly an Euler step on it, so
one integrator, one guide and one prefix serve both.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.config import DiffusionHeadConfig, FlowHeadConfig
from vla_policy.heads.decoder import ActionDecoder, Cache, attend_to_valid
from vla_policy.heads.draws import normal
from vla_policy.heads.guide import Guide, Prefix, corrected
from vla_policy.heads.head import Head, draw_prefix, mean_over_rows
from vla_policy.models.tensors import Context

Velocity = Callable[[Tensor, Tensor], Tensor]


def integrate(
    velocity: Velocity,
    noise: Tensor,
    times: tuple[float, ...],
    guide: Guide | Prefix | None = None,
) -> Tensor:
    """Euler steps from noise to actions.

    Args:
        velocity: Of x (B, H, A) at times (B, H), or (B, 1): the expected noise - actions.
        noise: (B, H, A).
        times: Visited in turn, falling from at most 1 to 0.
        guide: A guide corrects every velocity; a prefix stays as it is, at time 0.
    """
    state = noise
    given = guide.actions.shape[1] if isinstance(guide, Prefix) else 0
    for now, after in pairwise(times):
        at = noise.new_full((len(noise), noise.shape[1] if given else 1), now)
        at[:, :given] = 0.0
        if isinstance(guide, Prefix):
            state = _begun(guide, state)
        if isinstance(guide, Guide):
            moving = corrected(partial(_at, velocity, at), state, now, guide)
        else:
            moving = velocity(state, at)
        state = state + (after - now) * moving
    return _begun(guide, state) if isinstance(guide, Prefix) else state


def _at(velocity: Velocity, time: Tensor, state: Tensor) -> Tensor:
    return velocity(state, time)


def _begun(prefix: Prefix, rows: Tensor) -> Tensor:
    return torch.cat((prefix.actions.to(rows), rows[:, prefix.actions.shape[1] :]), dim=1)


class DenoisingHead(Head):
    """A head that learns to take noise out of actions.

    Attributes:
        times: Visited by sampling, from noise to 0.
    """

    corrects = True
    times: tuple[float, ...]

    def __init__(
        self, config: FlowHeadConfig | DiffusionHeadConfig, width: int, rows: int, columns: int
    ) -> None:
        """Decoder and the maps into and out of it."""
        super().__init__()
        self.rows, self.columns, self.prefix_rows = rows, columns, config.prefix_rows
        self._draws, self._temperature = config.draws, config.temperature
        self.decoder = ActionDecoder(config.decoder, width, rows)
        self.rows_in = nn.Linear(columns, config.decoder.width)
        self.rows_out = nn.Linear(config.decoder.width, columns)

    @abstractmethod
    def draw_times(self, count: int, generator: Generator, like: Tensor) -> Tensor:
        """Times to train at, (count,)."""

    @abstractmethod
    def noised(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """What the network sees of actions at a time, which broadcasts against them."""

    @abstractmethod
    def target(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """What the network is to say at a time, which broadcasts against the actions."""

    @abstractmethod
    def velocity(self, state: Tensor, time: Tensor, cache: Cache) -> Tensor:
        """The expected noise - actions of x_t (B, H, A) at times (B, H), or (B, 1) for all rows."""

    def network(
        self, seen: Tensor, time: Tensor, cache: Cache, valid: Tensor | None = None
    ) -> Tensor:
        """What the network says of noised actions; rows that are not valid go unseen."""
        attend = None if valid is None else attend_to_valid(valid)
        said: Tensor = self.rows_out(
            self.decoder(self.rows_in(seen.to(self.rows_in.weight.dtype)), time, cache, attend)
        )
        return said.to(seen.dtype)

    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """Mean squared error of what the network says at random times, several times over."""
        batch = actions.shape[0]
        actions = actions.masked_fill(~valid[..., None], 0.0).repeat(self._draws, 1, 1)
        valid = valid.repeat(self._draws, 1)
        known = draw_prefix(valid, self.prefix_rows, generator)
        time = self.draw_times(len(actions), generator, actions)[:, None]
        time = time.masked_fill(known, 0.0) if self.prefix_rows else time
        noise = normal(tuple(actions.shape), generator, actions)
        seen = self.noised(actions, noise, time[..., None])
        cache = self.decoder.cache(context).repeated(self._draws)
        target = self.target(actions, noise, time[..., None])
        error = (self.network(seen, time, cache, valid) - target).square()
        return mean_over_rows(error, valid & ~known).view(self._draws, batch).mean(dim=0)

    def sample(
        self, context: Context, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """Noise, integrated to actions.

        Where the first time is short of 1 the noise has unit variance in the terms of the
        diffusion, which are longer by 1 / √(t² + (1 - t)²). The noise of one row has nothing to do
        with that of the next, and what a network leaves of it makes rows rough: arms slow down for
        it. A temperature below 1 leaves less.
        """
        self.check(context, guide)
        with torch.no_grad():
            cache = self.decoder.cache(context)
            blank = self.blank(context)
            first = math.hypot(self.times[0], 1.0 - self.times[0])
            noise = normal(tuple(blank.shape), generator, blank) * first * self._temperature
            return integrate(partial(self.velocity, cache=cache), noise, self.times, guide)
