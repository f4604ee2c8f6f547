# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to add to its motion, between safety nodes that hear each other, late or not.

Two arms that added at the same time would each check against what the other was about to leave.
So between two there is one number, which only grows. The arm with the smaller session may add
while it is even, the other while it is odd, and whoever may is the only one to raise it. A message
that says the number brings the motion that belongs to it, so an arm whose turn it is knows all that
the other can do until the number comes back. No message has to arrive in time, or at all: without
one nobody adds anything, and all motions end at rest.
"""

from dataclasses import dataclass, field

NOT_BEGUN = -1


@dataclass
class _Turn:
    """With one other arm."""

    session: int | None = None
    number: int = NOT_BEGUN
    mine_ns: int | None = None
    past: set[int] = field(default_factory=set)


class Turns:
    """Turns with every other arm.

    Attributes:
        session: Ours, in which numbers mean something; new at every start.
    """

    def __init__(self, session: int, arms: tuple[str, ...]) -> None:
        """No turn has begun.

        Args:
            session: Drawn by chance.
            arms: What we call the others.
        """
        self.session = session
        self._turns = {arm: _Turn() for arm in arms}

    def hear(self, arm: str, session: int, number: int | None, steady_ns: int) -> bool:
        """Another arm says its session, and the number it has with us; None: it knows us not.

        Returns:
            Whether that counts: a session that was followed by another is over, and so is ours.
        """
        turn = self._turns[arm]
        if session in turn.past or session == self.session:
            return False
        if session != turn.session:
            past = turn.past if turn.session is None else {*turn.past, turn.session}
            self._turns[arm] = turn = _Turn(session, past=past)
        if number is None:
            return True
        if number == NOT_BEGUN and turn.number == NOT_BEGUN and self.session < session:
            turn.number = 0
        turn.number = max(turn.number, number)
        if self._is_mine(turn):
            turn.mine_ns = steady_ns
        return True

    @property
    def mine(self) -> bool:
        """Whether our motion may grow now."""
        return all(map(self._is_mine, self._turns.values()))

    def mine_ns(self, arm: str) -> int | None:
        """When the turn with an arm was last given to us, by the steady clock."""
        return self._turns[arm].mine_ns

    def recall(self, arm: str, mine_ns: int | None) -> None:
        """The turn with an arm was last given to us then: to repeat a decision."""
        self._turns[arm].mine_ns = mine_ns

    def pass_on(self) -> None:
        """Give away every turn that is ours: after this our motion does not grow."""
        for turn in self._turns.values():
            if self._is_mine(turn):
                turn.number += 1

    @property
    def numbers(self) -> dict[int, int]:
        """What to tell: sessions heard of, and the number with each."""
        known = self._turns.values()
        return {turn.session: turn.number for turn in known if turn.session is not None}

    def session_of(self, arm: str) -> int | None:
        """The session that an arm last said; None before."""
        return self._turns[arm].session

    def _is_mine(self, turn: _Turn) -> bool:
        if turn.session is None or turn.number == NOT_BEGUN:
            return False
        return (turn.number % 2 == 0) == (self.session < turn.session)
