# SPDX-License-Identifier: Apache-2.0
"""Pictures on disk, read one by one."""

import os
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_magic
from numpy.typing import NDArray

from vla_contract.errors import VlaError


class StoredPictures:
    """Pictures (N, H, W, 3) of some .npy files, one file after another, taken as from an array.

    A mapped file would do, but the kernel then reads what lies around each picture as well: twenty
    times as much, which is slow where a dataset is larger than the memory.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open files whose pictures have the same size."""
        self._files = [_File(path) for path in paths]
        self._starts = np.cumsum([0, *(file.shape[0] for file in self._files)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of them, as one array."""
        return int(self._starts[-1]), *self._files[0].shape[1:]

    def __getitem__(self, indexes: int | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures at an index, or at indexes of any shape: an array of that shape and theirs."""
        flat = np.asarray(indexes).reshape(-1)
        taken = np.empty((flat.size, *self.shape[1:]), np.uint8)
        of_file = np.searchsorted(self._starts, flat, side='right') - 1
        for place, (index, number) in enumerate(zip(flat, of_file, strict=True)):
            self._files[number].read(int(index - self._starts[number]), taken[place])
        return taken.reshape(*np.shape(indexes), *self.shape[1:])


class _File:
    """One .npy file of bytes.

    Attributes:
        shape: Of its array.
    """

    def __init__(self, path: Path) -> None:
        """Open it, for as long as this object lives."""
        self._path, file = path, path.open('rb', buffering=0)
        self._close = weakref.finalize(self, file.close)
        read_magic(file)
        self.shape, _, _ = read_array_header_1_0(file)
        self._begin, self._number = file.tell(), file.fileno()
        os.posix_fadvise(self._number, 0, 0, os.POSIX_FADV_RANDOM)

    def read(self, index: int, picture: NDArray[np.uint8]) -> None:
        """Read one picture into an array of its own."""
        size = picture.nbytes
        if os.preadv(self._number, [picture.data], self._begin + index * size) != size:
            raise VlaError(
                f'{self._path} ends in or before picture {index}; delete it, to decode anew'
            )
