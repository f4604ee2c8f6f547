# SPDX-License-Identifier: Apache-2.0
"""One episode on its way into a dataset: whole in a folder of its own, or not there at all.

Episodes are written side by side, by as many processes as there are, and joined at the end. One
that was cut off leaves only a folder with the ending ``.part``, which the next attempt replaces.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets.spec import Codec, DatasetSpec, ImageFeature, VectorFeature
from vla_policy.datasets.statistics import LEVELS, levels_of
from vla_policy.datasets.video import VideoWriter

NUMBERS, ABOUT = 'numbers.parquet', 'episode.json'
SAMPLED = 10
"""Every so many frames a picture counts for the statistics."""
TASK = 'task'
_ARROW = {
    'float32': pa.float32(),
    'float64': pa.float64(),
    'int32': pa.int32(),
    'int64': pa.int64(),
    'bool': pa.bool_(),
}

Frame = Mapping[str, NDArray[np.generic]]
"""Numbers and pictures by feature."""


@dataclass(frozen=True)
class Staged:
    """A whole episode.

    Attributes:
        folder: Where it is.
        length: Frames.
        labels: What else is known of it.
        levels: How many pixels have each level, by picture.
        sampled: Pictures that were counted, of each kind.
    """

    folder: Path
    length: int
    labels: Mapping[str, str]
    levels: Mapping[str, NDArray[np.int64]]
    sampled: int

    @classmethod
    def read(cls, folder: Path) -> 'Staged':
        """Read what is known of it."""
        about = json.loads((folder / ABOUT).read_text(encoding='utf-8'))
        levels = {key: np.array(each, np.int64) for key, each in about['levels'].items()}
        return cls(folder, about['length'], about['labels'], levels, about['sampled'])

    def numbers(self) -> pa.Table:
        """Its frames, pictures in them only where they are kept as PNG."""
        return pq.read_table(self.folder / NUMBERS)

    def video(self, number: int) -> Path:
        """File of the picture with this number in the dataset's order."""
        return video_file(self.folder, number)


def video_file(folder: Path, number: int) -> Path:
    """Pictures are numbered: their keys may be no names of files."""
    return folder / f'{number}.mp4'


class EpisodeWriter:
    """Takes frames; ``save`` makes the folder appear, ``discard`` leaves nothing."""

    def __init__(self, folder: Path, spec: DatasetSpec) -> None:
        """Begin.

        Args:
            folder: Where the episode will be; nothing may be there.
            spec: What each frame holds.
        """
        if spec.codec is Codec.AV1:
            raise VlaError(f'{folder}: {Codec.AV1} is read, not written; take {Codec.H264}')
        if folder.exists():
            raise VlaError(f'{folder} is there already; episodes are never overwritten')
        self._folder, self._part = folder, folder.with_name(folder.name + '.part')
        if self._part.exists():
            shutil.rmtree(self._part)
        self._part.mkdir(parents=True)
        self._spec = spec
        self._vectors: dict[str, list[NDArray[np.generic]]] = {v.key: [] for v in spec.vectors}
        self._pngs: dict[str, list[bytes]] = {image.key: [] for image in spec.images}
        self._levels = {image.key: np.zeros((3, LEVELS), np.int64) for image in spec.images}
        self._tasks: list[str] = []
        self._sampled = 0
        self._videos: dict[str, VideoWriter] = {}
        if spec.codec is not Codec.PNG:
            for number, image in enumerate(spec.images):
                path = video_file(self._part, number)
                self._videos[image.key] = VideoWriter(path, image.width, image.height, spec.fps)

    def __len__(self) -> int:
        """Frames so far."""
        return len(self._tasks)

    def add_frame(self, frame: Frame, task: str) -> None:
        """Append a frame.

        Args:
            frame: Every feature of the dataset, in its shape and type.
            task: The instruction at this time.

        Raises:
            VlaError: A feature is missing, unknown, or of another shape.
        """
        known = set(self._spec.keys)
        if frame.keys() != known:
            differing = ', '.join(sorted(frame.keys() ^ known))
            raise VlaError(f'frame {len(self)}: missing or unknown features: {differing}')
        for vector in self._spec.vectors:
            self._vectors[vector.key].append(self._checked(vector, frame[vector.key]))
        sample = len(self) % SAMPLED == 0
        for image in self._spec.images:
            self._add_picture(image, frame[image.key], sample)
        self._sampled += sample
        self._tasks.append(task)

    def save(self, labels: Mapping[str, str]) -> Staged:
        """Make the episode whole.

        Args:
            labels: What else is known of it.

        Raises:
            VlaError: It has no frames.
        """
        if not self._tasks:
            raise VlaError(f'{self._folder}: an episode without frames')
        for video in self._videos.values():
            video.close()
        self._videos = {}
        pq.write_table(self._table(), self._part / NUMBERS)
        about = {
            'length': len(self),
            'labels': dict(labels),
            'levels': {key: each.tolist() for key, each in self._levels.items()},
            'sampled': self._sampled,
        }
        (self._part / ABOUT).write_text(json.dumps(about), encoding='utf-8')
        self._part.rename(self._folder)
        return Staged.read(self._folder)

    def discard(self) -> None:
        """Leave nothing."""
        for video in self._videos.values():
            video.close()
        self._videos = {}
        shutil.rmtree(self._part)

    def _checked(self, vector: VectorFeature, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Numbers in the type that they are kept in."""
        if values.shape != (len(vector.names),):
            raise VlaError(
                f'frame {len(self)}: {vector.key}: shape {values.shape}; '
                f'the dataset has {len(vector.names)} columns: {", ".join(vector.names)}'
            )
        if not np.isfinite(values.astype(np.float64)).all():
            raise VlaError(f'frame {len(self)}: {vector.key}: {values.tolist()} is not finite')
        return values.astype(vector.dtype)

    def _add_picture(self, image: ImageFeature, pixels: NDArray[np.generic], sample: bool) -> None:
        shape = (image.height, image.width, 3)
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise VlaError(
                f'frame {len(self)}: {image.key}: {pixels.dtype} {pixels.shape}; '
                f'the dataset has uint8 {shape}'
            )
        picture = np.ascontiguousarray(pixels, dtype=np.uint8)
        if image.key in self._videos:
            self._videos[image.key].add(picture)
        else:
            _, png = cv2.imencode('.png', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            self._pngs[image.key].append(png.tobytes())
        if sample:
            self._levels[image.key] += levels_of(picture)

    def _table(self) -> pa.Table:
        columns: dict[str, pa.Array] = {}
        for vector in self._spec.vectors:
            values = np.array(self._vectors[vector.key])
            flat = pa.array(values.ravel(), _ARROW[vector.dtype])
            width = len(vector.names)
            columns[vector.key] = (
                flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)
            )
        if self._spec.codec is Codec.PNG:
            for key, pngs in self._pngs.items():
                parts = [pa.array(pngs, pa.binary()), pa.nulls(len(pngs), pa.string())]
                columns[key] = pa.StructArray.from_arrays(parts, ['bytes', 'path'])
        columns[TASK] = pa.array(self._tasks, pa.string())
        return pa.table(columns)
