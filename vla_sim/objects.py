# SPDX-License-Identifier: Apache-2.0
"""Cubes, cylinders and bowls as MuJoCo bodies. Knows nothing of tasks."""

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.arm import COLLISION_GROUP, GRIP_FRICTION, VISUAL_GROUP, make_grippy
from vla_sim.scene import (
    BOWL_HEIGHT,
    BOWL_RADIUS,
    CUBE_EDGE,
    CYLINDER_HEIGHT,
    CYLINDER_RADIUS,
    Item,
    size_of,
)

RGBA = {
    'red': (0.83, 0.17, 0.15, 1.0),
    'green': (0.16, 0.60, 0.27, 1.0),
    'blue': (0.13, 0.35, 0.80, 1.0),
    'yellow': (0.96, 0.79, 0.13, 1.0),
    'orange': (0.95, 0.47, 0.10, 1.0),
    'purple': (0.50, 0.24, 0.66, 1.0),
}
CUBE_MASS = 0.06
CYLINDER_MASS = 0.06
BOWL_MASS = 0.35

BOWL_FOOT = 0.046
BOWL_WALL = 0.004
BOWL_STAVES = 20
_LATHE_STEPS = 48


def add_item(spec: mujoco.MjSpec, item: Item) -> None:
    """Stand an object on the table, free to move."""
    height = size_of(item.thing.shape)[2]
    body = spec.worldbody.add_body(
        name=item.thing.name,
        pos=(item.x, item.y, height / 2),
        quat=(math.cos(item.yaw / 2), 0.0, 0.0, math.sin(item.yaw / 2)),
    )
    body.add_freejoint(name=item.thing.name)
    rgba = RGBA[item.thing.colour]
    if item.thing.shape == 'cube':
        half = CUBE_EDGE / 2
        _add_solid(body, mujoco.mjtGeom.mjGEOM_BOX, (half, half, half), CUBE_MASS, rgba)
    elif item.thing.shape == 'cylinder':
        size = (CYLINDER_RADIUS, CYLINDER_HEIGHT / 2, 0.0)
        _add_solid(body, mujoco.mjtGeom.mjGEOM_CYLINDER, size, CYLINDER_MASS, rgba)
    else:
        _add_bowl(spec, body, rgba)


def _add_solid(
    body: mujoco.MjsBody,
    kind: mujoco.mjtGeom,
    size: tuple[float, float, float],
    mass: float,
    rgba: tuple[float, ...],
) -> None:
    """One shape that is both drawn and touched."""
    make_grippy(body.add_geom(type=kind, size=size, mass=mass, rgba=rgba, group=VISUAL_GROUP))


def _add_bowl(spec: mujoco.MjSpec, body: mujoco.MjsBody, rgba: tuple[float, ...]) -> None:
    """A round foot and a ring of staves to touch, and a turned shell to look at."""
    bottom = -BOWL_HEIGHT / 2
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=(BOWL_FOOT, BOWL_WALL, 0.0),
        pos=(0.0, 0.0, bottom + BOWL_WALL),
        mass=0.4 * BOWL_MASS,
        friction=GRIP_FRICTION,
        condim=4,
        group=COLLISION_GROUP,
    )
    rise = BOWL_HEIGHT - BOWL_WALL
    run = BOWL_RADIUS - BOWL_WALL - BOWL_FOOT
    lean = math.atan2(run, rise)
    middle = (BOWL_FOOT + BOWL_RADIUS - BOWL_WALL) / 2
    half_width = BOWL_RADIUS * math.tan(math.pi / BOWL_STAVES)
    for stave in range(BOWL_STAVES):
        angle = 2 * math.pi * stave / BOWL_STAVES
        turn = _quaternion_product(_about_z(angle), _about_y(lean))
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(BOWL_WALL / 2, half_width, math.hypot(rise, run) / 2),
            pos=(middle * math.cos(angle), middle * math.sin(angle), BOWL_WALL / 2),
            quat=turn,
            mass=0.6 * BOWL_MASS / BOWL_STAVES,
            friction=GRIP_FRICTION,
            condim=4,
            group=COLLISION_GROUP,
        )
    if spec.mesh('bowl') is None:
        _add_shell(spec)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname='bowl',
        rgba=rgba,
        contype=0,
        conaffinity=0,
        mass=0.0,
        group=VISUAL_GROUP,
    )


def _add_shell(spec: mujoco.MjSpec) -> None:
    """A bowl's profile turned about its axis."""
    points = _profile()
    count = len(points)
    angles = np.linspace(0.0, 2 * np.pi, _LATHE_STEPS, endpoint=False)
    vertices = np.array([(r * math.cos(a), r * math.sin(a), z) for a in angles for r, z in points])
    faces = []
    for step in range(_LATHE_STEPS):
        here, there = step * count, ((step + 1) % _LATHE_STEPS) * count
        for k in range(count - 1):
            faces.append((here + k, there + k, there + k + 1))
            faces.append((here + k, there + k + 1, here + k + 1))
    mesh = spec.add_mesh(name='bowl')
    mesh.uservert = vertices.ravel()
    mesh.userface = np.array(faces, dtype=np.int32).ravel()
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _profile() -> list[tuple[float, float]]:
    """Radius and height along the shell: from the middle below, over the rim, to the inside."""
    bottom, top = -BOWL_HEIGHT / 2, BOWL_HEIGHT / 2
    outside = [
        _wall_point(t, BOWL_FOOT, BOWL_RADIUS, bottom, top) for t in np.linspace(0.0, 1.0, 9)
    ]
    inside = [
        _wall_point(t, BOWL_FOOT - BOWL_WALL, BOWL_RADIUS - BOWL_WALL, bottom + 2 * BOWL_WALL, top)
        for t in np.linspace(1.0, 0.0, 9)
    ]
    rim = [(BOWL_RADIUS - BOWL_WALL / 2, top + BOWL_WALL / 3)]
    return [(1e-4, bottom), *outside, *rim, *inside, (1e-4, bottom + 2 * BOWL_WALL)]


def _wall_point(
    t: float, inner: float, outer: float, low: float, high: float
) -> tuple[float, float]:
    """Along a wall that bulges outwards: t from 0 at the foot to 1 at the rim."""
    bulge = 0.35 * math.sin(math.pi * t) * t * (1 - t)
    return inner + (outer - inner) * (t + bulge), low + (high - low) * t


def _about_z(angle: float) -> NDArray[np.float64]:
    return np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])


def _about_y(angle: float) -> NDArray[np.float64]:
    return np.array([math.cos(angle / 2), 0.0, math.sin(angle / 2), 0.0])


def _quaternion_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of two quaternions w x y z."""
    product = np.zeros(4)
    mujoco.mju_mulQuat(product, a, b)
    return product
