# SPDX-License-Identifier: Apache-2.0
"""Where things are in a picture: the centre of mass of each heat map, finer than a pixel."""

import torch
from torch import Tensor, nn


class SpatialSoftmax(nn.Module):
    """Heat maps → places; x right, y down, -1 and 1 at the outer edges of the picture."""

    def __init__(self) -> None:
        """Start at a temperature of 1, which is learned."""
        super().__init__()
        self.log_temperature = nn.Parameter(torch.zeros(1))

    def forward(self, maps: Tensor) -> Tensor:
        """Places (B, K, 2) of the warm spots of (B, K, H, W); float32, whatever the maps are."""
        height, width = maps.shape[-2:]
        logits = maps.flatten(2).float() / self.log_temperature.exp()
        heat = logits.softmax(dim=-1).unflatten(-1, (height, width))
        x = (heat.sum(dim=-2) * centres(width, heat)).sum(dim=-1)
        y = (heat.sum(dim=-1) * centres(height, heat)).sum(dim=-1)
        return torch.stack((x, y), dim=-1)


def centres(count: int, like: Tensor) -> Tensor:
    """Centres of ``count`` pixels that fill -1 to 1, so that no size of a map shifts places."""
    steps = torch.arange(count, dtype=like.dtype, device=like.device)
    return (2.0 * steps + 1.0) / count - 1.0
