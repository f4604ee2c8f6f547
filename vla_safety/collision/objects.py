# SPDX-License-Identifier: Apache-2.0
"""Things that the arm must not touch: shapes with a pose. Data only, validated once.

Every length is finite and positive, every pose finite with a unit quaternion, so that no checker
has to ask again. Poses of scene objects are in the robot file's base frame.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vla_contract.errors import VlaError

LARGEST_M = 1e3
"""Longest length or coordinate that is taken for meant [m]."""
FARTHEST_CELL = 2**15 - 1
"""Greatest number of cells between the origin of voxels and any of them."""
_UNIT = 1e-3
Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Cell = tuple[int, int, int]


@dataclass(frozen=True)
class Pose:
    """Where something is.

    Attributes:
        position: x, y, z [m].
        orientation: Quaternion x, y, z, w of length 1.
    """

    position: Vector3 = (0.0, 0.0, 0.0)
    orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse what is no pose."""
        _refuse_absurd('position', self.position, 3)
        _refuse_absurd('orientation', self.orientation, 4)
        norm = math.hypot(*self.orientation)
        if abs(norm - 1) > _UNIT:
            raise VlaError(f'orientation {self.orientation} has length {norm:g}; give it length 1')


@dataclass(frozen=True)
class BoxShape:
    """A box about its middle; full lengths along x, y, z [m]."""

    size: Vector3

    def __post_init__(self) -> None:
        """Refuse flat or endless boxes."""
        _refuse_absurd('size of a box', self.size, 3, positive=True)


@dataclass(frozen=True)
class SphereShape:
    """A sphere about its middle [m]."""

    radius: float

    def __post_init__(self) -> None:
        """Refuse points and worlds."""
        _refuse_absurd('radius of a sphere', (self.radius,), 1, positive=True)


@dataclass(frozen=True)
class CylinderShape:
    """A cylinder along z about its middle [m]."""

    radius: float
    length: float

    def __post_init__(self) -> None:
        """Refuse lines and discs."""
        _refuse_absurd(
            'radius and length of a cylinder', (self.radius, self.length), 2, positive=True
        )


@dataclass(frozen=True)
class MeshShape:
    """The convex hull of a mesh file: hollows count as filled.

    Attributes:
        path: STL, OBJ, DAE or PLY, of this machine.
        scale: Factors along x, y, z from the file's unit to metres.
    """

    path: Path
    scale: Vector3 = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse a missing file now, not when the arm moves."""
        _refuse_absurd('scale of a mesh', self.scale, 3, positive=True)
        if not self.path.is_file():
            raise VlaError(f'mesh {self.path} is not a file; nothing stands in for it')


@dataclass(frozen=True)
class PlaneShape:
    """A half-space: all that lies below z = 0 of its pose is solid."""


@dataclass(frozen=True)
class VoxelShape:
    """Solid cubes of a grid, many of which are compared as fast as a few boxes.

    Attributes:
        edge: Of each cube [m].
        cells: Cell (i, j, k) begins at (i, j, k)·edge and ends one edge further.
    """

    edge: float
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        """Refuse nothing, and what no grid can hold."""
        _refuse_absurd('edge of voxels', (self.edge,), 1, positive=True)
        if not self.cells:
            raise VlaError('voxels without any cell; leave the object out')
        farthest = min(FARTHEST_CELL, int(LARGEST_M / self.edge))
        for cell in self.cells:
            if not (-farthest <= min(cell) and max(cell) <= farthest):
                raise VlaError(f'voxel {cell} is more than {farthest} cells from the origin')


Shape = BoxShape | SphereShape | CylinderShape | MeshShape | PlaneShape | VoxelShape


@dataclass(frozen=True)
class SceneObject:
    """Something that stands, or is seen, in the arm's surroundings.

    Attributes:
        name: Unique in a scene.
        shape: What it is.
        pose: Where, in the base frame.
        touch_links: Links that may touch it, such as fingers that grasp it.
    """

    name: str
    shape: Shape
    pose: Pose = field(default_factory=Pose)
    touch_links: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what could not be named in a finding."""
        _refuse_nameless(self.name)


@dataclass(frozen=True)
class AttachedObject:
    """Something that a link carries.

    Attributes:
        name: Unique among attached and scene objects.
        shape: What it is; a plane cannot be carried, nor can voxels.
        link: Link it is welded to.
        pose: Where, in that link's frame.
        touch_links: Further links that may touch it; the link that carries it always may.
    """

    name: str
    shape: Shape
    link: str
    pose: Pose = field(default_factory=Pose)
    touch_links: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what could not be named in a finding, or not be carried."""
        _refuse_nameless(self.name)
        if isinstance(self.shape, PlaneShape):
            raise VlaError(f'{self.name} is a plane, which no link can carry')
        if isinstance(self.shape, VoxelShape):
            raise VlaError(f'{self.name} is made of voxels, which no link can carry')


def refuse_repeated(names: Sequence[str]) -> None:
    """Raise if two things have one name, so that one would hide the other."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise VlaError(f'two objects are called {name}; give each a name of its own')


def _refuse_nameless(name: str) -> None:
    if not name.strip():
        raise VlaError('an object has no name; findings could not say what is hit')


def _refuse_absurd(
    what: str, values: Sequence[float], count: int, *, positive: bool = False
) -> None:
    if len(values) != count:
        raise VlaError(f'{what} has {len(values)} values, {count} are needed')
    for value in values:
        if not (math.isfinite(value) and abs(value) <= LARGEST_M):
            raise VlaError(f'{what} is {tuple(values)}; values are within ±{LARGEST_M:g}')
        if positive and value <= 0:
            raise VlaError(f'{what} is {tuple(values)}; each must be above 0')
