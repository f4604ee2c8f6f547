# SPDX-License-Identifier: Apache-2.0
"""Turns between two safety nodes: never both, whatever happens to their messages."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from vla_safety.turns import NOT_BEGUN, Turns

Message = tuple[int, int, int | None]
"""Sequence, session, and the number with whom it is for."""


@dataclass
class Node:
    """One side, and what it has said."""

    turns: Turns
    said: list[dict[int, int]] = field(default_factory=list)
    newest: int = -1

    def speak(self) -> None:
        """Pass on and say so, as after a tick."""
        self.turns.pass_on()
        self.said.append(self.turns.numbers)

    def hear(self, sender: 'Node', index: int) -> None:
        """One message of the other, whichever; older ones than the newest are dropped."""
        if index <= self.newest:
            return
        self.newest = index
        number = sender.said[index].get(self.turns.session)
        self.turns.hear('other', sender.turns.session, number, 0)


def node(session: int) -> Node:
    """A safety node that has just started."""
    return Node(Turns(session, ('other',)))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(['speak', 'hear', 'hear', 'restart']),
            st.integers(0, 1),
            st.integers(0, 4),
        ),
        max_size=80,
    ),
    st.booleans(),
)
@settings(max_examples=300)
def test_it_is_never_the_turn_of_both(steps: list[tuple[str, int, int]], swapped: bool) -> None:
    """Messages are lost, come late, in any order, and nodes start anew."""
    sessions = iter(range(10, 1000) if swapped else range(1000, 10, -1))
    nodes = [node(next(sessions)), node(next(sessions))]
    for what, who, back in steps:
        here, there = nodes[who], nodes[1 - who]
        if what == 'speak':
            here.speak()
        elif what == 'restart' and back == 0:
            nodes[who] = node(next(sessions))
            there.newest = -1
        elif there.said:
            here.hear(there, max(len(there.said) - 1 - back, 0))
        assert not all(one.turns.mine for one in nodes)


def test_turns_change_hands_as_long_as_both_speak() -> None:
    """After a few messages, and again after one of them starts anew."""
    one, two = node(1), node(2)
    for started in (2, 3):
        two = node(started)
        one.newest = -1
        had = {'one': 0, 'two': 0}
        for _ in range(12):
            for name, here, there in (('one', one, two), ('two', two, one)):
                had[name] += here.turns.mine
                here.speak()
                there.hear(here, len(here.said) - 1)
        assert min(had.values()) >= 4


def test_a_session_that_is_over_is_not_heard_again() -> None:
    """A message of the node that was there before may still be under way."""
    turns = Turns(1, ('other',))
    assert turns.hear('other', 2, -1, 0)
    assert turns.numbers == {2: 0}
    assert turns.hear('other', 3, None, 0)
    assert turns.numbers == {3: NOT_BEGUN}
    assert not turns.hear('other', 2, 4, 0)
    assert turns.numbers == {3: NOT_BEGUN}


def test_our_own_voice_is_nobody_else() -> None:
    """A topic that brings back what we say."""
    turns = Turns(1, ('other',))
    assert not turns.hear('other', 1, -1, 0)
    assert turns.numbers == {}
