# SPDX-License-Identifier: Apache-2.0
"""How many actions go by while a policy thinks. Counts rows, never seconds."""

from collections import deque

MEASURED = 10
"""Answers whose delay is remembered."""


class Delay:
    """The most actions that were consumed during one of the last ten inferences.

    Args:
        warm_up: Answers at the beginning that tell nothing: compilers and caches are not ready.
    """

    def __init__(self, warm_up: int) -> None:
        """Nothing measured yet."""
        self._ignored = warm_up
        self._consumed: deque[int] = deque(maxlen=MEASURED)

    @property
    def rows(self) -> int:
        """Rows to expect, 0 before anything was measured."""
        return max(self._consumed, default=0)

    def note(self, consumed: int | None) -> None:
        """Note an answer, and the actions that were consumed until it came.

        Args:
            consumed: None where nothing ran, so that nothing could be consumed.
        """
        if self._ignored:
            self._ignored -= 1
        elif consumed is not None:
            self._consumed.append(consumed)
