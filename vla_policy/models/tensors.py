# SPDX-License-Identifier: Apache-2.0
"""The tensors in which data, trunks and heads meet. Knows no model and no robot."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import torch
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

    def to(self, device: torch.device) -> Self:
        """The same where a model is."""
        images = {key: each.to(device, non_blocking=True) for key, each in self.images.items()}
        return replace(
            self, images=images, state=self.state.to(device), language=self.language.to(device)
        )


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

    def first(self, count: int) -> 'Context':
        """Of the first examples of the batch alone."""
        return Context(self.tokens[:count], self.mask[:count], self.summary[:count])


@runtime_checkable
class AnsweringTrunk(Protocol):
    """A trunk that can say in words what it sees."""

    def answers_loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """How badly it names the words of ``labels`` among the features."""


class Trunk(nn.Module, ABC):
    """Inputs in, context out.

    Attributes:
        width: D of the context.
    """

    width: int

    @abstractmethod
    def forward(self, inputs: Inputs) -> Context:
        """Encode a batch."""
