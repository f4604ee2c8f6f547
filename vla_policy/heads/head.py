# SPDX-License-Identifier: Apache-2.0
"""What every head can do, and which rows count. Knows no trunk, no unit and no robot."""

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn

from vla_contract.errors import VlaError
from vla_policy.heads.draws import whole
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.models.tensors import Context


class Head(nn.Module, ABC):
    """Context in, rows of actions out. B is the batch, H the rows, A the columns.

    Attributes:
        rows: H.
        columns: A.
        prefix_rows: Most rows that may be given as a prefix.
        corrects: It samples by denoising, so that a guide can correct it.
    """

    rows: int
    columns: int
    prefix_rows: int
    corrects = False

    @abstractmethod
    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """What training makes small, (B,).

        Args:
            context: What the trunk read.
            actions: (B, H, A), normalised.
            valid: (B, H), bool: rows past the end of the episode are False and do not count.
            generator: The only source of chance.
        """

    @abstractmethod
    def sample(
        self, context: Context, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """A chunk, (B, H, A), normalised.

        Args:
            context: What the trunk read.
            generator: The only source of chance; heads that answer by rule leave it alone.
            guide: What the chunk before says.

        Raises:
            VlaError: This head cannot follow such a guide.
        """

    def blank(self, context: Context) -> Tensor:
        """Zeros (B, H, A) for what is sampled: at least float32, whatever the trunk computes in."""
        summary = context.summary
        return torch.zeros(
            (summary.shape[0], self.rows, self.columns),
            dtype=torch.promote_types(summary.dtype, torch.float32),
            device=summary.device,
        )

    def check(self, context: Context, guide: Guide | Prefix | None) -> None:
        """Refuse what this head cannot follow, and shapes that would broadcast into nonsense."""
        batch, rows, columns = len(context.summary), self.rows, self.columns
        if isinstance(guide, Guide):
            if not self.corrects:
                raise VlaError(
                    f'{type(self).__name__} does not denoise, so real-time chunking cannot correct '
                    'it; take a flow or diffusion head, or another execution strategy'
                )
            _refuse('a guide', guide.actions, (batch, rows, columns))
            _refuse('weights', guide.weights, (rows,))
        if isinstance(guide, Prefix):
            given = guide.actions.shape[1] if guide.actions.dim() == 3 else 0
            _refuse('a prefix', guide.actions, (batch, given, columns))
            if given > self.prefix_rows:
                raise VlaError(
                    f'a prefix of {given} rows, while this head was trained to continue '
                    f'{self.prefix_rows} at most; train it with prefix_rows: {given}'
                )


def mean_over_rows(error: Tensor, counted: Tensor) -> Tensor:
    """(B, H, A) → (B,): the mean over the columns of the rows (B, H) that count; none: 0."""
    of_row = error.mean(dim=-1).masked_fill(~counted, 0.0)
    return of_row.sum(dim=1) / counted.sum(dim=1).clamp_min(1)


def draw_prefix(valid: Tensor, most: int, generator: Generator) -> Tensor:
    """Rows (B, H) to give away in training: from 0 to most, and at least one valid row is left."""
    batch, rows = valid.shape
    if most == 0:
        return torch.zeros_like(valid)
    given = whole((batch, 1), most + 1, generator, valid)
    given = torch.minimum(given, (valid.sum(dim=1, keepdim=True) - 1).clamp_min(0))
    return torch.arange(rows, device=valid.device) < given


def known_rows(prefix: Prefix | None, blank: Tensor) -> tuple[Tensor, Tensor]:
    """A prefix laid over a blank chunk (B, H, A), and which rows (B, H) are known by it."""
    actions, given = blank.clone(), 0
    if prefix is not None:
        given = prefix.actions.shape[1]
        actions[:, :given] = prefix.actions.to(blank)
    known = torch.arange(blank.shape[1], device=blank.device) < given
    return actions, known.expand(blank.shape[:2])


def _refuse(what: str, found: Tensor, needed: tuple[int, ...]) -> None:
    if tuple(found.shape) != needed:
        raise VlaError(f'{what} of shape {tuple(found.shape)}, while {needed} is needed')
