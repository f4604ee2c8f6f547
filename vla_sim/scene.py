# SPDX-License-Identifier: Apache-2.0
"""What lies on the table, drawn from a seed: never overlapping, always within reach."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from vla_contract.errors import VlaError

COLOURS = ('red', 'green', 'blue', 'yellow', 'orange', 'purple')
SHAPES = ('cube', 'cylinder', 'bowl')

CUBE_EDGE = 0.04
CYLINDER_RADIUS = 0.02
CYLINDER_HEIGHT = 0.05
BOWL_RADIUS = 0.075
BOWL_HEIGHT = 0.045
FINGER_GAP = 0.055
"""Free table kept between objects, so that an open finger fits in [m]."""
SIDE_LINE_Y = 0.15
"""The table's marked sides begin this far left and right of its middle [m]."""
REACH = (0.34, 0.66)
"""Least and greatest distance from the arm's axis [m]."""
EXTRAS = 2
"""Objects beside those that the task is about."""
_ATTEMPTS = 400


@dataclass(frozen=True)
class Area:
    """A rectangle of the table in the base frame [m]."""

    x: tuple[float, float]
    y: tuple[float, float]

    def draw(self, rng: Generator) -> tuple[float, float]:
        """A point anywhere inside."""
        return float(rng.uniform(*self.x)), float(rng.uniform(*self.y))

    def distance(self, x: float, y: float) -> float:
        """From a point to the nearest point inside [m]."""
        dx = max(self.x[0] - x, 0.0, x - self.x[1])
        dy = max(self.y[0] - y, 0.0, y - self.y[1])
        return math.hypot(dx, dy)


TABLE = Area(x=(0.30, 0.62), y=(-0.34, 0.34))
"""Where objects are laid."""


@dataclass(frozen=True)
class Thing:
    """What an instruction can speak of: a shape with a colour."""

    colour: str
    shape: str

    @property
    def name(self) -> str:
        """Unique in a scene, for example ``green_cube``."""
        return f'{self.colour}_{self.shape}'

    @property
    def phrase(self) -> str:
        """As in an instruction, for example ``green cube``."""
        return f'{self.colour} {self.shape}'


@dataclass(frozen=True)
class Need:
    """An object that a task cannot do without.

    Attributes:
        thing: What it is.
        area: Where it has to lie.
        clear: Where nothing else may lie.
    """

    thing: Thing
    area: Area = TABLE
    clear: Area | None = None


@dataclass(frozen=True)
class Item:
    """An object in its place: centre of its foot [m] and turn about the vertical [rad]."""

    thing: Thing
    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class Scene:
    """Everything on the table."""

    items: tuple[Item, ...]


def size_of(shape: str) -> tuple[float, float, float]:
    """Full extents of a shape [m]."""
    return {
        'cube': (CUBE_EDGE, CUBE_EDGE, CUBE_EDGE),
        'cylinder': (2 * CYLINDER_RADIUS, 2 * CYLINDER_RADIUS, CYLINDER_HEIGHT),
        'bowl': (2 * BOWL_RADIUS, 2 * BOWL_RADIUS, BOWL_HEIGHT),
    }[shape]


def footprint(shape: str) -> float:
    """Radius of the circle that holds the shape however it is turned [m]."""
    return {'cube': CUBE_EDGE / math.sqrt(2), 'cylinder': CYLINDER_RADIUS, 'bowl': BOWL_RADIUS}[
        shape
    ]


def draw_scene(rng: Generator, needs: tuple[Need, ...], crowd: int = 0) -> Scene:
    """Lay out the needed objects and a few others.

    Args:
        rng: Same state, same scene.
        needs: What must be there.
        crowd: Objects beside those, wherever there is still room; the others lie as without them.

    Raises:
        VlaError: The needs leave no room for one another.
    """
    wanted = [*needs, *_extras(rng, needs)]
    for _ in range(_ATTEMPTS):
        items = _try_layout(rng, wanted)
        if items is not None:
            order = rng.permutation(len(items))
            laid = [items[i] for i in order]
            return Scene((*laid, *_crowd(rng, needs, laid, crowd)))
    names = ', '.join(need.thing.phrase for need in wanted)
    raise VlaError(f'no room on the table for {names}: {_ATTEMPTS} layouts overlapped')


def _extras(rng: Generator, needs: tuple[Need, ...]) -> list[Need]:
    """Objects that nobody asked for, none of them like a needed one."""
    taken = {need.thing for need in needs}
    kinds = [Thing(colour, shape) for shape in ('cube', 'cylinder') for colour in COLOURS]
    free = [thing for thing in kinds if thing not in taken]
    chosen = [free[i] for i in rng.choice(len(free), size=EXTRAS, replace=False)]
    if not any(need.thing.shape == 'bowl' for need in needs):
        chosen.append(Thing(COLOURS[int(rng.integers(len(COLOURS)))], 'bowl'))
    return [Need(thing) for thing in chosen]


def _crowd(
    rng: Generator, needs: tuple[Need, ...], laid: list[Item], count: int
) -> tuple[Item, ...]:
    """More objects that nobody asked for, as many of so many as find room."""
    clear = [(need.thing, need.clear) for need in needs if need.clear is not None]
    taken = {item.thing for item in laid}
    kinds = [Thing(colour, shape) for shape in ('cube', 'cylinder') for colour in COLOURS]
    free = [thing for thing in kinds if thing not in taken]
    added: list[Item] = []
    for index in rng.permutation(len(free))[:count] if count else ():
        for _ in range(_ATTEMPTS):
            x, y = TABLE.draw(rng)
            item = Item(free[int(index)], x, y, float(rng.uniform(-np.pi, np.pi)))
            if _fits(item, [*laid, *added], clear):
                added.append(item)
                break
    return tuple(added)


def _try_layout(rng: Generator, needs: list[Need]) -> list[Item] | None:
    """Place one object after the other; None when one finds no place."""
    items: list[Item] = []
    clear = [(need.thing, need.clear) for need in needs if need.clear is not None]
    for need in needs:
        for _ in range(20):
            x, y = need.area.draw(rng)
            item = Item(need.thing, x, y, float(rng.uniform(-np.pi, np.pi)))
            if _fits(item, items, clear):
                items.append(item)
                break
        else:
            return None
    return items


def _fits(item: Item, items: list[Item], clear: list[tuple[Thing, Area]]) -> bool:
    """Is the object within reach, apart from the others, and out of their clear areas?"""
    radius = footprint(item.thing.shape)
    if not REACH[0] <= math.hypot(item.x, item.y) <= REACH[1]:
        return False
    for owner, area in clear:
        if owner != item.thing and area.distance(item.x, item.y) < radius:
            return False
    return all(
        math.hypot(item.x - other.x, item.y - other.y)
        >= radius + footprint(other.thing.shape) + FINGER_GAP
        for other in items
    )
