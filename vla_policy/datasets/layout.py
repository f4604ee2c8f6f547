# SPDX-License-Identifier: Apache-2.0
"""Names, paths and limits of LeRobotDataset v3.0 on disk."""

from pathlib import Path

VERSION = 'v3.0'
STATE, ACTION = 'observation.state', 'action'
"""What training looks for."""
HINTS, DONE = 'hints', 'next.done'
"""What only a simulator knows, and whether the task is done; both may be missing."""
CHUNK_FILES = 1000
DATA_FILE_MB, VIDEO_FILE_MB = 100, 200
"""A file that has reached this is followed by another one."""

INFO = Path('meta/info.json')
STATS = Path('meta/stats.json')
TASKS = Path('meta/tasks.parquet')
_PLACE = 'chunk-{chunk_index:03d}/file-{file_index:03d}'
EPISODES_PATH = f'meta/episodes/{_PLACE}.parquet'
DATA_PATH = f'data/{_PLACE}.parquet'
VIDEO_PATH = f'videos/{{video_key}}/{_PLACE}.mp4'

ADDED = {
    'timestamp': 'float32',
    'frame_index': 'int64',
    'episode_index': 'int64',
    'index': 'int64',
    'task_index': 'int64',
}
"""Columns that every dataset has beside its own, with their types."""


def place(number: int) -> tuple[int, int]:
    """Chunk and file of the file with this running number."""
    return number // CHUNK_FILES, number % CHUNK_FILES


def data_path(number: int) -> Path:
    """Of a file of numbers, relative to the dataset."""
    chunk, file = place(number)
    return Path(DATA_PATH.format(chunk_index=chunk, file_index=file))


def episodes_path(number: int) -> Path:
    """Of a file that describes episodes, relative to the dataset."""
    chunk, file = place(number)
    return Path(EPISODES_PATH.format(chunk_index=chunk, file_index=file))


def video_path(key: str, number: int) -> Path:
    """Of a file of pictures, relative to the dataset."""
    chunk, file = place(number)
    return Path(VIDEO_PATH.format(video_key=key, chunk_index=chunk, file_index=file))
