# SPDX-License-Identifier: Apache-2.0
"""Discrete tokens, all in one pass: each number of a chunk is a class among bins.

Numbers drawn in one pass do not know of each other: where two ways of doing a task were shown, a
chunk may begin one and end the other. autoregressive.py has the other decoding.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from vla_policy.heads.bins import Bins, choose
from vla_policy.heads.config import TokensHeadConfig
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import mean_over_rows
from vla_policy.heads.one_pass import OnePassHead, kept
from vla_policy.models.tensors import Context


class ParallelTokensHead(OnePassHead):
    """One query a row, one classifier a column."""

    def __init__(self, config: TokensHeadConfig, width: int, rows: int, columns: int) -> None:
        """A classifier for each column."""
        super().__init__(config, width, rows, columns)
        self._temperature = config.temperature
        self.bins = Bins(config.bins)
        self.logits_out = nn.Linear(config.decoder.width, columns * config.bins)

    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """Mean cross-entropy [nat]."""
        actions = actions.masked_fill(~valid[..., None], 0.0)
        known = self.draw_known(valid, generator)
        logits = self.logits(context, actions, known)
        error = functional.cross_entropy(
            logits.movedim(-1, 1), self.bins.encode(actions), reduction='none'
        )
        return mean_over_rows(error, valid & ~known)

    def sample(
        self, context: Context, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """Middles of the bins chosen."""
        given, known = self.asked(context, guide)
        with torch.no_grad():
            logits = self.logits(context, given, known)
            chosen = choose(logits, self._temperature, generator)
            return kept(known, given, self.bins.decode(chosen).to(given))

    def logits(self, context: Context, actions: Tensor, known: Tensor) -> Tensor:
        """(B, H, A, bins)."""
        said: Tensor = self.logits_out(self.features(context, actions, known))
        return said.float().unflatten(-1, (self.columns, -1))
