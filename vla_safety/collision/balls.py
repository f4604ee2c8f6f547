# SPDX-License-Identifier: Apache-2.0
"""Cheap lower bounds of distances, so that only pairs that could be nearest are measured."""

from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from vla_safety.collision.pairs import Pairs
from vla_safety.motion import Array


@dataclass(frozen=True)
class Cloud:
    """The cubes of an octree.

    Attributes:
        row: Of its shape among those of the scene.
        pose: Of its grid in the world.
        centre: Of each cube, in the grid.
        half: Half the edge of each [m].
    """

    row: int
    pose: pin.SE3
    centre: Array
    half: Array

    def distances(self, points: Array) -> Array:
        """From each point of the world to the nearest cube; 0 inside of one [m]."""
        local = (points - self.pose.translation) @ self.pose.rotation
        nearest = np.full(len(points), np.inf)
        for row, point in enumerate(local):
            beyond = np.maximum(np.abs(self.centre - point) - self.half[:, None], 0.0)
            nearest[row] = np.einsum('ij,ij->i', beyond, beyond).min()
        return np.asarray(np.sqrt(nearest))


@dataclass(frozen=True)
class Balls:
    """A ball about each moving shape, an upright box about each one of the scene.

    Attributes:
        centre: Of each ball, in its shape's frame.
        radius: Of each ball [m].
        low: Least corner of each box, in the world.
        high: Greatest corner.
        clouds: Shapes of the scene that fill little of their box.
    """

    centre: Array
    radius: Array
    low: Array
    high: Array
    clouds: tuple[Cloud, ...] = ()

    @classmethod
    def of(cls, geometry: pin.GeometryModel, moving: int) -> 'Balls':
        """Bound all shapes, of which the first so many move."""
        shapes = list(geometry.geometryObjects)
        low, high = np.empty((len(shapes) - moving, 3)), np.empty((len(shapes) - moving, 3))
        clouds = []
        for row, shape in enumerate(shapes[moving:]):
            centre = shape.placement.act(np.asarray(shape.geometry.aabb_center))
            box = shape.geometry.aabb_local
            half = (np.asarray(box.max_) - np.asarray(box.min_)) / 2
            extent = np.abs(shape.placement.rotation) @ half
            low[row], high[row] = centre - extent, centre + extent
            if isinstance(shape.geometry, coal.OcTree):
                cubes = np.array([np.asarray(cube)[:4] for cube in shape.geometry.toBoxes()])
                clouds.append(Cloud(row, shape.placement.copy(), cubes[:, :3], cubes[:, 3] / 2))
        return cls(
            np.array([shape.geometry.aabb_center for shape in shapes[:moving]]),
            np.array([shape.geometry.aabb_radius for shape in shapes[:moving]]),
            low,
            high,
            tuple(clouds),
        )

    def bounds(self, centres: Array, pairs: Pairs) -> Array:
        """Distance of every pair is at least this; minus infinity where nothing is known [m]."""
        between = centres[:, None] - centres[None]
        apart = np.sqrt(np.einsum('ijk,ijk->ij', between, between))
        apart -= self.radius[:, None] + self.radius[None]
        outside = np.maximum(
            np.maximum(self.low[None] - centres[:, None], centres[:, None] - self.high[None]), 0.0
        )
        gap = np.sqrt(np.einsum('ijk,ijk->ij', outside, outside))
        for cloud in self.clouds:
            gap[:, cloud.row] = cloud.distances(centres)
        gap = np.where(gap > 0, gap - self.radius[:, None], -np.inf)
        table = np.concatenate([apart, gap], axis=1)
        return np.asarray(table[pairs.first, pairs.second])
