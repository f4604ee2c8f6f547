# SPDX-License-Identifier: Apache-2.0
"""All frames of some datasets as arrays, so that any of them is at hand without decoding."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_policy.training.pictures import StoredPictures

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """N frames, those of an episode side by side and in order.

    Attributes:
        images: By the policy's key: (N, H, W, 3) uint8, in memory or on disk.
        state: (N, S) float32, in the policy's units.
        action: (N, A) float32, likewise; zeros where nothing was acted out.
        task: (N,) index into ``tasks``.
        tasks: Instructions.
        episode: (N,) number of the episode.
        hints: (N, K) float32: what the simulator knew beside, for an auxiliary loss; K may be 0.
        done: (N,) bool: was the task done? None where nobody knows.
    """

    images: Mapping[str, NDArray[np.uint8] | StoredPictures]
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    task: Indexes
    tasks: tuple[str, ...]
    episode: Indexes
    hints: NDArray[np.float32]
    done: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """How many frames."""
        return len(self.state)

    @cached_property
    def first_and_last(self) -> tuple[Indexes, Indexes]:
        """First and last frame of each frame's episode."""
        changes = np.flatnonzero(np.diff(self.episode)) + 1
        starts = np.concatenate(([0], changes))
        ends = np.concatenate((changes, [len(self)])) - 1
        lengths = ends - starts + 1
        return np.repeat(starts, lengths), np.repeat(ends, lengths)


def rows_ahead(
    frames: Frames, indexes: Indexes, rows: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Actions (B, rows, A) from each frame on, and which of them are in its episode.

    After its end the last row is repeated, which does not count.
    """
    wanted = indexes[:, None] + np.arange(rows)
    ends = frames.first_and_last[1][indexes][:, None]
    taken: NDArray[Any] = frames.action[np.minimum(wanted, ends)]
    return taken, wanted <= ends


def history_of(frames: Frames, indexes: Indexes, history: int) -> Indexes:
    """(B, history): each frame and those before it, oldest first; the first is repeated."""
    wanted = indexes[:, None] + np.arange(1 - history, 1)
    found: Indexes = np.maximum(wanted, frames.first_and_last[0][indexes][:, None])
    return found
