# SPDX-License-Identifier: Apache-2.0
"""Many features of a picture → few tokens: each is a mean over places, weighed by what is there."""

from torch import Tensor, nn


class TokenLearner(nn.Module):
    """As in RT-1: a network of two layers says, for each token, how much each place counts."""

    def __init__(self, channels: int, tokens: int, hidden: int) -> None:
        """Make the network.

        Args:
            channels: Of a feature.
            tokens: To be made.
            hidden: Width of its first layer.
        """
        super().__init__()
        self.network = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, hidden),
            nn.GELU(),
            nn.Linear(hidden, tokens),
        )

    def weights(self, features: Tensor) -> Tensor:
        """How much each of N features counts in each token: (B, tokens, N), rows sum to 1."""
        logits: Tensor = self.network(features)
        return logits.transpose(1, 2).softmax(dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        """Tokens (B, tokens, C) of features (B, N, C)."""
        return self.weights(features) @ features
