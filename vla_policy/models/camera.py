# SPDX-License-Identifier: Apache-2.0
"""One camera's picture → tokens that keep where things are, under a condition."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)
from torch import Tensor, nn

from vla_policy.models.film import Film
from vla_policy.models.keypoints import SpatialSoftmax

PATCH, FINE_STRIDE, STRIDE = 8, 4, 32
"""Side of a patch of the first map, and between patches of the finest and coarsest maps [px]."""
_GROUP = 8  # channels normalised together


class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut, halving the picture, modulated by the condition."""

    def __init__(self, channels: int, out: int, condition: int) -> None:
        """Make the block from its channels in and out."""
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False)
        self.first_norm = norm(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.second_norm = norm(out)
        self.film = Film(condition, out)
        self.short_cut = nn.Conv2d(channels, out, 1, stride=2)

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Halve (B, C, H, W)."""
        inner = F.silu(self.first_norm(self.first(picture)))
        inner = self.film(self.second_norm(self.second(inner)), condition)
        return F.silu(inner + self.short_cut(picture))


class CameraEncoder(nn.Module):
    """A picture as a coarse map of tokens, and one token of keypoints read off a fine map.

    No map is finer than a quarter of the picture: on a processor such maps cost most, and a place
    is known more finely than by pixels anyway.
    """

    def __init__(
        self,
        size: tuple[int, int],
        channels: tuple[int, int, int, int],
        condition: int,
        keypoints: int,
        width: int,
    ) -> None:
        """Make the encoder of one camera.

        Args:
            size: Height and width of its picture [px].
            channels: Of the maps at 1/4, 1/8, 1/16 and 1/32 of that size; multiples of 8.
            condition: Width of the condition.
            keypoints: How many places it looks for.
            width: Of a token.
        """
        super().__init__()
        fine = channels[0]
        overlap = (PATCH - FINE_STRIDE) // 2
        self.stem = nn.Conv2d(3, fine, PATCH, FINE_STRIDE, overlap, bias=False)
        self.stem_norm = norm(fine)
        self.fine = nn.Conv2d(fine, fine, 3, padding=1, bias=False)
        self.fine_norm = norm(fine)
        self.fine_film = Film(condition, fine)
        self.heat = nn.Conv2d(fine, keypoints, 3, padding=1)
        self.places = SpatialSoftmax()
        self.blocks = nn.ModuleList(
            ResidualBlock(c, out, condition) for c, out in pairwise(channels)
        )
        self.place_token = nn.Linear(2 * keypoints, width)
        self.map_token = nn.Linear(channels[-1], width)
        rows, columns = (_halved(side // FINE_STRIDE) for side in size)
        self.rows = nn.Parameter(0.02 * torch.randn(rows, 1, width))
        self.columns = nn.Parameter(0.02 * torch.randn(1, columns, width))

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Tokens (B, 1 + rows * columns, D), keypoints first, of (B, 3, H, W) in 0 to 1."""
        fine = self.fine_map(picture, condition)
        places = self.place_token(self.keypoints(fine).flatten(1))
        for block in self.blocks:
            fine = block(fine, condition)
        coarse = self.map_token(fine.permute(0, 2, 3, 1)) + self.rows + self.columns
        return torch.cat((places[:, None], coarse.flatten(1, 2)), dim=1)

    def fine_map(self, picture: Tensor, condition: Tensor) -> Tensor:
        """(B, C, H/4, W/4): what things look like, and which of them is meant."""
        stem = F.silu(self.stem_norm(self.stem(2.0 * picture - 1.0)))
        return F.silu(self.fine_film(self.fine_norm(self.fine(stem)), condition))

    def keypoints(self, fine: Tensor) -> Tensor:
        """Places (B, K, 2)."""
        places: Tensor = self.places(self.heat(fine))
        return places


def _halved(side: int) -> int:
    """Side of the coarsest map, from that of the finest."""
    for _ in range(3):
        side = -(-side // 2)
    return side


def norm(channels: int) -> nn.Module:
    """Normalise groups of channels of one picture; no batch has a say in it."""
    return nn.GroupNorm(channels // _GROUP, channels)
