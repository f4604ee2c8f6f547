# SPDX-License-Identifier: Apache-2.0
"""Pictures as another camera, at another hour, might have seen them; never so that colours swap."""

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)
from torch import Generator, Tensor

from vla_policy.training.recipe import Augmentation


def augment(pictures: Tensor, amount: Augmentation, generator: Generator) -> Tensor:
    """Change each example (B, T, 3, H, W) in its own way, and all its T pictures alike."""
    batch = pictures.shape[0]

    def draw(*shape: int) -> Tensor:
        return 2.0 * torch.rand(shape, generator=generator, dtype=pictures.dtype) - 1.0

    tints = 1.0 + amount.tint * draw(batch, 1, 3, 1, 1)
    contrasts = 1.0 + amount.contrast * draw(batch, 1, 1, 1, 1)
    lifts = amount.brightness * draw(batch, 1, 1, 1, 1)
    shifts = amount.shift * draw(batch, 2)
    mean = pictures.mean(dim=(1, 2, 3, 4), keepdim=True)
    changed = ((pictures - mean) * contrasts + mean) * tints + lifts
    if amount.noise:
        drawn = torch.randn(pictures.shape, generator=generator, dtype=pictures.dtype)
        changed = changed + amount.noise * drawn
    return shifted(changed, shifts).clamp(0.0, 1.0)


def shifted(pictures: Tensor, shifts: Tensor) -> Tensor:
    """Move pictures (B, T, 3, H, W) by whole pixels; the edge is repeated.

    Args:
        pictures: Of any size.
        shifts: (B, 2): down and right, as shares of height and width.
    """
    batch, _, _, height, width = pictures.shape
    down = (shifts[:, 0] * height).round().long()
    right = (shifts[:, 1] * width).round().long()
    if not bool(down.any()) and not bool(right.any()):
        return pictures
    most = max(int(down.abs().max()), int(right.abs().max()))
    padded = F.pad(pictures.flatten(0, 1), (most,) * 4, mode='replicate')
    padded = padded.unflatten(0, (batch, -1))
    return torch.stack(
        [
            padded[i, :, :, most - y : most - y + height, most - x : most - x + width]
            for i, (y, x) in enumerate(zip(down.tolist(), right.tolist(), strict=True))
        ]
    )
