# SPDX-License-Identifier: Apache-2.0
"""Pictures that stay on disk, beside an array of the same ones."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_policy.training.pictures import StoredPictures


def some(count: int) -> NDArray[np.uint8]:
    """Pictures that differ."""
    return np.random.default_rng(count).integers(0, 256, (count, 4, 6, 3)).astype(np.uint8)


def test_pictures_of_several_files_are_taken_as_from_one_array(tmp_path: Path) -> None:
    """Single ones, lists, and histories of several frames each."""
    parts = [some(count) for count in (3, 1, 5)]
    paths = [tmp_path / f'{number}.npy' for number in range(3)]
    for path, part in zip(paths, parts, strict=True):
        np.save(path, part)
    known, stored = np.concatenate(parts), StoredPictures(paths)
    assert stored.shape == known.shape
    for wanted in (np.array(4), np.array([8, 0, 3, 3, 2]), np.array([[0, 1], [7, 8]])):
        np.testing.assert_array_equal(stored[wanted], known[wanted])


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    """A half picture teaches nothing good."""
    path = tmp_path / 'cut.npy'
    np.save(path, some(3))
    path.write_bytes(path.read_bytes()[:-5])
    stored = StoredPictures([path])
    assert stored[np.array([1])].shape == (1, 4, 6, 3)
    with pytest.raises(VlaError, match=r'cut\.npy ends in or before picture 2'):
        stored[np.array([2])]
