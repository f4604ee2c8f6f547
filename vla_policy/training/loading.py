# SPDX-License-Identifier: Apache-2.0
"""Dataset folders → frames at hand. Pictures are decoded once, into files beside the datasets."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.policy import ImageInput, Policy
from vla_policy.datasets.layout import ACTION, DONE, HINTS, STATE
from vla_policy.datasets.reader import Dataset
from vla_policy.resize import resize
from vla_policy.training.frames import Frames
from vla_policy.training.pictures import StoredPictures

CACHE = 'cache'
Report = Callable[[str, int, int], None]
"""Told what is read, how many frames of it, and of how many."""


def load_frames(folders: Sequence[Path], policy: Policy, report: Report) -> Frames:
    """All frames of some datasets, as a policy file sees them.

    Raises:
        VlaError: A dataset is not whole, or has other columns, keys or rates than the policy.
    """
    return _load(folders, policy, report, acted=True)


def load_pairs(folders: Sequence[Path], policy: Policy, report: Report) -> Frames:
    """All pairs of pictures and a sentence, with their hints; their actions are zeros.

    Raises:
        VlaError: As load_frames, or there are no hints.
    """
    pairs = _load(folders, policy, report, acted=False)
    if not pairs.hints.shape[1]:
        raise VlaError(f'{folders[0]}: no {HINTS}, so that there is nothing to learn from pairs')
    return pairs


def _load(folders: Sequence[Path], policy: Policy, report: Report, *, acted: bool) -> Frames:
    datasets = [Dataset(folder) for folder in folders]
    for dataset in datasets:
        _refuse_misfit(dataset, policy, acted=acted)
    tasks = sorted({task for dataset in datasets for task in dataset.tasks.values()})
    number_of = {task: number for number, task in enumerate(tasks)}
    task = [number_of[d.task(index)] for d in datasets for index in range(len(d))]
    lengths = [episode.length for dataset in datasets for episode in dataset.episodes]
    images = {
        image.key: StoredPictures([_decoded(dataset, image, report) for dataset in datasets])
        for image in policy.images
    }
    for dataset in datasets:
        dataset.close()
    return Frames(
        images=images,
        state=np.concatenate([dataset.column(STATE) for dataset in datasets]),
        action=_action(datasets, policy, acted=acted),
        task=np.array(task, dtype=np.int64),
        tasks=tuple(tasks),
        episode=np.repeat(np.arange(len(lengths)), lengths),
        hints=_hints(datasets),
        done=_done(datasets),
    )


def _action(datasets: Sequence[Dataset], policy: Policy, *, acted: bool) -> NDArray[np.float32]:
    if not acted:
        return np.zeros((sum(map(len, datasets)), len(policy.action.columns)), np.float32)
    return np.concatenate([dataset.column(ACTION) for dataset in datasets])


def _done(datasets: Sequence[Dataset]) -> NDArray[np.bool_] | None:
    """Of all datasets, if all know it."""
    if not all(_has(dataset, DONE) for dataset in datasets):
        return None
    return np.concatenate([dataset.column(DONE).reshape(-1).astype(bool) for dataset in datasets])


def _has(dataset: Dataset, key: str) -> bool:
    return any(vector.key == key for vector in dataset.spec.vectors)


def _refuse_misfit(dataset: Dataset, policy: Policy, *, acted: bool) -> None:
    """A dataset of another contract teaches nonsense."""
    names = {vector.key: vector.names for vector in dataset.spec.vectors}
    wanted = {STATE: policy.state.columns}
    if acted:
        wanted[ACTION] = policy.action.columns
    for key, columns in wanted.items():
        found = names.get(key, ())
        if found != columns:
            raise VlaError(
                f'{dataset.folder}: {key} has the columns {", ".join(found) or "none"}; '
                f'{policy.name} has {", ".join(columns)}'
            )
    if dataset.spec.fps != policy.rate_hz:
        raise VlaError(
            f'{dataset.folder}: {dataset.spec.fps} frames a second; '
            f'{policy.name} has rate_hz: {policy.rate_hz:g}'
        )
    there = [image.key for image in dataset.spec.images]
    for image in policy.images:
        if image.key not in there:
            raise VlaError(f'{dataset.folder}: no {image.key}; it has {", ".join(there) or "none"}')


def _hints(datasets: Sequence[Dataset]) -> NDArray[np.float32]:
    """Of all datasets, if all have them."""
    if not all(_has(dataset, HINTS) for dataset in datasets):
        return np.zeros((sum(map(len, datasets)), 0), dtype=np.float32)
    return np.concatenate([dataset.column(HINTS) for dataset in datasets])


def _decoded(dataset: Dataset, image: ImageInput, report: Report) -> Path:
    """A file with the pictures of one key, made where there is none."""
    path = dataset.folder / CACHE / f'{image.key}-{image.width}x{image.height}.npy'
    shape = (len(dataset), image.height, image.width, 3)
    if path.is_file() and np.load(path, mmap_mode='r', allow_pickle=False).shape == shape:
        return path
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix('.new')
    pictures = open_memmap(new, mode='w+', dtype=np.uint8, shape=shape)
    for index, picture in enumerate(dataset.images(image.key, 0, len(dataset))):
        pictures[index] = resize(picture, image.width, image.height)
        report(image.key, index + 1, len(dataset))
    pictures.flush()
    new.replace(path)
    return path
