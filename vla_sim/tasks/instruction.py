# SPDX-License-Identifier: Apache-2.0
"""From an instruction to its task, and from a seed to either."""

import numpy as np
from numpy.random import Generator

from vla_contract.errors import InstructionError, VlaError
from vla_sim.scene import COLOURS
from vla_sim.tasks import place, push, stack
from vla_sim.tasks.phrases import normalise
from vla_sim.tasks.task import Task

FAMILIES = ('place', 'stack', 'push')

_EXAMPLES = ', '.join(
    f'"{template}"'
    for template in (
        place.TEMPLATES[0].format(subject='red cube', bowl='blue bowl'),
        stack.TEMPLATES[0].format(subject='red cube', base='blue cylinder'),
        push.TEMPLATES[0].format(subject='yellow cylinder', side='left'),
    )
)


def parse(instruction: str) -> Task:
    """The task that an instruction asks for.

    Raises:
        InstructionError: It is not understood, and the text lists what is; or it makes no sense.
    """
    sentence = normalise(instruction)
    task = place.parse(sentence) or stack.parse(sentence) or push.parse(sentence)
    if task is None:
        raise InstructionError(
            f'"{instruction}" is not understood. Say, for example, {_EXAMPLES}, with a cube, a '
            f'cylinder or a bowl and its colour ({", ".join(COLOURS)}), or left and right'
        )
    return task


def draw_task(rng: Generator, family: str = '') -> Task:
    """Any task, or any of one family."""
    family = family or str(rng.choice(FAMILIES))
    if family == 'place':
        return place.draw(rng)
    if family == 'stack':
        return stack.draw(rng)
    if family == 'push':
        return push.draw(rng)
    raise VlaError(f'no family of tasks is called {family}; there are {", ".join(FAMILIES)}')


def phrasings(task: Task) -> tuple[str, ...]:
    """Every way to ask for a task."""
    if isinstance(task, place.PlaceInBowl):
        words = {'subject': task.subject.phrase, 'bowl': task.bowl.phrase}
        return tuple(template.format(**words) for template in place.TEMPLATES)
    if isinstance(task, stack.Stack):
        words = {'subject': task.subject.phrase, 'base': task.base.phrase}
        return tuple(template.format(**words) for template in stack.TEMPLATES)
    if isinstance(task, push.Push):
        words = {'subject': task.subject.phrase, 'side': task.side}
        return tuple(template.format(**words) for template in push.TEMPLATES)
    return (task.instruction,)


def draw_instruction(seed: int) -> str:
    """An instruction of any task in any phrasing, the families taking turns by seed."""
    rng = np.random.default_rng(seed)
    task = draw_task(rng, FAMILIES[seed % len(FAMILIES)])
    return str(rng.choice(phrasings(task)))
