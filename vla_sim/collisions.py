# SPDX-License-Identifier: Apache-2.0
"""Remembers every collision of the arm, also those that last for a single physics step."""

from collections.abc import Set
from dataclasses import dataclass

KEPT = 16
"""Collisions that are remembered one by one; all are counted."""
APART_NS = 200_000_000
"""Two that bounce off each other and touch again sooner are still in the same collision."""


@dataclass(frozen=True)
class Collision:
    """The arm begins to touch something that it must not touch.

    Attributes:
        time_ns: Simulated time.
        link: Of the arm.
        other: Another link, or what stands there.
    """

    time_ns: int
    link: str
    other: str


class Collisions:
    """Counts how often a link begins to touch another, or what stands around the arm.

    Attributes:
        count: Since the simulator was made; a new scene does not reset it.
        recent: The last of them; a tuple, as other threads read it.
    """

    def __init__(self) -> None:
        """There were none yet."""
        self.count = 0
        self.recent: tuple[Collision, ...] = ()
        self._seen_ns: dict[tuple[str, str], int] = {}

    def note(self, touching: Set[tuple[str, str]], time_ns: int) -> None:
        """What touches after a step."""
        for link, other in sorted(touching):
            last_ns = self._seen_ns.get((link, other))
            if last_ns is None or time_ns - last_ns > APART_NS:
                self.count += 1
                self.recent = (*self.recent, Collision(time_ns, link, other))[-KEPT:]
            self._seen_ns[link, other] = time_ns
