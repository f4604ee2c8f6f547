# SPDX-License-Identifier: Apache-2.0
"""From our shapes to coal's: convex, with a volume, and with a bounding box that is known."""

import coal
import numpy as np
import pinocchio as pin

from vla_contract.errors import VlaError
from vla_safety.collision.objects import (
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    Shape,
    SphereShape,
    VoxelShape,
)

PLANE_EXTENT_M = 20.0
"""Edge of the block that stands for a half-space: an arm reaches less than half of it [m]."""


def placement(pose: Pose) -> pin.SE3:
    """A pose as Pinocchio has it."""
    rotation = pin.Quaternion(np.array(pose.orientation))
    rotation.normalize()
    return pin.SE3(rotation, np.array(pose.position))


def convex(shape: Shape, name: str) -> coal.CollisionGeometry:
    """The shape as coal has it: meshes as their hulls, voxels as an octree."""
    match shape:
        case BoxShape(size=size):
            made = coal.Box(*size)
        case SphereShape(radius=radius):
            made = coal.Sphere(radius)
        case CylinderShape(radius=radius, length=length):
            made = coal.Cylinder(radius, length)
        case PlaneShape():
            made = coal.Box(PLANE_EXTENT_M, PLANE_EXTENT_M, PLANE_EXTENT_M)
        case VoxelShape(edge=edge, cells=cells):
            made = coal.makeOctree((np.array(cells) + 0.5) * edge, edge)
        case MeshShape():
            made = _load(shape, name)
    return hull(made, name)


def standing(shape: Shape, pose: pin.SE3) -> pin.SE3:
    """Where the middle of coal's shape is: a half-space's block lies below it, nearest to 0."""
    if not isinstance(shape, PlaneShape):
        return pose
    normal = pose.rotation[:, 2]
    foot = normal * float(normal @ pose.translation)
    return pin.SE3(pose.rotation, foot - normal * PLANE_EXTENT_M / 2)


def hull(geometry: coal.CollisionGeometry, name: str) -> coal.CollisionGeometry:
    """A mesh as its convex hull, anything else as it is; refuse what has no volume.

    Coal's broadphase leaves out a shape without volume, and says nothing.
    """
    if isinstance(geometry, coal.BVHModelBase):
        try:
            geometry.buildConvexHull(True, 'Qt')
        except (RuntimeError, ValueError) as error:
            raise VlaError(f'{name}: its mesh has no convex hull: {error}') from error
        geometry = geometry.convex
    geometry.computeLocalAABB()
    volume = float(geometry.aabb_local.volume())
    if not 0 < volume < PLANE_EXTENT_M**3 * 10:
        raise VlaError(f'{name}: its bounding box has a volume of {volume:g} m³, not above 0')
    return geometry


def _load(shape: MeshShape, name: str) -> coal.CollisionGeometry:
    loader = coal.MeshLoader(coal.BV_OBBRSS)
    try:
        return loader.load(str(shape.path), np.array(shape.scale))
    except ValueError as error:
        raise VlaError(f'{name}: mesh {shape.path} cannot be loaded: {error}') from error
