# SPDX-License-Identifier: Apache-2.0
"""A transformer layer that normalises first. Knows no positions; they are added before."""

import torch.nn.functional as F  # noqa: N812  (its usual name)
from torch import Tensor, nn


class Layer(nn.Module):
    """Self-attention, then a network of two layers, each added to what it read."""

    def __init__(
        self, width: int, heads: int, head_width: int | None = None, dropout: float = 0.0
    ) -> None:
        """Make a layer.

        Args:
            width: Of a token.
            heads: Of the attention.
            head_width: Of each of them; without it, they share the width.
            dropout: Fraction of what is added that is left out in training.
        """
        super().__init__()
        inner = heads * (head_width or width // heads)
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * inner)
        self.out = nn.Linear(inner, width)
        self.network = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Let tokens (B, N, D) read each other.

        Args:
            tokens: What reads and is read.
            allowed: Bool, (N, N) or (B, 1, 1, N): True where the token of a row may read the
                token of a column; without it, everywhere.
        """
        tokens = tokens + self.dropout(self._attend(self.attention_norm(tokens), allowed))
        return tokens + self.dropout(self.network(tokens))

    def _attend(self, tokens: Tensor, allowed: Tensor | None) -> Tensor:
        all_three = self.query_key_value(tokens).unflatten(-1, (3, self.heads, -1))
        query, key, value = all_three.permute(2, 0, 3, 1, 4)
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.out(read.transpose(1, 2).flatten(2))
