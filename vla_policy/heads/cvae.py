# SPDX-License-Identifier: Apache-2.0
"""A conditional variational autoencoder, as in ACT: a latent tells ways of doing a task apart.

In training an encoder reads the demonstrated rows into the latent; at test the latent is 0, the
middle of all ways.
"""

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.config import CvaeHeadConfig
from vla_policy.heads.draws import normal
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import mean_over_rows
from vla_policy.heads.one_pass import OnePassHead, kept
from vla_policy.models.tensors import Context


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B, Z) → (B,): Kullback-Leibler divergence of a diagonal normal from the standard one."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=-1)


class CvaeHead(OnePassHead):
    """The latent joins the context as one more token."""

    def __init__(self, config: CvaeHeadConfig, width: int, rows: int, columns: int) -> None:
        """An encoder of rows, and a decoder as every head has."""
        super().__init__(config, width, rows, columns)
        inner = config.decoder.width
        self._latent, self._kl_weight = config.latent, config.kl_weight
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                inner,
                config.decoder.attention_heads,
                4 * inner,
                0.0,
                batch_first=True,
                norm_first=True,
            ),
            config.encoder_depth,
            enable_nested_tensor=False,
        )
        self.encoder_summary = nn.Linear(width, inner)
        self.encoder_rows = nn.Linear(columns, inner)
        self.encoder_positions = nn.Parameter(0.02 * torch.randn(rows, inner))
        self.encoder_out = nn.Linear(inner, 2 * config.latent)
        self.latent_in = nn.Linear(config.latent, width)
        self.rows_out = nn.Linear(inner, columns)

    def posterior(self, context: Context, actions: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance (B, Z) of the latent of demonstrated rows."""
        kind = self.encoder_positions.dtype
        summary = self.encoder_summary(context.summary.to(kind))[:, None]
        rows = self.encoder_rows(actions.to(kind)) + self.encoder_positions
        unseen = torch.cat((torch.zeros_like(valid[:, :1]), ~valid), dim=1)
        read = self.encoder(torch.cat((summary, rows), dim=1), src_key_padding_mask=unseen)
        mean, log_variance = self.encoder_out(read[:, 0]).to(actions.dtype).chunk(2, dim=-1)
        return mean, log_variance

    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """Mean absolute error, and the weighted divergence of the latent."""
        actions = actions.masked_fill(~valid[..., None], 0.0)
        known = self.draw_known(valid, generator)
        mean, log_variance = self.posterior(context, actions, valid)
        spread = normal(tuple(mean.shape), generator, mean)
        latent = mean + (0.5 * log_variance).exp() * spread
        said = self.decode(context, latent, actions, known)
        error = mean_over_rows((said - actions).abs(), valid & ~known)
        return error + self._kl_weight * divergence(mean, log_variance)

    def sample(
        self,
        context: Context,
        generator: Generator,  # noqa: ARG002
        guide: Guide | Prefix | None = None,
    ) -> Tensor:
        """The rows of latent 0, by rule."""
        given, known = self.asked(context, guide)
        latent = given.new_zeros(len(given), self._latent)
        with torch.no_grad():
            return kept(known, given, self.decode(context, latent, given, known))

    def decode(self, context: Context, latent: Tensor, actions: Tensor, known: Tensor) -> Tensor:
        """Rows (B, H, A) of a latent (B, Z)."""
        token = self.latent_in(latent.to(self.latent_in.weight.dtype)).to(context.tokens)[:, None]
        joined = Context(
            tokens=torch.cat((context.tokens, token), dim=1),
            mask=torch.cat((context.mask, torch.ones_like(context.mask[:, :1])), dim=1),
            summary=context.summary,
        )
        said: Tensor = self.rows_out(self.features(joined, actions, known))
        return said.to(actions.dtype)
