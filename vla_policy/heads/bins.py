# SPDX-License-Identifier: Apache-2.0
"""Numbers ⇄ bins, as RT-2 and OpenVLA have it. Knows no network.

Edges lie evenly over -1 to 1, which quantile normalisation makes the 1 % and 99 % quantiles. As
many edges as bins leave one interval less than bins: the last bin holds exactly 1 and everything
above, and reads as the last interval.
"""

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.draws import uniform


class Bins(nn.Module):
    """Bins over -1 to 1.

    Attributes:
        edges: (bins,).
        centres: (bins - 1,).
    """

    edges: Tensor
    centres: Tensor

    def __init__(self, count: int) -> None:
        """Lay the edges."""
        super().__init__()
        edges = torch.linspace(-1.0, 1.0, count, dtype=torch.float64)
        self.register_buffer('edges', edges.float(), persistent=False)
        self.register_buffer('centres', ((edges[1:] + edges[:-1]) / 2).float(), persistent=False)

    def encode(self, actions: Tensor) -> Tensor:
        """Bins, from 0, of normalised actions of any shape; beyond -1 and 1 like -1 and 1."""
        clipped = actions.clamp(-1.0, 1.0).to(self.edges.dtype).contiguous()
        return torch.bucketize(clipped, self.edges, right=True) - 1

    def decode(self, bins: Tensor) -> Tensor:
        """The middle of each bin."""
        return self.centres[bins.clamp(0, len(self.centres) - 1)]


def choose(logits: Tensor, temperature: float, generator: Generator) -> Tensor:
    """Bins of logits (…, bins): the likeliest at temperature 0, else drawn.

    The largest of logits plus Gumbel noise is a draw from their softmax.
    """
    if temperature > 0.0:
        chance = uniform(tuple(logits.shape), generator, logits.float())
        tiny = torch.finfo(chance.dtype).tiny
        gumbel = -(-chance.clamp_min(tiny).log()).clamp_min(tiny).log()
        logits = logits.float() / temperature + gumbel
    return logits.argmax(dim=-1)
