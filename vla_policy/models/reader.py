# SPDX-License-Identifier: Apache-2.0
"""Pictures, state and instructions → what a model's trunk takes, in training and in use alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from vla_policy.models.config import ModelConfig, VlmTrunkConfig
from vla_policy.models.language import SentenceEncoder
from vla_policy.models.tensors import Inputs


class Reader(Protocol):
    """Reads instructions for a trunk."""

    def inputs(
        self, images: Mapping[str, Tensor], state: Tensor, instructions: Sequence[str]
    ) -> Inputs:
        """Inputs of a batch, on the device of its state.

        Args:
            images: By key: (B, T, 3, H, W), 0 to 1.
            state: (B, T, S), normalised.
            instructions: One for each example.
        """


class SentenceReader:
    """Each instruction as one vector, by the frozen sentence encoder."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        """Read with an encoder, which remembers every sentence."""
        self._encoder = encoder

    def inputs(
        self, images: Mapping[str, Tensor], state: Tensor, instructions: Sequence[str]
    ) -> Inputs:
        """As in Reader."""
        vectors = torch.from_numpy(self._encoder.encode(instructions))
        return Inputs(images, state, vectors.to(state.device))


def reader_of(config: ModelConfig) -> Reader:
    """What reads for a model.

    Raises:
        VlaError: The encoder's weights, or the model's processor, are not there.
    """
    if isinstance(config.trunk, VlmTrunkConfig):
        # Bring what the other trunks do not need.
        from vla_policy.models.prompt import Prompter, PromptReader

        keys = [image.key for image in config.images]
        return PromptReader(Prompter(Path(config.trunk.folder), keys))
    return SentenceReader(SentenceEncoder(config.language.waves))
