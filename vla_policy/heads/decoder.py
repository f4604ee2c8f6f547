# SPDX-License-Identifier: Apache-2.0
"""The transformer that all heads share: tokens of a chunk that read each other and the context.

What it makes of the context is computed once per observation and kept (`Cache`), so that ten
denoising steps read the context ten times and encode it once. Knows no loss and no chance.
"""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla_policy.heads.config import DecoderConfig
from vla_policy.models.tensors import Context

SHORTEST_PERIOD, LONGEST_PERIOD = 4e-3, 4.0


@dataclass(frozen=True)
class Cache:
    """A context as the layers read it.

    Attributes:
        keys: By layer: (B, attention heads, N, width of one).
        values: Likewise.
        mask: (B, 1, 1, N), bool: tokens that count.
        summary: (B, 1, width).
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor
    summary: Tensor

    def repeated(self, times: int) -> 'Cache':
        """The whole batch several times over."""
        return replace(
            self,
            keys=tuple(each.repeat(times, 1, 1, 1) for each in self.keys),
            values=tuple(each.repeat(times, 1, 1, 1) for each in self.values),
            mask=self.mask.repeat(times, 1, 1, 1),
            summary=self.summary.repeat(times, 1, 1),
        )


@dataclass
class Past:
    """Tokens that an autoregressive head has decoded: keys and values by layer. It grows.

    Attributes:
        layers: (keys, values) of each layer.
        length: Tokens decoded.
    """

    layers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    length: int = 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of all tokens so far, those given last."""
        if layer in self.layers:
            before = self.layers[layer]
            keys = torch.cat((before[0], keys), dim=2)
            values = torch.cat((before[1], values), dim=2)
        self.layers[layer] = keys, values
        return keys, values


def time_features(time: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of a time in 0 to 1: periods from 0.004 to 4, evenly by ratio."""
    share = torch.linspace(0.0, 1.0, width // 2, dtype=time.dtype, device=time.device)
    periods = SHORTEST_PERIOD * (LONGEST_PERIOD / SHORTEST_PERIOD) ** share
    angles = time[..., None] * (2.0 * math.pi / periods)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


def attend_to_valid(valid: Tensor) -> Tensor:
    """(B, H) → (B, 1, H, H): rows see the valid ones and themselves, so that none sees nothing."""
    itself = torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
    return (valid[:, None, :] | itself)[:, None]


class Block(nn.Module):
    """One layer: tokens read each other, then the context, then think."""

    def __init__(self, config: DecoderConfig) -> None:
        """Linear maps, and a table that moves the shared modulation for this layer."""
        super().__init__()
        width = config.width
        self._heads = config.attention_heads
        self.among = nn.Linear(width, 3 * width)
        self.among_out = nn.Linear(width, width)
        self.query = nn.Linear(width, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.across_out = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate='tanh'), nn.Linear(4 * width, width)
        )
        self.table = nn.Parameter(torch.zeros(9, width))

    def read(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of context tokens (B, N, width)."""
        keys, values = self.keys_values(context).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def forward(
        self,
        tokens: Tensor,
        modulation: Tensor,
        layer: int,
        cache: Cache,
        attend: Tensor | None,
        past: Past | None,
    ) -> Tensor:
        """Tokens (B, L, width) one layer on."""
        parts = (modulation + self.table).unbind(dim=2)
        queries, keys, values = map(
            self._split, self.among(_modulated(tokens, *parts[0:2])).chunk(3, dim=-1)
        )
        if past is not None:
            keys, values = past.extend(layer, keys, values)
        read = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=attend)
        tokens = tokens + (1.0 + parts[2]) * self.among_out(_joined(read))
        queries = self._split(self.query(_modulated(tokens, *parts[3:5])))
        read = functional.scaled_dot_product_attention(
            queries, cache.keys[layer], cache.values[layer], attn_mask=cache.mask
        )
        tokens = tokens + (1.0 + parts[5]) * self.across_out(_joined(read))
        return tokens + (1.0 + parts[8]) * self.think(_modulated(tokens, *parts[6:8]))

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self._heads, -1)).transpose(1, 2)


class ActionDecoder(nn.Module):
    """Tokens of a chunk → features of each, given a context and, by token, a time.

    Time and summary scale, shift and gate every layer. Rows that are already known carry time 0.
    """

    def __init__(self, config: DecoderConfig, context_width: int, length: int) -> None:
        """Make the layers.

        Args:
            config: Width, depth and attention heads.
            context_width: D of the context.
            length: Most tokens of a chunk.
        """
        super().__init__()
        width = config.width
        self.width = width
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.context_in = nn.Sequential(
            nn.LayerNorm(context_width), nn.Linear(context_width, width)
        )
        self.summary_in = nn.Sequential(
            nn.LayerNorm(context_width), nn.Linear(context_width, width)
        )
        self.time_in = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 9 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)

    def cache(self, context: Context) -> Cache:
        """What the layers read of a context: computed once per observation."""
        kind = self.positions.dtype
        tokens = context.tokens.masked_fill(~context.mask[..., None], 0.0).to(kind)
        tokens = self.context_in(tokens)
        pairs = [block.read(tokens) for block in self.blocks]
        return Cache(
            keys=tuple(keys for keys, _ in pairs),
            values=tuple(values for _, values in pairs),
            mask=context.mask[:, None, None, :],
            summary=self.summary_in(context.summary.to(kind))[:, None],
        )

    def forward(
        self,
        tokens: Tensor,
        time: Tensor,
        cache: Cache,
        attend: Tensor | None = None,
        past: Past | None = None,
    ) -> Tensor:
        """Features (B, L, width).

        Args:
            tokens: (B, L, width).
            time: (B, L), or (B, 1) for all alike: 1 is noise or unknown, 0 is known.
            cache: Of the context.
            attend: Which tokens (queries) see which (keys), broadcast to (B, heads, L, L'); all
                see all without it.
            past: Tokens decoded before these, which are added to it.
        """
        first = 0 if past is None else past.length
        tokens = tokens + self.positions[first : first + tokens.shape[1]]
        if past is not None:
            past.length += tokens.shape[1]
        features = time_features(time, self.width).to(tokens)
        condition = functional.silu(self.time_in(features) + cache.summary)
        modulation = self.modulation(condition).unflatten(-1, (9, self.width))
        for layer, block in enumerate(self.blocks):
            tokens = block(tokens, modulation, layer, cache, attend, past)
        return self.norm(tokens)


def _modulated(tokens: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return functional.layer_norm(tokens, tokens.shape[-1:]) * (1.0 + scale) + shift


def _joined(split: Tensor) -> Tensor:
    return split.transpose(1, 2).flatten(-2)
