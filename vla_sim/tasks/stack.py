# SPDX-License-Identifier: Apache-2.0
"""Stack an object on another."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_contract.errors import InstructionError
from vla_contract.observation import World
from vla_sim.scene import COLOURS, Need, Thing
from vla_sim.tasks.phrases import first_match, thing
from vla_sim.tasks.task import APPROACH_M, find, horizontal_distance, nearness, upright

TEMPLATES = (
    'stack the {subject} on the {base}',
    'stack the {subject} on top of the {base}',
    'put the {subject} on the {base}',
    'put the {subject} on top of the {base}',
    'place the {subject} on the {base}',
    'place the {subject} on top of the {base}',
    'pick up the {subject} and put it on the {base}',
    'pick up the {subject} and stack it on the {base}',
)
STACKABLE = ('cube', 'cylinder')
CENTRED_M = 0.02
"""Greatest distance between the two centres seen from above [m]."""
SEATED_M = 0.006
"""Greatest gap or sinking between the two [m]."""


@dataclass(frozen=True)
class Stack:
    """An object shall stand on another."""

    subject: Thing
    base: Thing

    @property
    def instruction(self) -> str:
        """In its plainest words."""
        return TEMPLATES[0].format(subject=self.subject.phrase, base=self.base.phrase)

    def needs(self) -> tuple[Need, ...]:
        """Both objects, anywhere."""
        return Need(self.base), Need(self.subject)

    def done(self, world: World) -> bool:
        """Does the object stand on the other, let go?"""
        subject, base = find(world, self.subject), find(world, self.base)
        height = (subject.size[2] + base.size[2]) / 2
        seated = abs(subject.position[2] - base.position[2] - height) < SEATED_M
        centred = horizontal_distance(subject.position, base.position) < CENTRED_M
        return bool(
            seated
            and centred
            and upright(base)
            and upright(subject)
            and world.held not in (subject.name, base.name)
        )

    def progress(self, world: World, tool: NDArray[np.float64]) -> float:
        """Reaching counts for a third, carrying for the rest."""
        subject, base = find(world, self.subject), find(world, self.base)
        if world.held != subject.name:
            return 0.35 * nearness(tool, subject)
        left = horizontal_distance(subject.position, base.position) / APPROACH_M
        return 0.4 + 0.5 * max(0.0, 1.0 - left)


def parse(sentence: str) -> Stack | None:
    """The task of a normalised sentence, or None if it is of another kind.

    Raises:
        InstructionError: Both objects are the same.
    """
    found = first_match(TEMPLATES, sentence)
    if found is None:
        return None
    subject, base = thing(found['subject'], STACKABLE), thing(found['base'], STACKABLE)
    if subject is None or base is None:
        return None
    if subject == base:
        raise InstructionError(
            f'"{sentence}" names the {subject.phrase} twice, and nothing can stand on itself; '
            'name two objects'
        )
    return Stack(subject, base)


def draw(rng: Generator) -> Stack:
    """Any task of this kind."""
    kinds = [Thing(colour, shape) for colour in COLOURS for shape in STACKABLE]
    subject, base = rng.choice(len(kinds), size=2, replace=False)
    return Stack(kinds[subject], kinds[base])
