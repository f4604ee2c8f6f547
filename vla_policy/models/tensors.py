# SPDX-License-Identifier: Apache-2.0
"""The tensors in which data, trunks and heads meet. Knows no model and no robot."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Inputs:
    """What a model sees; B is the batch, T the history, oldest first (1 for most trunks).

    Attributes:
        images: By the policy's key of the image: (B, T, 3, H, W), float32, 0 to 1.
        state: (B, T, S), normalised.
        language: (B, E): sentence embedding of the frozen encoder (language.py). Trunks that read
            the instruction themselves take more than this: see TextInputs in vlm.py.
    """

    images: Mapping[str, Tensor]
    state: Tensor
    language: Tensor


@dataclass(frozen=True)
class Context:
    """What a trunk answers: the readout that heads attend to.

    Attributes:
        tokens: (B, N, D).
        mask: (B, N), bool: True where a token counts.
        summary: (B, D): one vector, for heads that want one.
    """

    tokens: Tensor
    mask: Tensor
    summary: Tensor


class Trunk(nn.Module, ABC):
    """Inputs in, context out.

    Attributes:
        width: D of the context.
    """

    width: int

    @abstractmethod
    def forward(self, inputs: Inputs) -> Context:
        """Encode a batch."""
