# SPDX-License-Identifier: Apache-2.0
"""Real-time chunking: what an answer should agree with, and how much, row by row.

How a head is guided is for the head to know (``vla_policy/heads/guide.py``).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError

Shape = Literal['exponential', 'linear']


@dataclass(frozen=True)
class Guidance:
    """What is left of the last answer, at the times of the next one's rows.

    Attributes:
        target: Rows by columns, from the observation on, as the policy answered them; as many as
            are left and never padded.
        weights: How much the answer should agree with each of them, 0 to 1.
        delay_rows: Rows at the beginning that will have been executed when the answer arrives.
        beta: Greatest gain of the guidance.
    """

    target: NDArray[np.float64]
    weights: NDArray[np.float64]
    delay_rows: int
    beta: float

    def filled(self, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Target and weights for a head that takes a fixed number of rows.

        The rows that are not there repeat the last one and weigh nothing.
        """
        missing = rows - len(self.target)
        if missing < 0:
            raise VlaError(
                f'{len(self.target)} rows are left to agree with, and the head answers {rows}'
            )
        target = np.pad(self.target, ((0, missing), (0, 0)), mode='edge')
        return target, np.pad(self.weights, (0, missing))


def guidance_weights(rows: int, delay: int, end: int, shape: Shape) -> NDArray[np.float64]:
    """How much each row of an answer should agree with the last answer.

    Args:
        rows: Rows of the answer.
        delay: Rows that cannot be changed any more: weight 1.
        end: Rows for which the last answer says anything: weight 0 from there on.
        shape: How the weight fades in between.

    Returns:
        One weight a row, from 1 down to 0.
    """
    delay = min(delay, end)
    index = np.arange(rows)
    weights = np.clip((delay - 1 - index) / (end - delay + 1) + 1, 0.0, 1.0)
    if shape == 'exponential':
        weights = weights * np.expm1(weights) / np.expm1(1.0)
    weights[end:] = 0.0
    return weights
