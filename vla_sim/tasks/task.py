# SPDX-License-Identifier: Apache-2.0
"""What every task can answer about itself, and the geometry that their answers share."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import InstructionError
from vla_contract.observation import Body, World
from vla_sim.scene import Need, Thing

APPROACH_M = 0.4
"""A tool this far away has made no progress yet [m]."""


class Task(Protocol):
    """Something to be done with one object."""

    @property
    def instruction(self) -> str:
        """In its plainest words."""

    @property
    def subject(self) -> Thing:
        """The object that is to be moved."""

    def needs(self) -> tuple[Need, ...]:
        """Objects that must be on the table, and where."""

    def done(self, world: World) -> bool:
        """Is it done, and the object let go? Does not ask whether it still moves."""

    def progress(self, world: World, tool: NDArray[np.float64]) -> float:
        """How far it is done, 0 to 1, with the tool at this position in the base frame [m]."""


def find(world: World, thing: Thing) -> Body:
    """The body of a thing.

    Raises:
        InstructionError: The world has none.
    """
    for body in world.bodies:
        if body.name == thing.name:
            return body
    seen = ', '.join(f'{body.colour} {body.shape}' for body in world.bodies) or 'nothing'
    raise InstructionError(f'there is no {thing.phrase} on the table; there is {seen}')


def horizontal_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Between two points seen from above [m]."""
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))


def upright(body: Body) -> bool:
    """Does the body's own z axis point up, within ten degrees?"""
    x, y = body.orientation[:2]
    return bool(1.0 - 2.0 * (x * x + y * y) > np.cos(np.radians(10.0)))


def nearness(tool: NDArray[np.float64], body: Body) -> float:
    """1 where the tool is at the body, 0 where it is far away."""
    distance = float(np.linalg.norm(tool - body.position))
    return max(0.0, 1.0 - distance / APPROACH_M)
