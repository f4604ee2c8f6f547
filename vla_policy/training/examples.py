# SPDX-License-Identifier: Apache-2.0
"""Frames → batches, each a pure function of seed, step and part: training resumes exactly."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vla_policy.models.config import ModelConfig
from vla_policy.models.reader import Reader
from vla_policy.models.relative import RelativeColumns
from vla_policy.models.tensors import Inputs
from vla_policy.normalization import Normalizer
from vla_policy.training.augmentation import augment
from vla_policy.training.frames import Frames, history_of, rows_ahead
from vla_policy.training.learner import Batch
from vla_policy.training.pictures import StoredPictures
from vla_policy.training.questions import Questions
from vla_policy.training.recipe import Recipe

STATE, ACTION, HINTS = 'state', 'action', 'hints'
Picked = tuple[Frames, NDArray[np.int64]]
_MEASURED = 20_000
"""Frames whose rows ahead are measured at most, to normalise relative rows."""


class Examples:
    """Draws batches: frames that were acted out and, by the recipe's share, pairs after them."""

    def __init__(
        self,
        acted: Frames,
        model: ModelConfig,
        recipe: Recipe,
        normalizers: Mapping[str, Normalizer],
        reader: Reader,
        pairs: Frames | None = None,
        questions: Questions | None = None,
    ) -> None:
        """Draw for a model.

        Args:
            acted: Demonstrations.
            model: Says what it sees and answers.
            recipe: Size of batches, seed, and changes.
            normalizers: Of ``state``, ``action`` (relative where the model is) and ``hints``.
            reader: Reads instructions for the model.
            pairs: Pictures and sentences alone, with their hints.
            questions: About pictures, with answers.
        """
        self._acted, self._pairs, self._reader = acted, pairs, reader
        self._model, self._recipe, self._questions = model, recipe, questions
        self._normalizers = normalizers
        self._relative = RelativeColumns(
            model.state_columns, model.action_columns, relative=model.relative
        )

    def draw(self, step: int, part: int) -> Batch:
        """One part of a step's batch."""
        size = self._recipe.batch // self._recipe.parts
        seed = seed_of(self._recipe.seed, step, part)
        rng, generator = np.random.default_rng(seed), Generator().manual_seed(seed)
        paired = 0 if self._pairs is None else round(self._recipe.pairs * size)
        acted = rng.integers(len(self._acted), size=size - paired)
        pairs = rng.integers(len(self._pairs), size=paired) if self._pairs is not None else None
        batch = self.take(acted, generator, pairs)
        if self._questions is None:
            return batch
        asked = max(1, round(self._recipe.questions * size))
        picked = rng.integers(len(self._questions), size=asked)
        return replace(batch, questions=self._questions.take(picked))

    def take(
        self,
        acted: NDArray[np.int64],
        generator: Generator | None,
        paired: NDArray[np.int64] | None = None,
    ) -> Batch:
        """A batch of these frames and pairs; without a generator, as they are."""
        frames = self._acted
        rows, valid = rows_ahead(frames, acted, self._model.rows)
        done = np.zeros(len(acted), bool) if frames.done is None else frames.done[acted]
        seen = [(self._acted, acted)]
        if paired is not None and self._pairs is not None:
            seen.append((self._pairs, paired))
        felt = self._felt(seen, generator)
        wanted = self._relative.to_relative(rows, felt[: len(acted), -1])
        hints = np.concatenate([each.hints[indexes] for each, indexes in seen])
        return Batch(
            inputs=self._inputs(seen, felt, generator),
            actions=torch.from_numpy(self._unit(ACTION, wanted)),
            valid=torch.from_numpy(valid),
            done=torch.from_numpy(done.astype(np.float32)),
            hints=torch.from_numpy(self._unit(HINTS, hints)),
        )

    def _felt(self, seen: list[Picked], generator: Generator | None) -> NDArray[np.float32]:
        """The state (B, T, S) as the model feels it.

        Relative rows are differences from what is felt, as they are when the model answers. From
        a state that it is not told, they could be known no better than the noise.
        """
        history = self._model.history
        felt = np.concatenate([each.state[history_of(each, at, history)] for each, at in seen])
        noise = self._recipe.augmentation.state_noise
        if generator is None or not noise or STATE not in self._normalizers:
            return felt
        drawn = torch.randn(felt.shape, generator=generator).numpy()
        unit = self._unit(STATE, felt) + noise * drawn
        return np.asarray(self._normalizers[STATE].from_unit(unit), np.float32)

    def _inputs(
        self, seen: list[Picked], felt: NDArray[np.float32], generator: Generator | None
    ) -> Inputs:
        """What the model sees of all of them."""
        history = self._model.history
        past = [(each, history_of(each, indexes, history)) for each, indexes in seen]
        images = {
            image.key: torch.cat([_pictures(each.images[image.key], at) for each, at in past])
            for image in self._model.images
        }
        state = torch.from_numpy(self._unit(STATE, felt))
        if generator is not None:
            amount = self._recipe.augmentation
            images = {key: augment(each, amount, generator) for key, each in images.items()}
        tasks = [each.tasks[number] for each, indexes in seen for number in each.task[indexes]]
        return self._reader.inputs(images, state, tasks)

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
    stride = -(-len(frames) // _MEASURED)
    indexes = np.arange(0, len(frames), stride, dtype=np.int64)
    rows, valid = rows_ahead(frames, indexes, model.rows)
    found: NDArray[np.float32] = columns.to_relative(rows, frames.state[indexes])[valid]
    return found


def _pictures(stored: NDArray[np.uint8] | StoredPictures, indexes: NDArray[np.int64]) -> Tensor:
    """(B, T, 3, H, W), 0 to 1."""
    taken = torch.from_numpy(stored[indexes])
    return taken.permute(0, 1, 4, 2, 3).to(torch.float32) / 255.0
