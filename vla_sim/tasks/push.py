# SPDX-License-Identifier: Apache-2.0
"""Push an object to a side of the table.

Left and right are the robot's: it looks along x, so its left is positive y.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_contract.observation import World
from vla_sim.scene import COLOURS, SIDE_LINE_Y, Area, Need, Thing
from vla_sim.tasks.phrases import SIDES, first_match, thing
from vla_sim.tasks.task import find, nearness

TEMPLATES = (
    'push the {subject} to the {side}',
    'push the {subject} to the {side} side',
    'push the {subject} over to the {side}',
    'slide the {subject} to the {side}',
    'slide the {subject} to the {side} side',
    'move the {subject} to the {side}',
    'move the {subject} to the {side} side',
)
PUSHABLE = ('cube', 'cylinder')
_START = Area(x=(0.38, 0.56), y=(-0.04, 0.04))
_LANE_HALF_WIDTH = 0.06
_RUN_UP = 0.09
_RUN_OUT = 0.28
_LIFTED_M = 0.015


@dataclass(frozen=True)
class Push:
    """An object shall lie beyond the line that marks a side of the table."""

    subject: Thing
    side: str

    @property
    def instruction(self) -> str:
        """In its plainest words."""
        return TEMPLATES[0].format(subject=self.subject.phrase, side=self.side)

    @property
    def direction(self) -> float:
        """Sign of y on this side."""
        return 1.0 if self.side == 'left' else -1.0

    @property
    def line(self) -> float:
        """How far along its direction the side begins [m]."""
        return SIDE_LINE_Y

    def goal_y(self, size: NDArray[np.float64]) -> float:
        """How far along its direction the centre of an object of this size must get [m]."""
        return self.line + float(size[1]) / 2

    def needs(self) -> tuple[Need, ...]:
        """The object in the middle, its way free."""
        ends = sorted((-self.direction * _RUN_UP, self.direction * _RUN_OUT))
        lane = Area(
            x=(_START.x[0] - _LANE_HALF_WIDTH, _START.x[1] + _LANE_HALF_WIDTH),
            y=(ends[0], ends[1]),
        )
        return (Need(self.subject, _START, lane),)

    def done(self, world: World) -> bool:
        """Does the object lie on its side of the table, let go?"""
        subject = find(world, self.subject)
        beyond = self.direction * subject.position[1] > self.goal_y(subject.size)
        return bool(beyond and _lies(world, self.subject) and world.held != subject.name)

    def progress(self, world: World, tool: NDArray[np.float64]) -> float:
        """Reaching counts for a quarter, the way across for the rest."""
        subject = find(world, self.subject)
        way = self.direction * float(subject.position[1]) / self.goal_y(subject.size)
        return 0.25 * nearness(tool, subject) + 0.7 * float(np.clip(way, 0.0, 1.0))


def _lies(world: World, subject: Thing) -> bool:
    """Is the object on the table, and neither lifted nor fallen off?"""
    body = find(world, subject)
    half = body.size / 2
    return bool(min(half) - _LIFTED_M < body.position[2] < max(half) + _LIFTED_M)


def parse(sentence: str) -> Push | None:
    """The task of a normalised sentence, or None if it is of another kind."""
    found = first_match(TEMPLATES, sentence)
    if found is None:
        return None
    subject = thing(found['subject'], PUSHABLE)
    return None if subject is None or found['side'] not in SIDES else Push(subject, found['side'])


def draw(rng: Generator) -> Push:
    """Any task of this kind."""
    subject = Thing(str(rng.choice(COLOURS)), str(rng.choice(PUSHABLE)))
    return Push(subject, str(rng.choice(SIDES)))
