# SPDX-License-Identifier: Apache-2.0
"""Frames → batches, each a pure function of seed, step and part: training resumes exactly."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vla_policy.models.config import ModelConfig
from vla_policy.models.relative import RelativeColumns
from vla_policy.models.tensors import Inputs
from vla_policy.normalization import Normalizer
from vla_policy.training.augmentation import augment
from vla_policy.training.frames import Frames, history_of, rows_ahead
from vla_policy.training.learner import Batch
from vla_policy.training.recipe import Recipe

STATE, ACTION, HINTS = 'state', 'action', 'hints'
_MEASURED = 20_000
"""Frames whose rows ahead are measured at most, to normalise relative rows."""


class Examples:
    """Draws batches from frames."""

    def __init__(
        self,
        frames: Frames,
        model: ModelConfig,
        recipe: Recipe,
        normalizers: Mapping[str, Normalizer],
        embeddings: NDArray[np.float32],
    ) -> None:
        """Draw for a model.

        Args:
            frames: All there are.
            model: Says what it sees and answers.
            recipe: Size of batches, seed, and changes.
            normalizers: Of ``state``, ``action`` (relative where the model is) and ``hints``.
            embeddings: Of the frames' tasks, one a row.
        """
        self._frames, self._model, self._recipe = frames, model, recipe
        self._normalizers = normalizers
        self._embeddings = torch.from_numpy(embeddings)
        self._first, self._last = frames.first_and_last()
        self._relative = RelativeColumns(
            model.state_columns, model.action_columns, relative=model.relative
        )

    def draw(self, step: int, part: int) -> Batch:
        """One part of a step's batch."""
        size = self._recipe.batch // self._recipe.parts
        seed = seed_of(self._recipe.seed, step, part)
        indexes = np.random.default_rng(seed).integers(len(self._frames), size=size)
        return self.take(indexes, Generator().manual_seed(seed))

    def take(self, indexes: NDArray[np.int64], generator: Generator | None) -> Batch:
        """A batch of these frames; without a generator, as they are."""
        frames, model = self._frames, self._model
        past = history_of(indexes, self._first, model.history)
        rows, valid = rows_ahead(frames, indexes, self._last, model.rows)
        wanted = self._relative.to_relative(rows, frames.state[indexes])
        state = torch.from_numpy(self._unit(STATE, frames.state[past]))
        images = {image.key: _pictures(frames.images[image.key], past) for image in model.images}
        if generator is not None:
            amount = self._recipe.augmentation
            images = {key: augment(each, amount, generator) for key, each in images.items()}
            state = state + amount.state_noise * torch.randn(state.shape, generator=generator)
        return Batch(
            inputs=Inputs(images, state, self._embeddings[frames.task[indexes]]),
            actions=torch.from_numpy(self._unit(ACTION, wanted)),
            valid=torch.from_numpy(valid),
            hints=torch.from_numpy(self._unit(HINTS, frames.hints[indexes])),
        )

    def _unit(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if name not in self._normalizers:
            return values
        return self._normalizers[name].to_unit(values).astype(np.float32)


def seed_of(*numbers: int) -> int:
    """One seed of several numbers, on every machine the same, as torch and numpy take it."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def relative_rows(frames: Frames, model: ModelConfig) -> NDArray[np.float32]:
    """Rows (N, A) as the model is to answer them, to take statistics of."""
    columns = RelativeColumns(model.state_columns, model.action_columns, relative=model.relative)
    _, last = frames.first_and_last()
    stride = -(-len(frames) // _MEASURED)
    indexes = np.arange(0, len(frames), stride, dtype=np.int64)
    rows, valid = rows_ahead(frames, indexes, last, model.rows)
    found: NDArray[np.float32] = columns.to_relative(rows, frames.state[indexes])[valid]
    return found


def _pictures(stored: NDArray[np.uint8], indexes: NDArray[np.int64]) -> Tensor:
    """(B, T, 3, H, W), 0 to 1."""
    taken = torch.from_numpy(stored[indexes])
    return taken.permute(0, 1, 4, 2, 3).to(torch.float32) / 255.0
