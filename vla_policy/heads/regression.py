# SPDX-License-Identifier: Apache-2.0
"""L1 regression in one pass, as in OpenVLA-OFT: the median of what was demonstrated."""

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.config import RegressionHeadConfig
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import mean_over_rows
from vla_policy.heads.one_pass import OnePassHead, kept
from vla_policy.models.tensors import Context


class ResidualBlock(nn.Module):
    """Features plus what a normalised layer makes of them."""

    def __init__(self, width: int) -> None:
        """One layer of a width."""
        super().__init__()
        self.layer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        """Features (…, width) likewise."""
        return features + self.layer(features)


class RegressionHead(OnePassHead):
    """Says the rows themselves; the same for the same context."""

    def __init__(self, config: RegressionHeadConfig, width: int, rows: int, columns: int) -> None:
        """Residual blocks behind the decoder."""
        super().__init__(config, width, rows, columns)
        inner = config.decoder.width
        self.rows_out = nn.Sequential(
            *(ResidualBlock(inner) for _ in range(config.blocks)),
            nn.LayerNorm(inner),
            nn.Linear(inner, columns),
        )

    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """Mean absolute error."""
        actions = actions.masked_fill(~valid[..., None], 0.0)
        known = self.draw_known(valid, generator)
        said = self.rows_out(self.features(context, actions, known)).to(actions.dtype)
        return mean_over_rows((said - actions).abs(), valid & ~known)

    def sample(
        self,
        context: Context,
        generator: Generator,  # noqa: ARG002
        guide: Guide | Prefix | None = None,
    ) -> Tensor:
        """The rows, by rule."""
        given, known = self.asked(context, guide)
        with torch.no_grad():
            said = self.rows_out(self.features(context, given, known)).to(given.dtype)
            return kept(known, given, said)
