# SPDX-License-Identifier: Apache-2.0
"""Depth pictures as cubes that are occupied, and for how long that is believed.

A cube is occupied from the first picture with enough points in it. It is free again

- at once where the camera looks through it at something behind it;
- ``forget_s`` after it was last seen, where the camera measures nothing there;
- but not while something nearer hides it, or while the arm is beside it, since then nothing says
  that it has gone: an arm that comes between the camera and a thing does not make the thing vanish.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.scene import DepthCamera
from vla_safety.collision.objects import Pose, SceneObject, VoxelShape
from vla_safety.collision.shapes import placement
from vla_safety.collision.solids import Points, Solid, near_any
from vla_safety.motion import NS

FINEST = (320, 240)
"""Columns and rows beyond which a picture is thinned, each point for the nearest of its block."""
MOST_CELLS = 20_000_000
"""Cubes within the camera's reach, at most: they take a byte or eight each."""
_NOTHING = 65535
_MILLIMETRE = np.float32(0.001)
_CORNERS = np.array([*itertools.product((0.0, 1.0), repeat=3), (0.5, 0.5, 0.5)], np.float32)


@dataclass(frozen=True)
class Lens:
    """A pinhole camera without distortion, pixel centres at whole numbers.

    Attributes:
        width: Columns [px].
        height: Rows [px].
        focal: Focal lengths along columns and rows [px].
        centre: Column and row of the optical axis [px].
    """

    width: int
    height: int
    focal: tuple[float, float]
    centre: tuple[float, float]

    def __post_init__(self) -> None:
        """Refuse a camera that was never calibrated."""
        numbers = np.array([*self.focal, *self.centre])
        if not (np.isfinite(numbers).all() and min(self.focal) > 0):
            raise VlaError(
                f'focal lengths {self.focal} and centre {self.centre} are those of no camera'
            )


class VoxelMap:
    """What one fixed depth camera has seen."""

    def __init__(self, rule: DepthCamera, lens: Lens, standing: Sequence[Solid] = ()) -> None:
        """Nothing has been seen.

        Args:
            rule: Of the robot file.
            lens: Of the camera.
            standing: What is known anyway; points within half a voxel of it are taken for it.
        """
        self._rule, self._lens, self._standing = rule, lens, standing
        self._pose = placement(Pose(rule.position, rule.orientation))
        self._block = max(-(-lens.width // FINEST[0]), -(-lens.height // FINEST[1]))
        self._shape = (-(-lens.height // self._block), -(-lens.width // self._block))
        self._rays, self._farthest = self._cast()
        self._low, self._size = self._extent()
        self._known = np.empty(0, dtype=np.int64)
        self._seen_ns = np.empty(0, dtype=np.int64)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Occupied cubes, N by 3: cell (i, j, k) begins at (i, j, k)·voxel in the base frame."""
        return np.stack(np.unravel_index(self._known, self._size), axis=1) + self._low

    def objects(self, name: str) -> tuple[SceneObject, ...]:
        """All occupied cubes as one object of the scene; none where there is none."""
        if not len(self._known):
            return ()
        cells = tuple((i, j, k) for i, j, k in self.cells.tolist())
        return (SceneObject(name, VoxelShape(self._rule.voxel, cells)),)

    def look(self, depth: NDArray[np.uint16], arm: Sequence[Solid], now_ns: int) -> None:
        """Take one picture.

        Args:
            depth: Millimetres, rows by columns; 0 where nothing was measured.
            arm: Where the arm was then, with what it carries.
            now_ns: When, by the clock that cubes age by.
        """
        nearest = self._thin(depth)
        flat = np.flatnonzero(nearest.reshape(-1) <= self._farthest)
        distance = nearest.reshape(-1)[flat].astype(np.float32) * _MILLIMETRE
        points = self._rays[flat] * distance[:, None]
        points += self._pose.translation.astype(np.float32)
        points = points[~near_any(self._standing, points, self._rule.voxel / 2)]
        points = points[~near_any(arm, points, self._rule.own_margin)]
        cells = np.floor(points * np.float32(1 / self._rule.voxel)).astype(np.int32)
        keys = np.ravel_multi_index((cells - self._low).T, self._size, mode='clip')
        counts = np.bincount(keys, minlength=int(np.prod(self._size)))
        seen = np.flatnonzero(counts >= self._rule.points)
        self._age(nearest, counts, arm, now_ns)
        fresh = np.full(len(seen), now_ns, dtype=np.int64)
        known, first = np.unique(np.concatenate([seen, self._known]), return_index=True)
        self._known, self._seen_ns = known, np.concatenate([fresh, self._seen_ns])[first]

    def _age(
        self,
        nearest: NDArray[np.uint16],
        counts: NDArray[np.int64],
        arm: Sequence[Solid],
        now_ns: int,
    ) -> None:
        """Forget cubes that are free or old, and not those of which nothing can be known."""
        if not len(self._known):
            return
        through, hidden = self._behind(nearest)
        edge = np.float32(self._rule.voxel)
        middles = (self.cells.astype(np.float32) + np.float32(0.5)) * edge
        kept = hidden | near_any(arm, middles, self._rule.own_margin)
        self._seen_ns[kept] = now_ns
        free = through & (counts[self._known] == 0) & ~kept
        old = now_ns - self._seen_ns > self._rule.forget_s * NS
        left = ~(free | old)
        self._known, self._seen_ns = self._known[left], self._seen_ns[left]

    def _behind(self, nearest: NDArray[np.uint16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of each known cube: whether all of it was looked through, and whether it is hidden."""
        edge = self._rule.voxel
        places = (self.cells[:, None] + _CORNERS).reshape(-1, 3) * edge
        places = (places - self._pose.translation) @ self._pose.rotation
        depth = np.maximum(places[:, 2], 1e-6)
        lens, block = self._lens, self._block
        column = np.rint(places[:, 0] / depth * lens.focal[0] + lens.centre[0]).astype(np.int64)
        row = np.rint(places[:, 1] / depth * lens.focal[1] + lens.centre[1]).astype(np.int64)
        inside = (places[:, 2] > 0) & (column >= 0) & (column < lens.width)
        inside &= (row >= 0) & (row < lens.height)
        at = (
            np.clip(row // block, 0, self._shape[0] - 1),
            np.clip(column // block, 0, self._shape[1] - 1),
        )
        found = np.where(inside, nearest[at], _NOTHING)
        measured = found < _NOTHING
        beyond = found * 1e-3 - places[:, 2]
        through = (measured & (beyond > edge / 2)).reshape(-1, len(_CORNERS)).all(axis=1)
        hidden = (measured & (beyond < -edge)).reshape(-1, len(_CORNERS))[:, -1]
        return through, hidden

    def _thin(self, depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The nearest of each block of pixels; where nothing was measured, 65535."""
        if depth.shape != (self._lens.height, self._lens.width):
            raise VlaError(
                f'a depth picture of {depth.shape[1]} x {depth.shape[0]}, where its camera has '
                f'{self._lens.width} x {self._lens.height}'
            )
        block, (rows, columns) = self._block, self._shape
        known = np.where(depth == 0, np.uint16(_NOTHING), depth)
        lacking = rows * block - depth.shape[0], columns * block - depth.shape[1]
        if any(lacking):
            known = np.pad(known, ((0, lacking[0]), (0, lacking[1])), constant_values=_NOTHING)
        nearest = known[::block, ::block].copy()
        for i, j in itertools.product(range(block), repeat=2):
            np.minimum(nearest, known[i::block, j::block], out=nearest)
        return nearest

    def _cast(self) -> tuple[Points, NDArray[np.uint16]]:
        """Of each thinned pixel: a step of 1 m in depth, in base axes, and its reach [mm]."""
        lens, block = self._lens, self._block
        rows, columns = np.indices(self._shape) * block + (block - 1) / 2
        x = (columns - lens.centre[0]) / lens.focal[0]
        y = (rows - lens.centre[1]) / lens.focal[1]
        rays = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
        farthest = self._rule.reach * 1e3 / np.linalg.norm(rays, axis=1)
        turned = (rays @ self._pose.rotation.T).astype(np.float32)
        return turned, np.minimum(farthest, _NOTHING - 1).astype(np.uint16)

    def _extent(self) -> tuple[NDArray[np.int64], tuple[int, int, int]]:
        """First cell within reach, and how many there are along x, y and z."""
        ends = self._rays * (self._farthest[:, None] * _MILLIMETRE)
        ends = np.vstack([ends, np.zeros(3, np.float32)]) + self._pose.translation
        low = np.floor(ends.min(axis=0) / self._rule.voxel).astype(np.int64) - 1
        high = np.floor(ends.max(axis=0) / self._rule.voxel).astype(np.int64) + 2
        x, y, z = (high - low).tolist()
        if x * y * z > MOST_CELLS:
            raise VlaError(
                f'scene.depth: {x * y * z} cubes of {self._rule.voxel:g} m within '
                f'{self._rule.reach:g} m; at most {MOST_CELLS} are possible; make voxel greater '
                'or reach less'
            )
        return low, (x, y, z)
