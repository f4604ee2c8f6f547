# SPDX-License-Identifier: Apache-2.0
"""Rows as differences from the state they start at, and back, in the policy's own units.

Comes before normalisation: statistics of relative rows are taken of what `to_relative` gives.
Needs no torch, and takes its tensors as well as arrays.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from vla_contract.action import GRIPPER

Values = TypeVar('Values', bound=Any)  # arrays of numpy, tensors of torch


class RelativeColumns:
    """Which columns of the rows are differences, and from which column of the state.

    Attributes:
        columns: Of the rows, by index.
        sources: Of the state, one for each of them.
    """

    def __init__(self, state: Sequence[str], action: Sequence[str], *, relative: bool) -> None:
        """Pair the columns by name; the gripper is never relative.

        Args:
            state: Names of the state's columns.
            action: Names of the rows' columns; but for the gripper, the state has them all.
            relative: False: no column is, and rows stay what they are.
        """
        moving = [name for name in action if name != GRIPPER] if relative else []
        self.columns = [list(action).index(name) for name in moving]
        self.sources = [list(state).index(name) for name in moving]

    def to_relative(self, rows: Values, state: Values) -> Values:
        """Rows (…, H, A) less the state (…, S) observed when they were decided."""
        moved: Values = rows + 0.0
        moved[..., self.columns] -= state[..., None, self.sources]
        return moved

    def to_absolute(self, rows: Values, state: Values) -> Values:
        """Undo to_relative."""
        moved: Values = rows + 0.0
        moved[..., self.columns] += state[..., None, self.sources]
        return moved
