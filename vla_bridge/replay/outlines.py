# SPDX-License-Identifier: Apache-2.0
"""What a shape of the scene looks like from above or from the side: flat polygons."""

import itertools

import numpy as np
from scipy.spatial import ConvexHull

from vla_safety.collision.objects import (
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    SceneObject,
    Shape,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.shapes import convex, placement
from vla_safety.motion import Array

_ROUND = 32
"""Corners that stand for a circle."""
_PLANE_M = 3.0
_UNIT_CUBE = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))


def outlines(thing: SceneObject, axes: tuple[int, int]) -> list[Array]:
    """Polygons, each corners by 2 [m].

    Args:
        thing: What stands there.
        axes: Of the base frame, those that go right and up in the picture.
    """
    pose = placement(thing.pose)
    if isinstance(thing.shape, VoxelShape):
        cells = np.unique(np.array(thing.shape.cells)[:, axes], axis=0)
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        return [(cell + square) * thing.shape.edge for cell in cells]
    points = _points(thing.shape, thing.name) @ pose.rotation.T + pose.translation
    flat = points[:, axes]
    return [flat[ConvexHull(flat).vertices]]


def box_outline(low: Array, high: Array, axes: tuple[int, int]) -> Array:
    """The polygon of a box along the axes."""
    corners = (low + high) / 2 + _UNIT_CUBE * (high - low)
    flat = corners[:, axes]
    return np.asarray(flat[ConvexHull(flat).vertices])


def _points(shape: Shape, name: str) -> Array:
    """Points of a shape whose hull it is, in its own frame."""
    around = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], axis=1)
    match shape:
        case BoxShape(size=size):
            return np.asarray(_UNIT_CUBE * np.array(size))
        case SphereShape(radius=radius):
            heights = np.linspace(-1, 1, _ROUND // 2)
            rings = np.sqrt(1 - heights**2)[:, None, None] * circle
            tall = np.repeat(heights, _ROUND)[:, None]
            return np.asarray(np.hstack([rings.reshape(-1, 2), tall]) * radius)
        case CylinderShape(radius=radius, length=length):
            rims = np.vstack([circle, circle]) * radius
            ends = np.repeat([-length / 2, length / 2], _ROUND)[:, None]
            return np.asarray(np.hstack([rims, ends]))
        case PlaneShape():
            block = _UNIT_CUBE * 2 * _PLANE_M
            return np.asarray(block - np.array([0.0, 0.0, _PLANE_M]))
        case MeshShape():
            bounds = convex(shape, name).aabb_local
            middle = (np.array(bounds.min_) + np.array(bounds.max_)) / 2
            return np.asarray(middle + _UNIT_CUBE * (np.array(bounds.max_) - np.array(bounds.min_)))
    raise ValueError(f'{name}: {type(shape).__name__} has no outline')
