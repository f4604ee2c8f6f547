# SPDX-License-Identifier: Apache-2.0
"""What is done to which node, and what must follow from it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

REST_WITHIN_S = 1.0
"""After a strike that stops the arm it must be at rest within this time."""
TWO_AT_ONCE = 0.2
"""Share of the events that strike two nodes."""
PAUSES_S = (0.05, 2.0)

STOPPERS = ('policy_node', 'instruction_node', 'safety_node', 'guard_node')
"""Without any of them the arm must not move."""
VICTIMS = (*STOPPERS, 'recorder_node')


class Blow(StrEnum):
    """What happens to a node."""

    KILLED = 'killed'
    TERMINATED = 'terminated'
    SUSPENDED = 'suspended'
    FROZEN = 'frozen, then killed'


@dataclass(frozen=True)
class Strike:
    """One node is struck.

    Attributes:
        node: Its name.
        blow: What happens to it.
        pause_s: How long it is suspended; 0 for other blows.
    """

    node: str
    blow: Blow
    pause_s: float = 0.0

    @property
    def stops_the_arm(self) -> bool:
        """The arm must come to rest. After a short pause it may be on its way again before."""
        if self.node not in STOPPERS:
            return False
        return self.blow is not Blow.SUSPENDED or self.pause_s > REST_WITHIN_S

    @property
    def restarts(self) -> bool:
        """The node must be started again."""
        return self.blow is not Blow.SUSPENDED

    def __str__(self) -> str:
        """In words."""
        pause = f' for {self.pause_s:.2f} s' if self.pause_s else ''
        return f'{self.node} {self.blow}{pause}'


def events(rng: Random) -> Iterator[tuple[Strike, ...]]:
    """Strikes without end: every node by every blow, in an order drawn anew each time round."""
    pairs = list(itertools.product(VICTIMS, Blow))
    while True:
        rng.shuffle(pairs)
        for node, blow in pairs:
            strikes = [_strike(rng, node, blow)]
            if rng.random() < TWO_AT_ONCE:
                others = [name for name in VICTIMS if name != node]
                strikes.append(_strike(rng, rng.choice(others), rng.choice(list(Blow))))
            yield tuple(strikes)


def _strike(rng: Random, node: str, blow: Blow) -> Strike:
    return Strike(node, blow, rng.uniform(*PAUSES_S) if blow is Blow.SUSPENDED else 0.0)
