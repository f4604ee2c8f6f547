# SPDX-License-Identifier: Apache-2.0
"""EfficientNet under a condition: each block's output is modulated, as in RT-1.

Groups of channels are normalised, not batches: what a picture gives depends on no other picture,
so history, small batches and many processes all see the same network.
"""

import math
from typing import NamedTuple

from torch import Tensor, nn

from vla_policy.models.film import Film

GROUP = 8
STEM = 32


class Stage(NamedTuple):
    """Blocks of one size, before scaling.

    Attributes:
        expansion: Channels inside a block, by those outside.
        channels: Out of each block.
        repeats: Blocks.
        stride: Of the first of them.
        kernel: Of the depthwise convolution [px].
    """

    expansion: int
    channels: int
    repeats: int
    stride: int
    kernel: int


B0 = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)


class MobileBlock(nn.Module):
    """Expand, convolve each channel by itself, weigh the channels, shrink; then modulate."""

    def __init__(self, channels: int, stage: Stage, stride: int, condition: int) -> None:
        """Make a block.

        Args:
            channels: In.
            stage: That it belongs to, scaled.
            stride: Of this block.
            condition: Width of the condition.
        """
        super().__init__()
        inner = channels * stage.expansion
        expand = [] if stage.expansion == 1 else [*convolution(channels, inner), nn.SiLU()]
        depthwise = convolution(inner, inner, stage.kernel, stride, groups=inner)
        self.inner = nn.Sequential(*expand, *depthwise, nn.SiLU())
        squeezed = max(1, channels // 4)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(inner, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, inner, 1),
            nn.Sigmoid(),
        )
        self.shrink = nn.Sequential(*convolution(inner, stage.channels))
        self.short_cut = stride == 1 and channels == stage.channels
        self.film = Film(condition, stage.channels)

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """One block on."""
        inner = self.inner(picture)
        out = self.shrink(inner * self.weigh(inner))
        modulated: Tensor = self.film(out + picture if self.short_cut else out, condition)
        return modulated


class EfficientNet(nn.Module):
    """Pictures → maps of features at 1/32 of their size.

    Attributes:
        channels: Of the maps.
        stages: Of its blocks, scaled.
    """

    def __init__(self, width_scale: float, depth_scale: float, condition: int) -> None:
        """Scale B0's channels and repeats; 1.2 and 1.4 give B3."""
        super().__init__()
        self.stages = scaled(width_scale, depth_scale)
        channels = rounded(STEM * width_scale)
        self.stem = nn.Sequential(*convolution(3, channels, 3, 2), nn.SiLU())
        self.blocks = nn.ModuleList()
        for stage in self.stages:
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                self.blocks.append(MobileBlock(channels, stage, stride, condition))
                channels = stage.channels
        self.channels = channels * 4
        self.top = nn.Sequential(*convolution(channels, self.channels), nn.SiLU())

    def forward(self, pictures: Tensor, condition: Tensor) -> Tensor:
        """Maps (B, C, h, w) of (B, 3, H, W) in 0 to 1."""
        maps = self.stem(2.0 * pictures - 1.0)
        for block in self.blocks:
            maps = block(maps, condition)
        features: Tensor = self.top(maps)
        return features


def scaled(width_scale: float, depth_scale: float) -> tuple[Stage, ...]:
    """B0, wider and deeper."""
    return tuple(
        stage._replace(
            channels=rounded(stage.channels * width_scale),
            repeats=math.ceil(stage.repeats * depth_scale),
        )
        for stage in B0
    )


def rounded(channels: float) -> int:
    """To a multiple of 8, at least 8, and never more than a tenth below."""
    nearest = max(GROUP, int(channels + GROUP / 2) // GROUP * GROUP)
    return nearest if nearest >= 0.9 * channels else nearest + GROUP


def convolution(
    channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution that keeps the size but for its stride, and the normalisation after it."""
    padding = kernel // 2
    return [
        nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=False),
        nn.GroupNorm(out // GROUP, out),
    ]
