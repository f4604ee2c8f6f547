# SPDX-License-Identifier: Apache-2.0
"""Instructions, and what counts as carrying them out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_contract.errors import InstructionError
from vla_contract.observation import Body, World
from vla_sim.scene import Thing, size_of
from vla_sim.tasks.instruction import FAMILIES, draw_task, parse, phrasings
from vla_sim.tasks.place import PlaceInBowl
from vla_sim.tasks.push import Push
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task

UPRIGHT = (0.0, 0.0, 0.0, 1.0)
ON_SIDE = (np.sin(np.pi / 4), 0.0, 0.0, np.cos(np.pi / 4))
RED_CUBE, BLUE_CUBE = Thing('red', 'cube'), Thing('blue', 'cube')
BLUE_BOWL, CYLINDER = Thing('blue', 'bowl'), Thing('yellow', 'cylinder')


def body(thing: Thing, x: float, y: float, z: float, turn: tuple[float, ...] = UPRIGHT) -> Body:
    """An object with its centre there."""
    size = np.array(size_of(thing.shape))
    return Body(thing.name, thing.shape, thing.colour, np.array([x, y, z]), np.array(turn), size)


def world(*bodies: Body, held: str = '') -> World:
    """A world of these bodies."""
    return World(0, bodies, 1.0, held)


@given(seed=st.integers(0, 2**32 - 1), family=st.sampled_from(FAMILIES))
def test_every_phrasing_of_a_task_is_understood_as_that_task(seed: int, family: str) -> None:
    """Templates speak and understand."""
    task = draw_task(np.random.default_rng(seed), family)
    assert len(phrasings(task)) >= 5
    for sentence in phrasings(task):
        assert parse(sentence) == task
        assert parse(f'Please, {sentence.capitalize()}!') == task


@pytest.mark.parametrize(
    ('instruction', 'task'),
    [
        ('put the green cube in the blue bowl', PlaceInBowl(Thing('green', 'cube'), BLUE_BOWL)),
        ('Place a red block into the blue bowl.', PlaceInBowl(RED_CUBE, BLUE_BOWL)),
        ('stack the red cube on the blue cube', Stack(RED_CUBE, BLUE_CUBE)),
        ('put the red cube on top of the blue cube', Stack(RED_CUBE, BLUE_CUBE)),
        ('push the yellow cylinder to the left', Push(CYLINDER, 'left')),
    ],
)
def test_instructions_are_understood(instruction: str, task: Task) -> None:
    """As people say them."""
    assert parse(instruction) == task


@pytest.mark.parametrize(
    'instruction',
    [
        '',
        'sing',
        'put the pink cube in the blue bowl',
        'put the blue bowl in the blue bowl',
        'push the red cube to the moon',
    ],
)
def test_other_words_are_refused_with_what_is_understood(instruction: str) -> None:
    """The error teaches the language."""
    with pytest.raises(
        InstructionError, match=r'put the red cube in the blue bowl.*red, green, blue'
    ):
        parse(instruction)


def test_an_object_on_itself_is_refused_for_what_it_is() -> None:
    """Every word was understood."""
    with pytest.raises(InstructionError, match=r'names the red cube twice.*name two objects'):
        parse('Put the red block on top of the red cube!')


def test_an_object_is_in_a_bowl_when_it_is_below_the_rim_and_let_go() -> None:
    """Not when it is held inside, not when it is beside or above."""
    task = PlaceInBowl(RED_CUBE, BLUE_BOWL)
    bowl = body(BLUE_BOWL, 0.4, 0.1, 0.0225)
    inside = body(RED_CUBE, 0.41, 0.1, 0.03)
    assert task.done(world(bowl, inside))
    assert not task.done(world(bowl, inside, held='red_cube'))
    assert not task.done(world(bowl, body(RED_CUBE, 0.5, 0.1, 0.02)))
    assert not task.done(world(bowl, body(RED_CUBE, 0.4, 0.1, 0.15)))


def test_an_object_is_stacked_when_it_stands_on_the_other() -> None:
    """Centred, seated, upright and let go."""
    task = Stack(RED_CUBE, BLUE_CUBE)
    base = body(BLUE_CUBE, 0.4, 0.1, 0.02)
    assert task.done(world(base, body(RED_CUBE, 0.405, 0.1, 0.06)))
    assert not task.done(world(base, body(RED_CUBE, 0.405, 0.1, 0.06), held='red_cube'))
    assert not task.done(world(base, body(RED_CUBE, 0.44, 0.1, 0.06)))
    assert not task.done(world(base, body(RED_CUBE, 0.4, 0.1, 0.08)))
    assert not task.done(world(base, body(RED_CUBE, 0.4, 0.1, 0.06, ON_SIDE)))


def test_left_is_the_robots_left() -> None:
    """The robot looks along x, so its left is positive y."""
    left, right = Push(CYLINDER, 'left'), Push(CYLINDER, 'right')
    there = world(body(CYLINDER, 0.45, 0.2, 0.025))
    assert left.done(there)
    assert not right.done(there)
    assert not left.done(world(body(CYLINDER, 0.45, 0.16, 0.025)))
    assert not left.done(world(body(CYLINDER, 0.45, 0.2, 0.3)))
    assert right.done(world(body(CYLINDER, 0.45, -0.2, 0.02, ON_SIDE)))


def test_progress_grows_on_the_way() -> None:
    """Reaching, then carrying."""
    task = PlaceInBowl(RED_CUBE, BLUE_BOWL)
    bowl, cube = body(BLUE_BOWL, 0.4, 0.2, 0.0225), body(RED_CUBE, 0.5, -0.1, 0.02)
    lifted = body(RED_CUBE, 0.5, -0.1, 0.2)
    nearer = body(RED_CUBE, 0.42, 0.15, 0.2)
    steps = [
        task.progress(world(bowl, cube), np.array([0.4, 0.0, 0.4])),
        task.progress(world(bowl, cube), np.array([0.5, -0.1, 0.05])),
        task.progress(world(bowl, lifted, held='red_cube'), lifted.position),
        task.progress(world(bowl, nearer, held='red_cube'), nearer.position),
    ]
    assert steps == sorted(steps)
    assert len(set(steps)) == len(steps)
    assert all(0.0 <= step <= 1.0 for step in steps)


def test_a_missing_object_is_named_with_what_is_there() -> None:
    """The error says what could be asked for instead."""
    with pytest.raises(InstructionError, match='no red cube on the table; there is blue cube'):
        Stack(RED_CUBE, BLUE_CUBE).done(world(body(BLUE_CUBE, 0.4, 0.0, 0.02)))
