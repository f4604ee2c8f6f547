# SPDX-License-Identifier: Apache-2.0
"""Where to put an object: in a bowl, on another object, on a free place of the table."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Body, World
from vla_sim.planning.grasp import flat_yaw
from vla_sim.scene import REACH, TABLE, Area, footprint
from vla_sim.tasks.task import horizontal_distance

GAP = 0.002
"""An object is let go so far above where it will stand [m]."""
IN_BOWL_HEIGHT = 0.043
"""Of an object's centre above the table when it is let go in an empty bowl [m]."""
BESIDE = 0.03
"""An object that joins another in a bowl is let go so far from the middle [m]."""
_FREE_ROOM = 0.04
_GRID = 0.02
_ON_TOP = 0.03


@dataclass(frozen=True)
class Spot:
    """Where an object is let go.

    Attributes:
        centre: Of the object in the base frame [m].
        square_to: Direction that a cube's faces shall have, None for any [rad].
    """

    centre: NDArray[np.float64]
    square_to: float | None = None


def in_bowl(world: World, bowl: Body, subject: Body) -> Spot:
    """Deep in an empty bowl; above and beside what is in it otherwise."""
    others = [
        body
        for body in world.bodies
        if body.name not in (bowl.name, subject.name)
        and horizontal_distance(body.position, bowl.position) < bowl.size[0] / 2
    ]
    x, y = bowl.position[:2]
    if not others:
        return Spot(np.array([x, y, IN_BOWL_HEIGHT]))
    away = bowl.position[:2] - np.mean([body.position[:2] for body in others], axis=0)
    distance = float(np.linalg.norm(away))
    away = away / distance if distance > 1e-3 else np.array([0.0, 1.0])
    top = max(float(body.position[2] + max(body.size) / 2) for body in others)
    height = max(IN_BOWL_HEIGHT, top + float(subject.size[2]) / 2 + GAP)
    return Spot(np.array([x + BESIDE * away[0], y + BESIDE * away[1], height]))


def on_top(base: Body, subject: Body) -> Spot:
    """Standing on the middle of another object, cube square on cube."""
    height = base.position[2] + (base.size[2] + subject.size[2]) / 2 + GAP
    square = flat_yaw(base) if base.shape == subject.shape == 'cube' else None
    return Spot(np.array([*base.position[:2], height]), square)


def free_place(world: World, subject: Body, area: Area = TABLE) -> Spot:
    """Standing on the free place of an area that is nearest to where the object is.

    Raises:
        VlaError: Everything there is taken.
    """
    others = [body for body in world.bodies if body.name != subject.name]
    free: list[tuple[float, float, float]] = []
    for x in np.arange(*area.x, _GRID):
        for y in np.arange(*area.y, _GRID):
            place = np.array([x, y])
            room = min(
                (horizontal_distance(place, o.position) - footprint(o.shape) for o in others),
                default=math.inf,
            )
            within = REACH[0] <= math.hypot(x, y) <= REACH[1]
            if within and room > footprint(subject.shape) + _FREE_ROOM:
                free.append((horizontal_distance(place, subject.position), float(x), float(y)))
    if not free:
        raise VlaError(f'there is no free place on the table for {subject.name}')
    _, x, y = min(free)
    return Spot(np.array([x, y, subject.size[2] / 2 + GAP]))


def burden(world: World, body: Body) -> Body | None:
    """What stands on a body, the topmost if there are several; None for nothing."""
    above = [
        other
        for other in world.bodies
        if horizontal_distance(other.position, body.position) < _ON_TOP
        and other.position[2] > body.position[2] + body.size[2] / 2
    ]
    return max(above, key=lambda other: float(other.position[2]), default=None)
