# SPDX-License-Identifier: Apache-2.0
"""Feature-wise linear modulation: a condition scales and shifts the channels of a picture."""

from torch import Tensor, nn


class Film(nn.Module):
    """(1 + γ) x + β, γ and β linear in the condition; the identity until it has learned."""

    def __init__(self, condition: int, channels: int) -> None:
        """Start at γ = β = 0.

        Args:
            condition: Width of the condition.
            channels: Of the picture.
        """
        super().__init__()
        self.both = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.both.weight)
        nn.init.zeros_(self.both.bias)

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """Modulate (B, C, H, W) by (B, condition)."""
        gamma, beta = self.both(condition)[:, :, None, None].chunk(2, dim=1)
        return (1.0 + gamma) * picture + beta
