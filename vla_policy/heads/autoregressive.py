# SPDX-License-Identifier: Apache-2.0
"""Discrete tokens, one after another: each number is told all those before it.

The chunk is read row by row, column by column. Rows that are known are simply said already, so any
prefix can be continued, without training for it.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from vla_policy.heads.bins import Bins, choose
from vla_policy.heads.config import TokensHeadConfig
from vla_policy.heads.decoder import ActionDecoder, Cache, Past
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import Head, mean_over_rows
from vla_policy.models.tensors import Context


class AutoregressiveTokensHead(Head):
    """A small language model of rows × columns words."""

    def __init__(self, config: TokensHeadConfig, width: int, rows: int, columns: int) -> None:
        """Words are the bins, and one that begins every chunk."""
        super().__init__()
        self.rows, self.columns, self.prefix_rows = rows, columns, rows - 1
        self._temperature = config.temperature
        self._begin = config.bins
        self.bins = Bins(config.bins)
        self.decoder = ActionDecoder(config.decoder, width, rows * columns)
        self.words_in = nn.Embedding(config.bins + 1, config.decoder.width)
        self.logits_out = nn.Linear(config.decoder.width, config.bins)

    def loss(
        self,
        context: Context,
        actions: Tensor,
        valid: Tensor,
        generator: Generator,  # noqa: ARG002
    ) -> Tensor:
        """Mean cross-entropy [nat], each number told the true ones before it."""
        words = self.bins.encode(actions.masked_fill(~valid[..., None], 0.0)).flatten(1)
        logits = self.logits(self.decoder.cache(context), self._begun(words[:, :-1]))
        error = functional.cross_entropy(logits.movedim(-1, 1), words, reduction='none')
        return mean_over_rows(error.unflatten(1, (self.rows, self.columns)), valid)

    def sample(
        self, context: Context, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """Middles of the bins chosen one by one."""
        self.check(context, guide)
        given = self.blank(context)[:, :0]
        if guide is not None:
            given = guide.actions.to(given)
        words = self.bins.encode(given).flatten(1)
        said, past = self._begun(words), Past()
        with torch.no_grad():
            cache = self.decoder.cache(context)
            for _ in range(self.rows * self.columns - words.shape[1]):
                last = self.logits(cache, said, past)[:, -1:]
                said = choose(last, self._temperature, generator)
                words = torch.cat((words, said), dim=1)
        chunk = self.bins.decode(words).to(given).unflatten(1, (self.rows, self.columns))
        return torch.cat((given, chunk[:, given.shape[1] :]), dim=1)

    def logits(self, cache: Cache, words: Tensor, past: Past | None = None) -> Tensor:
        """(B, L, bins) of what follows each of the words (B, L), and of those past."""
        length = words.shape[1]
        before = 0 if past is None else past.length
        seen = torch.ones(length, before + length, dtype=torch.bool, device=words.device)
        features = self.decoder(
            self.words_in(words),
            torch.zeros(words.shape[0], 1, dtype=cache.summary.dtype, device=words.device),
            cache,
            seen.tril(before),
            past,
        )
        logits: Tensor = self.logits_out(features)
        return logits.float()

    def _begun(self, words: Tensor) -> Tensor:
        return functional.pad(words, (1, 0), value=self._begin)
