# SPDX-License-Identifier: Apache-2.0
"""Writes a dataset: episode by episode into a staging folder, joined when all are there.

A run that was cut off goes on where it stopped, if it is told the same recipe. Nothing that is
there is ever overwritten.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vla_contract.errors import VlaError
from vla_policy.datasets.assembly import assemble
from vla_policy.datasets.layout import INFO
from vla_policy.datasets.spec import DatasetSpec
from vla_policy.datasets.staged import EpisodeWriter, Frame, Staged

STAGING = '.staging'


class DatasetWriter:
    """A dataset in the making.

    Frames come one by one into one episode at a time (``add_frame``, ``save_episode``), or other
    processes write whole episodes with writers of their own (``episode``).
    """

    def __init__(
        self, folder: Path, spec: DatasetSpec, recipe: Mapping[str, Any] | None = None
    ) -> None:
        """Begin, or go on with what an earlier run left.

        Args:
            folder: Of the dataset; empty, not there, or left by a run with the same recipe.
            spec: What each frame holds.
            recipe: What else the frames depend on, plain values for JSON: a run with another one
                cannot go on.

        Raises:
            VlaError: A dataset or something else is there, or it was begun by another recipe.
        """
        self._folder, self._spec = folder, spec
        self._staging = folder / STAGING
        self._refuse_others()
        self._staging.mkdir(parents=True, exist_ok=True)
        self._agree(
            {'fps': spec.fps, 'robot_type': spec.robot_type, 'features': spec.features()},
            'features',
        )
        if recipe is not None:
            self._agree(recipe, 'recipe')
        self._open: EpisodeWriter | None = None

    @property
    def staging(self) -> Path:
        """Folder for notes of whoever makes the episodes; it goes when the dataset is finished."""
        return self._staging

    def staged(self, name: str) -> Staged | None:
        """An episode that is whole already."""
        folder = self._staging / name
        return Staged.read(folder) if folder.is_dir() else None

    def episode(self, name: str) -> EpisodeWriter:
        """A writer of one more episode, for this process or another."""
        return EpisodeWriter(self._staging / name, self._spec)

    def add_frame(self, frame: Frame, task: str) -> None:
        """Append a frame to the episode that is being written.

        Raises:
            VlaError: A feature is missing, unknown, or of another shape.
        """
        if self._open is None:
            self._open = self.episode(_name(self._whole()))
        self._open.add_frame(frame, task)

    def save_episode(self, labels: Mapping[str, str] | None = None) -> Staged:
        """Finish the episode that is being written; the next frame begins another one.

        Raises:
            VlaError: It has no frames.
        """
        if self._open is None:
            raise VlaError(f'{self._folder}: an episode without frames')
        saved = self._open.save(labels or {})
        self._open = None
        return saved

    def discard_episode(self) -> None:
        """Forget the episode that is being written."""
        if self._open is not None:
            self._open.discard()
            self._open = None

    def finish(self, names: Sequence[str] | None = None) -> None:
        """Join the episodes to the dataset.

        Args:
            names: Which, in this order; all that were saved here one after the other, if not said.

        Raises:
            VlaError: There are none.
        """
        self.discard_episode()
        chosen = [_name(number) for number in range(self._whole())] if names is None else names
        assemble([Staged.read(self._staging / name) for name in chosen], self._spec, self._folder)
        shutil.rmtree(self._staging)

    def _whole(self) -> int:
        """Episodes that are whole, of those written one after the other."""
        number = 0
        while (self._staging / _name(number)).is_dir():
            number += 1
        return number

    def _refuse_others(self) -> None:
        """Write only where nothing is, or where a run of ours was cut off."""
        if (self._folder / INFO).exists():
            raise VlaError(
                f'{self._folder} is a finished dataset, and datasets are never overwritten; '
                'name another folder, or delete it'
            )
        if self._folder.exists() and not self._staging.is_dir():
            found = next(self._folder.iterdir(), None) if self._folder.is_dir() else self._folder
            if found is not None:
                raise VlaError(f'{self._folder} is not empty: {found.name}; name another folder')

    def _agree(self, wanted: Mapping[str, Any], name: str) -> None:
        """Write down what the frames depend on, or compare with what an earlier run wrote."""
        path = self._staging / f'{name}.json'
        plain = json.loads(json.dumps(dict(wanted)))
        if not path.exists():
            part = path.with_suffix('.part')
            part.write_text(json.dumps(plain, indent=2), encoding='utf-8')
            part.rename(path)
            return
        before = json.loads(path.read_text(encoding='utf-8'))
        for key in [*before, *plain]:
            if before.get(key) != plain.get(key):
                raise VlaError(
                    f'{self._folder} was begun with {key} {before.get(key)}, and now it is '
                    f'{plain.get(key)}; ask for the same to go on, or name another folder'
                )


def _name(number: int) -> str:
    return f'episode-{number:06d}'
