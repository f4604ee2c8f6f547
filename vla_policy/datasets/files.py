# SPDX-License-Identifier: Apache-2.0
"""The files of a dataset as plain values; whatever is wrong with one is an error that names it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets import layout


def read_info(folder: Path) -> dict[str, Any]:
    """``meta/info.json`` of a finished dataset of our version."""
    path = folder / layout.INFO
    if not path.is_file():
        raise VlaError(
            f'{folder}: no {layout.INFO}: no dataset, or an unfinished one; run the command that '
            'began it again'
        )
    info = read_json(path)
    missing = [key for key in ('features', 'fps', 'total_frames') if key not in info]
    if missing:
        raise VlaError(f'{path}: says nothing of {", ".join(missing)}; copy the dataset again')
    version = info.get('codebase_version')
    if version != layout.VERSION:
        raise VlaError(f'{path}: codebase_version: {version}; {layout.VERSION} is read here')
    return info


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise VlaError(f'{path}: cannot be read: {error}') from error
    if not isinstance(found, dict):
        raise VlaError(f'{path}: is no JSON object')
    return found


def read_tasks(folder: Path) -> dict[int, str]:
    """Instructions by number."""
    table = read_table(folder / layout.TASKS)
    numbers = table.column('task_index').to_pylist()
    texts = next(name for name in table.column_names if name != 'task_index')
    return dict(zip(numbers, table.column(texts).to_pylist(), strict=True))


def read_all(folder: Path, below: str, columns: list[str] | None = None) -> pa.Table:
    """All Parquet files below a folder, as one table."""
    paths = sorted((folder / below).glob('*/*.parquet'))
    if not paths:
        raise VlaError(f'{folder / below}: has no Parquet files; copy the dataset again')
    table = pa.concat_tables([read_table(path, columns) for path in paths])
    missing = set(columns or ()) - set(table.column_names)
    if missing:
        raise VlaError(f'{folder / below}: has no columns {", ".join(sorted(missing))}')
    return table


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file, or some of its columns."""
    try:
        return pq.ParquetFile(path).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise VlaError(f'{path}: cannot be read: {error}') from error


def matrix(table: pa.Table, key: str) -> NDArray[np.float32]:
    """A column of vectors or of single numbers as frames by columns."""
    column = table.column(key).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    listed = pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type)
    flat = column.flatten() if listed else column
    numbers: NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).astype(np.float32)
    return numbers.reshape(len(table), -1)
