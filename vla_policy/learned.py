# SPDX-License-Identifier: Apache-2.0
"""A model of ours as a policy: observation → normalised tensors → model → rows in the file's units.

Brings torch with it, which other policies do not need.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vla_contract.errors import VlaError
from vla_contract.execution import PrefixConditioning
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_policy.checkpoint import load_checkpoint
from vla_policy.execution.chunking import Guidance
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.models.reader import Reader, reader_of
from vla_policy.models.relative import RelativeColumns
from vla_policy.models.tensors import Context, Inputs
from vla_policy.policy import Rows

Array = NDArray[np.float64]

DONE_ANSWERS = 3
"""The task is over when so many answers in a row say that it is done: one may err."""


class Learned:
    """A checkpoint that answers. Guided, conditioned or at two rates where its head can be."""

    def __init__(
        self, policy: PolicyFile, folder: Path, seed: int = 0, reader: Reader | None = None
    ) -> None:
        """Load a checkpoint.

        Args:
            policy: Agrees with the checkpoint's contract (vla_policy/learned_file.py).
            folder: Of the checkpoint.
            seed: Of what is drawn. Each answer begins with the same draws: then answers to
                questions that are alike are alike, and follow each other without a jump.
            reader: Of instructions; without it, that of the model.

        Raises:
            VlaError: It cannot be loaded.
        """
        found = load_checkpoint(folder)
        self._config, self._vla = found.config, found.vla
        self._state, self._action = found.normalizers['state'], found.normalizers['action']
        self._relative = RelativeColumns(
            self._config.state_columns, self._config.action_columns, relative=self._config.relative
        )
        self._continues = isinstance(policy.execution, PrefixConditioning)
        self._device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self._vla.to(self._device)
        self._seed = seed
        self._generator = Generator(self._device)
        self._reader = reader or reader_of(self._config)
        self._instruction = ''
        self._frames: list[Observation] = []
        self._done = 0

    def reset(self, instruction: str) -> None:
        """Forget what came before and start on an instruction."""
        self._frames.clear()
        self._instruction, self._done = instruction, 0

    def infer(self, observation: Observation, prefix: Array) -> Rows:
        """Answer an observation; the prefix counts where the policy file's strategy says so."""
        given: Prefix | None = None
        if self._continues and len(prefix):
            most = self._vla.head.prefix_rows
            given = Prefix(self._normalised(prefix[:most], observation))
        return self._answer(observation, given)

    def infer_guided(self, observation: Observation, guidance: Guidance) -> Rows:
        """Answer in agreement with what is left of the last answer."""
        target, weights = guidance.filled(self._config.rows)
        guide = Guide(
            self._normalised(target, observation),
            torch.from_numpy(weights).to(self._device, torch.float32),
            guidance.beta,
        )
        return self._answer(observation, guide)

    def encode(self, observation: Observation) -> Context:
        """Look at an observation, for the head to act on."""
        with torch.no_grad():
            return self._vla.encode(self._inputs(observation))

    def act(self, latent: Context, seen_ns: int, observation: Observation) -> Rows:
        """Answer by what was seen, where the arm is now.

        The head was trained on contexts of its own moment: rows are relative to the state then.
        """
        del seen_ns
        return self._rows(latent, observation, None)

    def _answer(self, observation: Observation, guide: Guide | Prefix | None) -> Rows:
        return self._rows(self.encode(observation), observation, guide)

    def _rows(
        self, context: Context, observation: Observation, guide: Guide | Prefix | None
    ) -> Rows:
        self._generator.manual_seed(self._seed)
        with torch.no_grad():
            rows = self._vla.head.sample(context, self._generator, guide)
            done = self._vla.done is not None and bool(self._vla.done(context.summary) > 0.0)
        self._done = self._done + 1 if done else 0
        return Rows(self._denormalised(rows, observation), finished=self._done >= DONE_ANSWERS)

    def _inputs(self, observation: Observation) -> Inputs:
        """The newest frames as the model takes them."""
        if self._frames and observation.stamp_ns < self._frames[-1].stamp_ns:
            self._frames.clear()  # the clock went back: that was another world
        self._frames = [*self._frames, observation][-self._config.history :]
        missing = self._config.history - len(self._frames)
        frames = [self._frames[0]] * missing + self._frames
        state = np.stack([self._state.to_unit(frame.state) for frame in frames])
        images = {
            image.key: torch.stack([self._picture(frame, image.key) for frame in frames])[None]
            for image in self._config.images
        }
        felt = torch.from_numpy(state.astype(np.float32)).to(self._device)[None]
        return self._reader.inputs(images, felt, [self._instruction])

    def _picture(self, observation: Observation, key: str) -> Tensor:
        pixels = observation.images.get(key)
        if pixels is None:
            raise VlaError(f'the observation has no {key}, which the model looks at')
        found = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        return found.permute(2, 0, 1).to(torch.float32) / 255.0

    def _normalised(self, rows: Array, observation: Observation) -> Tensor:
        """Rows of the policy file as the head knows them."""
        wanted = self._relative.to_relative(rows, observation.state)
        unit = self._action.to_unit(wanted).astype(np.float32)
        return torch.from_numpy(unit).to(self._device)[None]

    def _denormalised(self, rows: Tensor, observation: Observation) -> Array:
        """A head's rows in the policy file's units."""
        values = self._action.from_unit(rows[0].double().cpu().numpy())
        found: Array = self._relative.to_absolute(values, observation.state)
        return found
