# SPDX-License-Identifier: Apache-2.0
"""Our objects as MoveIt's messages.

A half-space becomes the block that the embedded checker has for it, since MoveIt takes a plane for
infinitely thin; a mesh becomes its convex hull, for the same reason: one scene, whoever judges it.
"""

from typing import Any

import numpy as np
import pinocchio as pin

from vla_bridge.collision.installed import Messages
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    SceneObject,
    Shape,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.shapes import PLANE_EXTENT_M, convex, placement, standing
from vla_safety.collision.voxel_boxes import boxes_of


def collision_object(
    item: SceneObject, frame: str, messages: Messages, base: pin.SE3 | None = None
) -> Any:  # noqa: ANN401 - MoveIt's messages come without types
    """moveit_msgs/CollisionObject that adds an object of the scene.

    Args:
        item: The object.
        frame: What its pose is to be given in.
        messages: Classes to make it of.
        base: Our base frame in that frame; None where they are the same.
    """
    pose = placement(item.pose)
    if base is not None:
        pose = base * pose
    return _add(item.name, item.shape, standing(item.shape, pose), frame, messages)


def attached_collision_object(item: AttachedObject, messages: Messages) -> Any:  # noqa: ANN401 - MoveIt's messages come without types
    """moveit_msgs/AttachedCollisionObject of something that a link carries."""
    made = _add(item.name, item.shape, placement(item.pose), item.link, messages)
    return messages.moveit.AttachedCollisionObject(
        link_name=item.link, object=made, touch_links=sorted(item.touch_links | {item.link})
    )


def _add(name: str, shape: Shape, pose: pin.SE3, frame: str, messages: Messages) -> Any:  # noqa: ANN401
    made = messages.moveit.CollisionObject(id=name)
    made.header.frame_id = frame
    made.operation = messages.moveit.CollisionObject.ADD
    made.pose = _pose(pose, messages)
    if isinstance(shape, MeshShape):
        made.meshes = [_hull(shape, name, messages)]
        made.mesh_poses = [_pose(pin.SE3.Identity(), messages)]
    elif isinstance(shape, VoxelShape):
        made.primitives, made.primitive_poses = _boxes(shape, messages)
    else:
        made.primitives = [_primitive(shape, messages)]
        made.primitive_poses = [_pose(pin.SE3.Identity(), messages)]
    return made


def _primitive(
    shape: BoxShape | SphereShape | CylinderShape | PlaneShape, messages: Messages
) -> Any:  # noqa: ANN401
    solid = messages.shapes.SolidPrimitive
    match shape:
        case BoxShape(size=size):
            return solid(type=solid.BOX, dimensions=list(size))
        case SphereShape(radius=radius):
            return solid(type=solid.SPHERE, dimensions=[radius])
        case CylinderShape(radius=radius, length=length):
            return solid(type=solid.CYLINDER, dimensions=[length, radius])
        case PlaneShape():
            return solid(type=solid.BOX, dimensions=[PLANE_EXTENT_M] * 3)


def _boxes(shape: VoxelShape, messages: Messages) -> tuple[list[Any], list[Any]]:
    low, high = (corner * shape.edge for corner in boxes_of(np.array(shape.cells)))
    solid = messages.shapes.SolidPrimitive
    boxes = [solid(type=solid.BOX, dimensions=size) for size in (high - low).tolist()]
    turn = np.eye(3)
    return boxes, [_pose(pin.SE3(turn, middle), messages) for middle in (low + high) / 2]


def _hull(shape: MeshShape, name: str, messages: Messages) -> Any:  # noqa: ANN401
    hull = convex(shape, name)
    point, triangle = messages.geometry.Point, messages.shapes.MeshTriangle
    faces = [hull.polygons(index) for index in range(hull.num_polygons)]
    return messages.shapes.Mesh(
        vertices=[point(x=x, y=y, z=z) for x, y, z in hull.points().tolist()],
        triangles=[
            triangle(vertex_indices=np.array([face[k] for k in range(3)], dtype=np.uint32))
            for face in faces
        ],
    )


def _pose(pose: pin.SE3, messages: Messages) -> Any:  # noqa: ANN401
    geometry = messages.geometry
    x, y, z, w = pin.Quaternion(pose.rotation).coeffs().tolist()
    px, py, pz = pose.translation.tolist()
    return geometry.Pose(
        position=geometry.Point(x=px, y=py, z=pz),
        orientation=geometry.Quaternion(x=x, y=y, z=z, w=w),
    )
