# SPDX-License-Identifier: Apache-2.0
"""What is never shown in demonstrations, so that evaluation can ask for something new.

Of all combinations of an object and its target, about every sixth is held out, by a rule that
leaves each colour, each shape and each target in demonstrations many times over, only not together.
Of the phrasings of each task the last two are held out: they need words that no demonstration has.

Recording draws from one side and evaluation from the other; both ask here.
"""

import numpy as np
from numpy.random import Generator

from vla_contract.errors import VlaError
from vla_contract.observation import World
from vla_sim.scene import COLOURS, SHAPES, Thing
from vla_sim.tasks.instruction import draw_task, phrasings
from vla_sim.tasks.phrases import SIDES
from vla_sim.tasks.place import MOVABLE, PlaceInBowl
from vla_sim.tasks.push import PUSHABLE, Push
from vla_sim.tasks.stack import STACKABLE, Stack
from vla_sim.tasks.task import Task

EVERY = len(COLOURS)
"""One of so many combinations is held out."""
HELD_OUT_PHRASINGS = 2
"""Of each family of tasks."""
_SHAPES = ('cube', 'cylinder')
_DRAWS = 10_000


def held_out(task: Task) -> bool:
    """Is this combination never shown?"""
    if isinstance(task, PlaceInBowl):
        return (_number(task.subject) + COLOURS.index(task.bowl.colour)) % EVERY == 0
    if isinstance(task, Stack):
        base = COLOURS.index(task.base.colour) + 2 * _SHAPES.index(task.base.shape)
        return (_number(task.subject) + base) % EVERY == 0
    if isinstance(task, Push):
        return (_number(task.subject) + 2 * SIDES.index(task.side)) % EVERY == 0
    raise VlaError(f'"{task.instruction}" belongs to no split: its family has none')


def draw_shown(rng: Generator, family: str = '') -> Task:
    """A task that demonstrations have; of any family, or of one."""
    return _draw(rng, family, unseen=False)


def draw_unseen(rng: Generator, family: str = '') -> Task:
    """A task of known colours, shapes and targets that no demonstration combines so."""
    return _draw(rng, family, unseen=True)


def shown_tasks(world: World) -> tuple[Task, ...]:
    """All that demonstrations have and that names only what is there, in a fixed order."""
    things = [Thing(body.colour, body.shape) for body in world.bodies]
    things = [thing for thing in things if thing.colour in COLOURS and thing.shape in SHAPES]
    bowls = [thing for thing in things if thing.shape == 'bowl']
    movable = [thing for thing in things if thing.shape in MOVABLE]
    standing = [thing for thing in things if thing.shape in STACKABLE]
    tasks: list[Task] = [PlaceInBowl(one, bowl) for one in movable for bowl in bowls]
    tasks += [Stack(one, other) for one in standing for other in standing if one != other]
    tasks += [Push(one, side) for one in things if one.shape in PUSHABLE for side in SIDES]
    return tuple(task for task in tasks if not held_out(task))


def shown_phrasings(task: Task) -> tuple[str, ...]:
    """Ways to ask for a task that demonstrations have."""
    return phrasings(task)[:-HELD_OUT_PHRASINGS]


def unseen_phrasings(task: Task) -> tuple[str, ...]:
    """Ways to ask for a task that no demonstration has, and the simulator understands."""
    return phrasings(task)[-HELD_OUT_PHRASINGS:]


def draw_phrasing(rng: Generator, task: Task) -> str:
    """One of the ways that demonstrations have."""
    return str(rng.choice(np.array(shown_phrasings(task))))


def _draw(rng: Generator, family: str, *, unseen: bool) -> Task:
    for _ in range(_DRAWS):
        task = draw_task(rng, family)
        if held_out(task) is unseen:
            return task
    raise VlaError(f'no such task of family {family or "any"} in {_DRAWS} draws')


def _number(thing: Thing) -> int:
    """Of a colour and a shape that can be moved."""
    return COLOURS.index(thing.colour) + 3 * _SHAPES.index(thing.shape)
