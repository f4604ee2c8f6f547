# SPDX-License-Identifier: Apache-2.0
"""What learns: the model, and beside it a small network that names the dataset's hints."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from vla_policy.models.tensors import AnsweringTrunk, Inputs
from vla_policy.models.vla import Vla

LOSSES = ('loss', 'hints', 'done', 'answers')
"""Of actions, hints, being done and answers, in the order in which a learner answers."""


@dataclass(frozen=True)
class Batch:
    """Examples: those that were acted out, and after them pairs of pictures and a sentence alone.

    Attributes:
        inputs: What was seen, in all B of them.
        actions: (M, H, A), normalised: what was done next in the first M.
        valid: (M, H): rows that are in the episode.
        done: (M,): 1 where the task was done, else 0.
        hints: (B, K), normalised; K may be 0.
        questions: Features of questions about other pictures, with their answers; empty for none.
    """

    inputs: Inputs
    actions: Tensor
    valid: Tensor
    done: Tensor
    hints: Tensor
    questions: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> 'Batch':
        """The same where a model is."""
        return Batch(
            self.inputs.to(device),
            self.actions.to(device),
            self.valid.to(device),
            self.done.to(device),
            self.hints.to(device),
            {name: each.to(device) for name, each in self.questions.items()},
        )


class Learner(nn.Module):
    """The losses of a batch, so that data-parallel wrappers see one forward pass.

    The hints are used in training only: that the readout has to say where the thing is that the
    instruction speaks of teaches it sooner what the words mean than actions alone would.
    """

    def __init__(self, vla: Vla, hints: int) -> None:
        """Learn a model.

        Args:
            vla: The model.
            hints: Columns of the hints.
        """
        super().__init__()
        self.vla = vla
        self.hints = nn.Linear(vla.trunk.width, hints) if hints else None

    def forward(self, batch: Batch, generator: Generator) -> Tensor:
        """The mean of each of LOSSES; zero where there is nothing to learn it from."""
        context = self.vla.encode(batch.inputs)
        acted = context.first(len(batch.actions))
        loss = self.vla.head.loss(acted, batch.actions, batch.valid, generator).mean()
        hints = done = answers = loss.new_zeros(())
        if self.hints is not None:
            named = self.hints(context.summary)
            hints = functional.smooth_l1_loss(named, batch.hints, beta=0.1)
        if self.vla.done is not None:
            said = self.vla.done(acted.summary)[:, 0].float()
            done = functional.binary_cross_entropy_with_logits(said, batch.done)
        if batch.questions and isinstance(self.vla.trunk, AnsweringTrunk):
            answers = self.vla.trunk.answers_loss(batch.questions)
        return torch.stack([each.float() for each in (loss, hints, done, answers)])
