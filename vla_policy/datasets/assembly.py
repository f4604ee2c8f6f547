# SPDX-License-Identifier: Apache-2.0
"""Joins staged episodes to a LeRobotDataset v3.0: few large files, and what is known of them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets import layout
from vla_policy.datasets.spec import Codec, DatasetSpec
from vla_policy.datasets.staged import TASK, Staged
from vla_policy.datasets.statistics import Stats, Summary, merge_all, summary_of_levels
from vla_policy.datasets.video import join

_MB = 1_000_000
_PARTS = ('data', 'videos', 'meta')
"""Moved in this order: what says that a dataset is whole comes last."""


@dataclass(frozen=True)
class _Span:
    """Where an episode's pictures are.

    Attributes:
        file: Running number of the file.
        start: Frame in it at which the episode begins.
    """

    file: int
    start: int


@dataclass
class _Tasks:
    """Instructions by number, in the order in which they first appear."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, task: str) -> int:
        return self.numbers.setdefault(task, len(self.numbers))


def assemble(episodes: Sequence[Staged], spec: DatasetSpec, folder: Path) -> None:
    """Write the dataset; it appears whole.

    Args:
        episodes: In the order of their numbers.
        spec: What each frame holds.
        folder: Of the dataset.

    Raises:
        VlaError: There are no episodes.
    """
    if not episodes:
        raise VlaError(f'{folder}: no episodes, so no dataset')
    building = folder / '.assembling'
    if building.exists():
        shutil.rmtree(building)
    building.mkdir()
    spans = _write_videos(episodes, spec, building)
    rows, tasks, whole = _write_numbers(episodes, spec, building)
    for row, places in zip(rows, spans, strict=True):
        row.update(places)
    _write_meta(rows, tasks, whole, spec, building)
    for name in _PARTS:
        if (building / name).exists():
            if (folder / name).exists():  # left by a run that was cut off right here
                shutil.rmtree(folder / name)
            (building / name).rename(folder / name)
    shutil.rmtree(building)


def _write_videos(
    episodes: Sequence[Staged], spec: DatasetSpec, building: Path
) -> list[dict[str, Any]]:
    """Join the pictures; what the description of each episode says about them."""
    found: list[dict[str, Any]] = [{} for _ in episodes]
    if spec.codec is Codec.PNG:
        return found
    for number, image in enumerate(spec.images):
        parts = [(episode.video(number), episode.length) for episode in episodes]
        spans = _spans(parts)
        for file in range(spans[-1].file + 1):
            path = building / layout.video_path(image.key, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            chosen = [p for p, span in zip(parts, spans, strict=True) if span.file == file]
            join(chosen, path, spec.fps)
        for row, span, (_, length) in zip(found, spans, parts, strict=True):
            chunk, file = layout.place(span.file)
            row[f'videos/{image.key}/chunk_index'] = chunk
            row[f'videos/{image.key}/file_index'] = file
            row[f'videos/{image.key}/from_timestamp'] = span.start / spec.fps
            row[f'videos/{image.key}/to_timestamp'] = (span.start + length) / spec.fps
    return found


def _spans(parts: Sequence[tuple[Path, int]]) -> list[_Span]:
    """Fill one file after the other."""
    spans, file, start, size = [], 0, 0, 0
    for path, length in parts:
        own = path.stat().st_size
        if start and size + own > layout.VIDEO_FILE_MB * _MB:
            file, start, size = file + 1, 0, 0
        spans.append(_Span(file, start))
        start, size = start + length, size + own
    return spans


def _write_numbers(
    episodes: Sequence[Staged], spec: DatasetSpec, building: Path
) -> tuple[list[dict[str, Any]], _Tasks, dict[str, Stats]]:
    """Write the frames; what is known of each episode, the tasks, and all statistics."""
    tasks, rows, summaries = _Tasks(), [], []
    file, first, size = 0, 0, 0
    writer: pq.ParquetWriter | None = None
    for number, episode in enumerate(episodes):
        source = episode.numbers()
        table = _numbered(source, number, first, tasks, spec.fps)
        if writer is not None and size > layout.DATA_FILE_MB * _MB:
            writer.close()
            writer, file, size = None, file + 1, 0
        if writer is None:
            path = building / layout.data_path(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(path, table.schema, compression='snappy')
        writer.write_table(table, row_group_size=len(table))
        size += table.nbytes
        summary = _summaries(table, episode, spec)
        summaries.append(summary)
        rows.append(_described(number, episode, source, file, first))
        rows[-1] |= _flat(_stats(summary, [episode], spec))
        first += episode.length
    if writer is not None:
        writer.close()
    return rows, tasks, _stats(merge_all(summaries), episodes, spec)


def _numbered(source: pa.Table, number: int, first: int, tasks: _Tasks, fps: int) -> pa.Table:
    """An episode's frames with the columns that every dataset has."""
    length = len(source)
    frames = np.arange(length)
    numbers = [tasks.number(task) for task in source.column(TASK).to_pylist()]
    added = {
        'timestamp': frames / fps,
        'frame_index': frames,
        'episode_index': np.full(length, number),
        'index': first + frames,
        'task_index': np.array(numbers),
    }
    table = source.drop_columns([TASK])
    for name, dtype in layout.ADDED.items():
        table = table.append_column(name, pa.array(added[name].astype(dtype)))
    return table


def _described(
    number: int, episode: Staged, source: pa.Table, file: int, first: int
) -> dict[str, Any]:
    """What is known of an episode."""
    chunk, place = layout.place(file)
    return {
        'episode_index': number,
        'tasks': list(dict.fromkeys(source.column(TASK).to_pylist())),
        'length': episode.length,
        'dataset_from_index': first,
        'dataset_to_index': first + episode.length,
        'data/chunk_index': chunk,
        'data/file_index': place,
        'meta/episodes/chunk_index': 0,
        'meta/episodes/file_index': 0,
        **{f'labels/{key}': value for key, value in sorted(episode.labels.items())},
    }


def _summaries(table: pa.Table, episode: Staged, spec: DatasetSpec) -> dict[str, Summary]:
    """Of each feature of an episode."""
    found = {}
    for key in (*(vector.key for vector in spec.vectors), *layout.ADDED):
        column = table.column(key).combine_chunks()
        flat = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
        values = flat.to_numpy(zero_copy_only=False).reshape(len(table), -1)
        found[key] = Summary.of(values)
    found |= {key: summary_of_levels(levels) for key, levels in episode.levels.items()}
    return found


def _stats(
    summaries: dict[str, Summary], episodes: Sequence[Staged], spec: DatasetSpec
) -> dict[str, Stats]:
    """Statistics by feature; those of pictures count pictures and have the shape of a pixel."""
    found = {key: summary.stats() for key, summary in summaries.items()}
    sampled = sum(episode.sampled for episode in episodes)
    for image in spec.images:
        shaped = {
            name: each.reshape(3, 1, 1)
            for name, each in found[image.key].items()
            if name != 'count'
        }
        found[image.key] = {**shaped, 'count': np.array([float(sampled)])}
    return found


def _flat(stats: dict[str, Stats]) -> dict[str, Any]:
    """Statistics as columns of the description of an episode."""
    return {
        f'stats/{key}/{name}': _plain(name, values)
        for key, each in stats.items()
        for name, values in each.items()
    }


def _plain(name: str, values: NDArray[np.float64]) -> list[object]:
    """As lists; counts are whole numbers."""
    plain: list[object] = (values.astype(np.int64) if name == 'count' else values).tolist()
    return plain


def _write_meta(
    rows: list[dict[str, Any]],
    tasks: _Tasks,
    whole: dict[str, Stats],
    spec: DatasetSpec,
    building: Path,
) -> None:
    """Everything but frames and pictures."""
    path = building / layout.episodes_path(0)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path, compression='snappy')
    pq.write_table(_task_table(tasks), building / layout.TASKS, compression='snappy')
    stats = {
        key: {name: _plain(name, values) for name, values in each.items()}
        for key, each in whole.items()
    }
    _write_json(stats, building / layout.STATS)
    info = {
        'codebase_version': layout.VERSION,
        'robot_type': spec.robot_type,
        'total_episodes': len(rows),
        'total_frames': rows[-1]['dataset_to_index'],
        'total_tasks': len(tasks.numbers),
        'chunks_size': layout.CHUNK_FILES,
        'data_files_size_in_mb': layout.DATA_FILE_MB,
        'video_files_size_in_mb': layout.VIDEO_FILE_MB,
        'fps': spec.fps,
        'splits': {'train': f'0:{len(rows)}'},
        'data_path': layout.DATA_PATH,
        'video_path': layout.VIDEO_PATH if _has_video(spec) else None,
        'features': spec.features(),
    }
    _write_json(info, building / layout.INFO)


def _has_video(spec: DatasetSpec) -> bool:
    return bool(spec.images) and spec.codec is not Codec.PNG


def _task_table(tasks: _Tasks) -> pa.Table:
    """Numbers of tasks, indexed by their text as pandas does it."""
    table = pa.table(
        {
            'task_index': pa.array(list(tasks.numbers.values()), pa.int64()),
            TASK: pa.array(list(tasks.numbers), pa.string()),
        }
    )
    kinds = ((TASK, 'unicode', 'object'), ('task_index', 'int64', 'int64'))
    columns = [
        {
            'name': name,
            'field_name': name,
            'pandas_type': kind,
            'numpy_type': stored,
            'metadata': None,
        }
        for name, kind, stored in kinds
    ]
    told = {
        'index_columns': [TASK],
        'column_indexes': [],
        'columns': columns,
        'creator': {'library': 'pyarrow', 'version': pa.__version__},
        'pandas_version': '2.0.0',
    }
    return table.replace_schema_metadata({'pandas': json.dumps(told)})


def _write_json(document: object, path: Path) -> None:
    path.write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
