# SPDX-License-Identifier: Apache-2.0
"""Cells of a grid as few boxes, for those who know boxes only."""

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.int64]


def boxes_of(cells: Cells) -> tuple[Cells, Cells]:
    """Boxes that hold these cells, each once, and nothing else.

    Runs along x are joined, then equal runs side by side, then equal layers.

    Args:
        cells: N by 3.

    Returns:
        First cell of each box, and the one after its last, along x, y and z.
    """
    low = np.unique(np.asarray(cells, dtype=np.int64).reshape(-1, 3), axis=0)
    high = low + 1
    for axis in range(3):
        low, high = _joined(low, high, axis)
    return low, high


def _joined(low: Cells, high: Cells, axis: int) -> tuple[Cells, Cells]:
    """Boxes that continue each other along an axis, with equal faces, as one."""
    others = [other for other in range(3) if other != axis]
    faces = np.hstack([low[:, others], high[:, others]])
    order = np.lexsort((low[:, axis], *faces.T))
    low, high, faces = low[order], high[order], faces[order]
    follows = (low[1:, axis] == high[:-1, axis]) & (faces[1:] == faces[:-1]).all(axis=1)
    first = np.flatnonzero(np.concatenate([[True], ~follows])[: len(low)])
    last = np.concatenate([first[1:], [len(low)]])[: len(first)] - 1
    merged_low, merged_high = low[first], high[first].copy()
    merged_high[:, axis] = high[last, axis]
    return merged_low, merged_high
