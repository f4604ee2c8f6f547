# SPDX-License-Identifier: Apache-2.0
"""What an evaluation may change about a world: how it looks, and how much lies about in it.

The defaults change nothing: demonstrations are recorded in them.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

Triple = tuple[float, float, float]

TABLE = (0.74, 0.66, 0.56)
"""Colour of the table's top, red, green and blue."""
_SCENE_SHIFT_M, _SCENE_TURN_RAD = 0.03, 0.035
_WRIST_SHIFT_M, _WRIST_TURN_RAD = 0.006, 0.02
_LIGHT_TURN_RAD = 0.8
_STRENGTH = (0.65, 1.35)
_TINT = 0.08
_TABLE = 0.12


@dataclass(frozen=True)
class Look:
    """How a world looks to its cameras. Physics knows nothing of it.

    Attributes:
        scene_shift: Of the scene camera, in the base frame [m].
        scene_turn: The same as a rotation vector [rad].
        wrist_shift: Of cameras on the arm, in the frame of their link [m].
        wrist_turn: The same as a rotation vector [rad].
        light_turn: Of the lamps about the vertical [rad].
        light_strength: Of all light, 1 for as ever.
        light_tint: Of all light, by red, green and blue.
        table: Colour of the table's top.
    """

    scene_shift: Triple = (0.0, 0.0, 0.0)
    scene_turn: Triple = (0.0, 0.0, 0.0)
    wrist_shift: Triple = (0.0, 0.0, 0.0)
    wrist_turn: Triple = (0.0, 0.0, 0.0)
    light_turn: float = 0.0
    light_strength: float = 1.0
    light_tint: Triple = (1.0, 1.0, 1.0)
    table: Triple = TABLE


@dataclass(frozen=True)
class Setting:
    """In what a task is to be done.

    Attributes:
        crowd: Objects that nobody asked for, beside those that are always there.
        look: Of the world.
    """

    crowd: int = 0
    look: Look = field(default_factory=Look)


USUAL = Setting()


def draw_look(rng: Generator) -> Look:
    """Cameras knocked by a few centimetres and degrees, another light, a table repainted."""
    red, green, blue = (min(1.0, c + float(rng.uniform(-_TABLE, _TABLE))) for c in TABLE)
    return Look(
        scene_shift=_triple(rng, _SCENE_SHIFT_M),
        scene_turn=_triple(rng, _SCENE_TURN_RAD),
        wrist_shift=_triple(rng, _WRIST_SHIFT_M),
        wrist_turn=_triple(rng, _WRIST_TURN_RAD),
        light_turn=float(rng.uniform(-_LIGHT_TURN_RAD, _LIGHT_TURN_RAD)),
        light_strength=float(rng.uniform(*_STRENGTH)),
        light_tint=_triple(rng, _TINT, 1.0),
        table=(red, green, blue),
    )


def _triple(rng: Generator, most: float, about: float = 0.0) -> Triple:
    x, y, z = about + rng.uniform(-most, most, 3)
    return float(x), float(y), float(z)


def turned(turn: Triple) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Rotation matrix of a rotation vector [rad]; exactly the identity where there is none."""
    angle = float(np.linalg.norm(turn))
    if not angle:
        return np.eye(3)
    x, y, z = np.array(turn) / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross)
