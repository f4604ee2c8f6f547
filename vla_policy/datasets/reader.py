# SPDX-License-Identifier: Apache-2.0
"""Reads a LeRobotDataset v3.0 folder: any frame, with the actions that follow it.

Numbers are in memory from the start; pictures are decoded when they are asked for.
"""

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets import layout
from vla_policy.datasets.files import matrix, read_all, read_info, read_json, read_tasks
from vla_policy.datasets.spec import Codec, DatasetSpec, spec_from_info
from vla_policy.datasets.video import VideoReader

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float32]

_OPEN_FILES = 8
"""Videos that are kept open at a time."""


@dataclass(frozen=True)
class Episode:
    """One episode.

    Attributes:
        number: From 0.
        first: Index of its first frame in the dataset.
        length: Frames.
        tasks: Its instructions.
        labels: What else its maker knew of it.
    """

    number: int
    first: int
    length: int
    tasks: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def end(self) -> int:
        """Index after its last frame."""
        return self.first + self.length


@dataclass(frozen=True)
class Sample:
    """One frame, and what was done from there on.

    Attributes:
        images: By key: rows by columns by red, green and blue.
        state: In the columns of the dataset; empty where it has none.
        actions: Rows by columns; row 0 is that of the frame. The last one of the episode goes on.
        valid: By row: is it one of the episode?
        task: The instruction at this frame.
        episode: Number of the episode.
        index: Of the frame in the dataset.
    """

    images: Mapping[str, Pixels]
    state: Numbers
    actions: Numbers
    valid: NDArray[np.bool_]
    task: str
    episode: int
    index: int


class Dataset:
    """A dataset on disk. Belongs to one thread; other processes open it anew when they get it.

    Attributes:
        folder: Where it is.
        spec: What each frame holds.
        episodes: In order.
        tasks: Instructions by number.
    """

    def __init__(self, folder: Path, rows: int = 1) -> None:
        """Read all but the pictures.

        Args:
            folder: Of the dataset.
            rows: Of actions in a sample.

        Raises:
            VlaError: It is unfinished, of another version, or not whole.
        """
        self.folder, self.rows = folder, rows
        info = read_info(folder)
        self.spec: DatasetSpec = spec_from_info(info, str(folder / layout.INFO))
        self._video_path = str(info.get('video_path') or '')
        self.tasks = read_tasks(folder)
        rows_of_episodes = read_all(folder, 'meta/episodes').to_pylist()
        self._described = sorted(rows_of_episodes, key=lambda row: int(row['episode_index']))
        self.episodes = tuple(_episode(row) for row in self._described)
        self._starts = [episode.first for episode in self.episodes]
        keys = [*(vector.key for vector in self.spec.vectors), 'task_index', 'index']
        if self.spec.codec is Codec.PNG:
            keys += [image.key for image in self.spec.images]
        self._table = read_all(folder, 'data', keys).sort_by('index')
        self._check(int(info['total_frames']))
        self._columns = {
            vector.key: matrix(self._table, vector.key) for vector in self.spec.vectors
        }
        self._task_index = self._table.column('task_index').to_numpy()
        self._videos: dict[Path, VideoReader] = {}

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self._table)

    def __getitem__(self, index: int) -> Sample:
        """A frame by its index in the dataset, pictures included.

        Raises:
            IndexError: There is none.
            VlaError: A picture cannot be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'frame {index} of {len(self)}')
        images = {image.key: self.image(image.key, index) for image in self.spec.images}
        return self.sample(index, images)

    def __getstate__(self) -> dict[str, object]:
        """Open files stay in this process."""
        return {**self.__dict__, '_videos': {}}

    def sample(self, index: int, images: Mapping[str, Pixels]) -> Sample:
        """A frame whose pictures are known already."""
        episode = self.episode_of(index)
        state = self._columns.get(layout.STATE)
        actions, valid = self.chunk(index)
        return Sample(
            images,
            np.empty(0, np.float32) if state is None else state[index],
            actions,
            valid,
            self.task(index),
            episode.number,
            index,
        )

    def column(self, key: str) -> Numbers:
        """All frames' numbers of a feature, frames by columns.

        Raises:
            VlaError: The dataset has no such feature.
        """
        if key not in self._columns:
            raise VlaError(
                f'{self.folder}: has no numbers called {key}; it has {", ".join(self._columns)}'
            )
        return self._columns[key]

    def chunk(self, index: int) -> tuple[Numbers, NDArray[np.bool_]]:
        """The rows of actions that begin at a frame, and which of them the episode has."""
        end = self.episode_of(index).end
        wanted = index + np.arange(self.rows)
        return self.column(layout.ACTION)[np.minimum(wanted, end - 1)], wanted < end

    def history(self, index: int, length: int) -> NDArray[np.int64]:
        """Indices of a frame and those before it, oldest first; the episode's first one repeats."""
        wanted = index - np.arange(length)[::-1]
        return np.maximum(wanted, self.episode_of(index).first)

    def task(self, index: int) -> str:
        """The instruction at a frame."""
        return self.tasks[int(self._task_index[index])]

    def episode_of(self, index: int) -> Episode:
        """The episode that a frame is in."""
        return self.episodes[bisect.bisect_right(self._starts, index) - 1]

    def image(self, key: str, index: int) -> Pixels:
        """One picture of one frame.

        Raises:
            VlaError: It cannot be read.
        """
        return next(self.images(key, index, index + 1))

    def images(self, key: str, start: int, stop: int) -> Iterator[Pixels]:
        """Pictures of frames from start to before stop, in order: much faster than one by one.

        Raises:
            VlaError: One cannot be read.
        """
        for index in range(start, stop):
            if self.spec.codec is Codec.PNG:
                yield _decoded(self._table.column(key)[index]['bytes'].as_py(), key, index)
            else:
                episode = self.episode_of(index)
                row = self._described[episode.number]
                begin = round(row[f'videos/{key}/from_timestamp'] * self.spec.fps)
                yield self._video(key, row).frame(begin + index - episode.first)

    def stats(self) -> dict[str, dict[str, Any]]:
        """As in ``meta/stats.json``."""
        return dict(read_json(self.folder / layout.STATS))

    def close(self) -> None:
        """Close the videos."""
        for video in self._videos.values():
            video.close()
        self._videos.clear()

    def _video(self, key: str, row: Mapping[str, Any]) -> VideoReader:
        """The file of an episode's pictures, kept open for the next ones."""
        path = self.folder / self._video_path.format(
            video_key=key,
            chunk_index=row[f'videos/{key}/chunk_index'],
            file_index=row[f'videos/{key}/file_index'],
        )
        if path not in self._videos:
            if len(self._videos) >= _OPEN_FILES:
                self._videos.pop(next(iter(self._videos))).close()
            self._videos[path] = VideoReader(path, self.spec.fps)
        return self._videos[path]

    def _check(self, frames: int) -> None:
        """Refuse a dataset of which something is missing."""
        told = sum(episode.length for episode in self.episodes)
        if not len(self._table) == told == frames:
            raise VlaError(
                f'{self.folder}: {layout.INFO} tells of {frames} frames, the episodes of {told}, '
                f'and data/ has {len(self._table)}; copy the dataset again'
            )


def _episode(row: Mapping[str, Any]) -> Episode:
    labels = {
        key.removeprefix('labels/'): value
        for key, value in row.items()
        if key.startswith('labels/') and value is not None
    }
    first, length = int(row['dataset_from_index']), int(row['length'])
    return Episode(int(row['episode_index']), first, length, tuple(row['tasks']), labels)


def _decoded(png: bytes, key: str, index: int) -> Pixels:
    found = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise VlaError(f'{key}: the picture of frame {index} is broken')
    return cv2.cvtColor(found, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
