# SPDX-License-Identifier: Apache-2.0
"""Pick an object and place it in a bowl."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_contract.observation import World
from vla_sim.scene import COLOURS, Need, Thing
from vla_sim.tasks.phrases import first_match, thing
from vla_sim.tasks.task import APPROACH_M, find, horizontal_distance, nearness

TEMPLATES = (
    'put the {subject} in the {bowl}',
    'place the {subject} in the {bowl}',
    'put the {subject} into the {bowl}',
    'place the {subject} into the {bowl}',
    'drop the {subject} into the {bowl}',
    'pick up the {subject} and put it in the {bowl}',
    'pick up the {subject} and place it in the {bowl}',
    'move the {subject} into the {bowl}',
)
MOVABLE = ('cube', 'cylinder')
BELOW_RIM = 0.005
"""An object inside reaches at least so far below the rim [m]."""


@dataclass(frozen=True)
class PlaceInBowl:
    """An object shall lie in a bowl."""

    subject: Thing
    bowl: Thing

    @property
    def instruction(self) -> str:
        """In its plainest words."""
        return TEMPLATES[0].format(subject=self.subject.phrase, bowl=self.bowl.phrase)

    def needs(self) -> tuple[Need, ...]:
        """The object and the bowl, anywhere."""
        return Need(self.bowl), Need(self.subject)

    def done(self, world: World) -> bool:
        """Is the object within the bowl and below its rim, and let go?"""
        subject, bowl = find(world, self.subject), find(world, self.bowl)
        rim = bowl.position[2] + bowl.size[2] / 2
        lowest = subject.position[2] - min(subject.size) / 2
        within = horizontal_distance(subject.position, bowl.position) < bowl.size[0] / 2
        return bool(within and lowest < rim - BELOW_RIM and world.held != subject.name)

    def progress(self, world: World, tool: NDArray[np.float64]) -> float:
        """Reaching counts for a third, carrying for the rest."""
        subject, bowl = find(world, self.subject), find(world, self.bowl)
        if world.held != subject.name:
            return 0.35 * nearness(tool, subject)
        left = horizontal_distance(subject.position, bowl.position) / APPROACH_M
        return 0.4 + 0.5 * max(0.0, 1.0 - left)


def parse(sentence: str) -> PlaceInBowl | None:
    """The task of a normalised sentence, or None if it is of another kind."""
    found = first_match(TEMPLATES, sentence)
    if found is None:
        return None
    subject, bowl = thing(found['subject'], MOVABLE), thing(found['bowl'], ('bowl',))
    return None if subject is None or bowl is None else PlaceInBowl(subject, bowl)


def draw(rng: Generator) -> PlaceInBowl:
    """Any task of this kind."""
    subject = Thing(str(rng.choice(COLOURS)), str(rng.choice(MOVABLE)))
    return PlaceInBowl(subject, Thing(str(rng.choice(COLOURS)), 'bowl'))
