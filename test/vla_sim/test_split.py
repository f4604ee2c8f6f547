# SPDX-License-Identifier: Apache-2.0
"""What is held out is new together, and known apart."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from vla_sim.scene import COLOURS, Thing
from vla_sim.tasks.instruction import FAMILIES, parse, phrasings
from vla_sim.tasks.place import PlaceInBowl
from vla_sim.tasks.push import Push
from vla_sim.tasks.split import (
    draw_phrasing,
    draw_shown,
    draw_unseen,
    held_out,
    shown_phrasings,
    unseen_phrasings,
)
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task

THINGS = [Thing(*each) for each in product(COLOURS, ('cube', 'cylinder'))]
TASKS: dict[str, list[Task]] = {
    'place': [PlaceInBowl(t, Thing(colour, 'bowl')) for t in THINGS for colour in COLOURS],
    'stack': [Stack(one, other) for one in THINGS for other in THINGS if one != other],
    'push': [Push(thing, side) for thing in THINGS for side in ('left', 'right')],
}


def target(task: Task) -> object:
    """What the subject is brought to."""
    if isinstance(task, PlaceInBowl):
        return task.bowl
    return task.base if isinstance(task, Stack) else getattr(task, 'side', None)


@pytest.mark.parametrize('family', FAMILIES)
def test_about_a_sixth_of_each_family_is_held_out(family: str) -> None:
    """Enough to measure, little enough to learn from the rest."""
    share = np.mean([held_out(task) for task in TASKS[family]])
    assert 0.12 < share < 0.21


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('part', [lambda task: task.subject, target], ids=['subject', 'target'])
def test_every_part_of_a_held_out_task_is_shown_with_others(
    family: str, part: Callable[[Task], object]
) -> None:
    """Unseen is the combination, not the object and not the target."""
    shown = {part(task) for task in TASKS[family] if not held_out(task)}
    assert {part(task) for task in TASKS[family]} == shown


@pytest.mark.parametrize('family', FAMILIES)
def test_each_side_draws_only_its_own(family: str) -> None:
    """And everything of its own, in time."""
    rng = np.random.default_rng(0)
    shown = {draw_shown(rng, family) for _ in range(1500)}
    unseen = {draw_unseen(rng, family) for _ in range(200)}
    assert not any(map(held_out, shown))
    assert all(map(held_out, unseen))
    assert shown | unseen == set(TASKS[family])


@pytest.mark.parametrize('family', FAMILIES)
def test_phrasings_are_split_too(family: str) -> None:
    """Demonstrations never use those that are held out, and the simulator understands both."""
    rng = np.random.default_rng(1)
    task = draw_shown(rng, family)
    shown, unseen = set(shown_phrasings(task)), set(unseen_phrasings(task))
    assert not shown & unseen
    assert shown | unseen == set(phrasings(task))
    assert {draw_phrasing(rng, task) for _ in range(100)} == shown
    assert all(parse(sentence) == task for sentence in unseen)


def test_what_guides_ask_for_is_shown() -> None:
    """The README's example is no surprise to a policy."""
    for sentence in ('put the red cube in the blue bowl', 'put the green cube in the blue bowl'):
        assert not held_out(parse(sentence))
