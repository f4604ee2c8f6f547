# SPDX-License-Identifier: Apache-2.0
"""What learns: the model, and beside it a small network that names the dataset's hints."""

from dataclasses import dataclass

from torch import Generator, Tensor, nn

from vla_policy.models.tensors import Inputs
from vla_policy.models.vla import Vla


@dataclass(frozen=True)
class Batch:
    """Examples.

    Attributes:
        inputs: What was seen.
        actions: (B, H, A), normalised: what was done next.
        valid: (B, H): rows that are in the episode.
        hints: (B, K), normalised; K may be 0.
    """

    inputs: Inputs
    actions: Tensor
    valid: Tensor
    hints: Tensor


class Learner(nn.Module):
    """One loss of a batch, so that data-parallel wrappers see one forward pass.

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

    def forward(self, batch: Batch, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mean loss of the actions, and of the hints (zero where there are none)."""
        context = self.vla.encode(batch.inputs)
        loss = self.vla.head.loss(context, batch.actions, batch.valid, generator).mean()
        if self.hints is None:
            return loss, loss.new_zeros(())
        error = self.hints(context.summary) - batch.hints
        return loss, nn.functional.smooth_l1_loss(error, error.new_zeros(error.shape), beta=0.1)
