# SPDX-License-Identifier: Apache-2.0
"""How smoothly an arm was moved: the jerk of its joints, and the steps between chunks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from vla_contract.action import GRIPPER, ActionChunk, ActionSpace

Array = NDArray[np.float64]

WINDOW = 11
"""Samples that a cubic is fitted to, the one in the middle included."""
MOVING = 0.02
"""An arm stands still while no joint is faster [rad/s]."""
_NS = 1e9


def rms_jerk(positions: Sequence[Array], velocities: Sequence[Array], period_s: float) -> float:
    """Root of the mean squared jerk of all joints while the arm moves [rad/s³].

    The third derivative of measured positions by a Savitzky-Golay filter (a cubic through eleven
    samples, 0.1 s at 100 Hz): what changes faster than some ten times a second counts less. Samples
    at which no joint is faster than MOVING are left out, so that waiting does not make an arm
    smooth.

    Args:
        positions: Of the joints at even times [rad].
        velocities: At the same times [rad/s].
        period_s: Between them.
    """
    if len(positions) < WINDOW:
        return 0.0
    moving = (np.abs(np.array(velocities)) > MOVING).any(axis=1)
    if not moving.any():
        return 0.0
    jerk = savgol_filter(np.array(positions), WINDOW, 3, deriv=3, delta=period_s, axis=0)
    return float(np.sqrt(np.mean(jerk[moving] ** 2)))


class Seams:
    """Steps from one chunk to the next: how far apart their rows are when one takes over.

    Attributes:
        steps: The greatest over the joints, at every take-over [rad].
    """

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.steps: list[float] = []
        self._running: ActionChunk | None = None

    def restart(self) -> None:
        """What ran was stopped."""
        self._running = None

    def take_over(self, chunk: ActionChunk, now_ns: int) -> None:
        """A chunk is there now, in place of the one before; only absolute joints can be told."""
        before, self._running = self._running, chunk
        if before is None or chunk.space is not ActionSpace.JOINT_POSITION:
            return
        self.steps.append(float(np.abs(_at(chunk, now_ns) - _at(before, now_ns)).max()))


def _at(chunk: ActionChunk, time_ns: int) -> Array:
    """Joints at a time, straight lines between rows; the first and the last row stay."""
    has_gripper = chunk.columns[-1] == GRIPPER
    rows = chunk.values[:, :-1] if has_gripper else chunk.values
    gone = (time_ns - chunk.start_ns) / _NS / chunk.step_s
    index = np.arange(len(rows))
    return np.array([np.interp(gone, index, column) for column in rows.T])
