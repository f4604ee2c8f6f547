# SPDX-License-Identifier: Apache-2.0
"""All pictures of a dataset decoded once, in files that are mapped into memory.

Training reads frames at random and many times over, which a video is bad at. Several processes
share the same memory.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.datasets import layout
from vla_policy.datasets.reader import Dataset

Pixels = NDArray[np.uint8]

_ABOUT = 'cache.json'


class ImageCache:
    """Pictures by key and index."""

    def __init__(
        self,
        dataset: Dataset,
        folder: Path,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Decode what is not decoded yet.

        Args:
            dataset: Whose pictures.
            folder: Where the files are, or will be: three bytes a pixel.
            progress: Told after each episode how many pictures were decoded in it.

        Raises:
            VlaError: The folder belongs to another dataset, or a picture cannot be read.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _agree(folder / _ABOUT, _fingerprint(dataset))
        self._arrays = {
            image.key: _decode(dataset, image.key, folder / f'{number}.npy', progress)
            for number, image in enumerate(dataset.spec.images)
        }

    def array(self, key: str) -> Pixels:
        """All pictures of a key: frames by rows by columns by red, green and blue. Read only."""
        return self._arrays[key]

    def image(self, key: str, index: int) -> Pixels:
        """One picture."""
        found: Pixels = self._arrays[key][index]
        return found


def _decode(dataset: Dataset, key: str, path: Path, progress: Callable[[int], None]) -> Pixels:
    """Fill the file of one key, unless it is there."""
    if not path.exists():
        image = next(each for each in dataset.spec.images if each.key == key)
        part = path.with_suffix('.part')
        shape = (len(dataset), image.height, image.width, 3)
        pixels = np.lib.format.open_memmap(part, mode='w+', dtype=np.uint8, shape=shape)
        for episode in dataset.episodes:
            for offset, found in enumerate(dataset.images(key, episode.first, episode.end)):
                pixels[episode.first + offset] = found
            progress(episode.length)
        pixels.flush()
        part.rename(path)
    mapped: Pixels = np.load(path, mmap_mode='r')
    return mapped


def _fingerprint(dataset: Dataset) -> dict[str, str]:
    """What is certain to differ between two datasets."""
    meta = (layout.INFO, layout.STATS)
    texts = [(dataset.folder / path).read_bytes() for path in meta]
    return {'sha256': hashlib.sha256(b''.join(texts)).hexdigest()}


def _agree(path: Path, wanted: dict[str, str]) -> None:
    if not path.exists():
        path.write_text(json.dumps(wanted), encoding='utf-8')
    elif json.loads(path.read_text(encoding='utf-8')) != wanted:
        raise VlaError(f'{path.parent} belongs to another dataset; delete it, or name another one')
