# SPDX-License-Identifier: Apache-2.0
"""What heads share that answer in one pass: one query a row, and rows that are already known."""

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.config import CvaeHeadConfig, RegressionHeadConfig, TokensHeadConfig
from vla_policy.heads.decoder import ActionDecoder
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import Head, draw_prefix, known_rows
from vla_policy.models.tensors import Context


class OnePassHead(Head):
    """A head whose rows ask the context once. Known rows carry their actions and time 0."""

    def __init__(
        self,
        config: TokensHeadConfig | RegressionHeadConfig | CvaeHeadConfig,
        width: int,
        rows: int,
        columns: int,
    ) -> None:
        """Decoder and the map into it."""
        super().__init__()
        self.rows, self.columns, self.prefix_rows = rows, columns, config.prefix_rows
        self.decoder = ActionDecoder(config.decoder, width, rows)
        self.rows_in = nn.Linear(columns, config.decoder.width)

    def features(self, context: Context, actions: Tensor, known: Tensor) -> Tensor:
        """(B, H, decoder width) of rows (B, H, A) that are read where known (B, H)."""
        rows = self.rows_in(
            actions.masked_fill(~known[..., None], 0.0).to(self.rows_in.weight.dtype)
        )
        features: Tensor = self.decoder(rows, (~known).to(rows), self.decoder.cache(context))
        return features

    def draw_known(self, valid: Tensor, generator: Generator) -> Tensor:
        """Rows (B, H) that training gives away."""
        return draw_prefix(valid, self.prefix_rows, generator)

    def asked(self, context: Context, guide: Guide | Prefix | None) -> tuple[Tensor, Tensor]:
        """Rows given by a guide that this head can follow, and which they are."""
        self.check(context, guide)
        prefix = guide if isinstance(guide, Prefix) else None
        return known_rows(prefix, self.blank(context))


def kept(known: Tensor, given: Tensor, answered: Tensor) -> Tensor:
    """The answer, with known rows as they were given."""
    return torch.where(known[..., None], given, answered)
