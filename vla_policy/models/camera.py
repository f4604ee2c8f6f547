# SPDX-License-Identifier: Apache-2.0
"""One camera's picture → tokens that keep where things are, under a condition."""

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)
from torch import Tensor, nn

from vla_policy.models.film import Film
from vla_policy.models.keypoints import SpatialSoftmax

STRIDE = 16
PYRAMID = 64  # channels in which coarse and fine maps meet
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

    The keypoints come from maps at a quarter of the picture's size, to which coarser maps were
    added: what a thing is shows in the coarse ones, where it is in the fine one.
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
            channels: Of the maps at 1/2, 1/4, 1/8 and 1/16 of that size; multiples of 8.
            condition: Width of the condition.
            keypoints: How many places it looks for.
            width: Of a token.
        """
        super().__init__()
        stem, *stages = channels
        self.stem = nn.Conv2d(3, stem, 5, stride=2, padding=2, bias=False)
        self.stem_norm = norm(stem)
        pairs = zip(channels, stages, strict=False)
        self.blocks = nn.ModuleList(ResidualBlock(c, out, condition) for c, out in pairs)
        self.laterals = nn.ModuleList(nn.Conv2d(out, PYRAMID, 1) for out in stages)
        self.fine = nn.Conv2d(PYRAMID, PYRAMID, 3, padding=1, bias=False)
        self.fine_norm = norm(PYRAMID)
        self.fine_film = Film(condition, PYRAMID)
        self.heat = nn.Conv2d(PYRAMID, keypoints, 1)
        self.places = SpatialSoftmax()
        self.place_token = nn.Linear(2 * keypoints, width)
        self.map_token = nn.Linear(stages[-1], width)
        rows, columns = (-(-side // STRIDE) for side in size)
        self.rows = nn.Parameter(0.02 * torch.randn(rows, 1, width))
        self.columns = nn.Parameter(0.02 * torch.randn(1, columns, width))

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Tokens (B, 1 + rows * columns, D), keypoints first, of (B, 3, H, W) in 0 to 1."""
        maps = [F.silu(self.stem_norm(self.stem(2.0 * picture - 1.0)))]
        for block in self.blocks:
            maps.append(block(maps[-1], condition))
        places = self.place_token(self.keypoints(maps[1:], condition).flatten(1))
        coarse = self.map_token(maps[-1].permute(0, 2, 3, 1)) + self.rows + self.columns
        return torch.cat((places[:, None], coarse.flatten(1, 2)), dim=1)

    def keypoints(self, maps: list[Tensor], condition: Tensor) -> Tensor:
        """Places (B, K, 2) from maps, the finest first."""
        mixed = self.laterals[-1](maps[-1])
        for lateral, finer in zip(self.laterals[-2::-1], maps[-2::-1], strict=True):
            grown = F.interpolate(mixed, finer.shape[-2:], mode='bilinear', align_corners=False)
            mixed = lateral(finer) + grown
        fine = self.fine_film(self.fine_norm(self.fine(mixed)), condition)
        places: Tensor = self.places(self.heat(F.silu(fine)))
        return places


def norm(channels: int) -> nn.Module:
    """Normalise groups of channels of one picture; no batch has a say in it."""
    return nn.GroupNorm(channels // _GROUP, channels)
