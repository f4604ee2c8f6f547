# SPDX-License-Identifier: Apache-2.0
"""MoveIt's messages as our objects, one for each shape. What cannot be understood is refused.

An object of one shape keeps its name; of several, they are called ``name``, ``name/1``, ``name/2``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pinocchio as pin

from vla_bridge.codecs.ground_truth import PoseMessage
from vla_bridge.collision.messages import (
    AttachedMessage,
    CollisionObjectMessage,
    MeshMessage,
    PlaneMessage,
    PrimitiveMessage,
)
from vla_contract.errors import VlaError
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
)
from vla_safety.collision.shapes import placement

BOX, SPHERE, CYLINDER, CONE = 1, 2, 3, 4
"""Types of shape_msgs/SolidPrimitive."""
_DIMENSIONS = {BOX: 3, SPHERE: 1, CYLINDER: 2, CONE: 2}
_STL = np.dtype([('normal', '<f4', 3), ('corners', '<f4', (3, 3)), ('attribute', '<u2')])
_STL_HEADER = 80


def scene_objects(
    message: CollisionObjectMessage, frames: Mapping[str, Pose], folder: Path
) -> tuple[SceneObject, ...]:
    """The shapes of an object that is added.

    Args:
        message: The object.
        frames: Frames that stand, with their poses in our base frame, that frame included.
        folder: For meshes, which are files to us.
    """
    frame = message.header.frame_id
    if frame not in frames:
        raise VlaError(
            f'{message.id} is given in frame {frame!r}; frames that stand are '
            f'{", ".join(sorted(frames))}'
        )
    shapes = _shapes(message, placement(frames[frame]), folder)
    return tuple(SceneObject(name, shape, pose) for name, shape, pose in shapes)


def attached_objects(message: AttachedMessage, folder: Path) -> tuple[AttachedObject, ...]:
    """The shapes of an object that is attached, whose poses must be in the link that carries it."""
    item, link = message.object, message.link_name
    if item.header.frame_id not in ('', link):
        raise VlaError(
            f'{item.id} is attached to {link} and given in {item.header.frame_id!r}; give it in '
            'the frame of that link'
        )
    touch = frozenset(message.touch_links)
    shapes = _shapes(item, pin.SE3.Identity(), folder)
    return tuple(AttachedObject(name, shape, link, pose, touch) for name, shape, pose in shapes)


def _shapes(
    message: CollisionObjectMessage, frame: pin.SE3, folder: Path
) -> Iterator[tuple[str, Shape, Pose]]:
    shapes: list[tuple[Shape, pin.SE3]] = []
    for solid, pose in zip(message.primitives, _poses(message.primitive_poses), strict=False):
        shapes.append((_solid(solid, message.id), pose))
    for mesh, pose in zip(message.meshes, _poses(message.mesh_poses), strict=False):
        shapes.append((_mesh(mesh, message.id, folder), pose))
    for plane, pose in zip(message.planes, _poses(message.plane_poses), strict=False):
        shapes.append((PlaneShape(), pose * _plane(plane, message.id)))
    if not shapes:
        raise VlaError(f'{message.id} is added without any shape')
    whole = frame * placement(read_pose(message.pose))
    for index, (shape, pose) in enumerate(shapes):
        name = f'{message.id}/{index}' if index else message.id
        yield name, shape, _as_pose(whole * pose)


def _poses(poses: Sequence[PoseMessage]) -> Iterator[pin.SE3]:
    """As MoveIt: shapes beyond those with a pose are where the object is."""
    yield from (placement(read_pose(pose)) for pose in poses)
    while True:
        yield pin.SE3.Identity()


def _solid(message: PrimitiveMessage, name: str) -> Shape:
    sizes = [float(value) for value in message.dimensions]
    wanted = _DIMENSIONS.get(message.type)
    if wanted is None:
        raise VlaError(
            f'{name} has a primitive of type {message.type}; boxes, spheres, cylinders and cones '
            'are understood'
        )
    if len(sizes) < wanted:
        raise VlaError(f'{name} has {len(sizes)} dimensions, where its shape has {wanted}')
    if message.type == BOX:
        return BoxShape((sizes[0], sizes[1], sizes[2]))
    if message.type == SPHERE:
        return SphereShape(sizes[0])
    # A cone stands in the cylinder about it.
    return CylinderShape(radius=sizes[1], length=sizes[0])


def _mesh(message: MeshMessage, name: str, folder: Path) -> MeshShape:
    points = np.array([[p.x, p.y, p.z] for p in message.vertices], dtype=float).reshape(-1, 3)
    indices = np.array([list(t.vertex_indices) for t in message.triangles], dtype=int)
    indices = indices.reshape(-1, 3)
    if not len(indices) or indices.min() < 0 or indices.max() >= len(points):
        raise VlaError(
            f'{name} has a mesh of {len(indices)} triangles on {len(points)} vertices, which do '
            'not fit together'
        )
    if not np.isfinite(points).all():
        raise VlaError(f'{name} has a mesh with a vertex that is not finite')
    facets = np.zeros(len(indices), dtype=_STL)
    facets['corners'] = points[indices]
    content = bytes(_STL_HEADER) + np.uint32(len(facets)).tobytes() + facets.tobytes()
    path = folder / f'{hashlib.sha256(content).hexdigest()}.stl'
    if not path.exists():
        path.write_bytes(content)
    return MeshShape(path)


def _plane(message: PlaneMessage, name: str) -> pin.SE3:
    """Where our plane is: what the normal points away from is solid."""
    coefficients = np.array(list(message.coef), dtype=float)
    length = float(np.linalg.norm(coefficients[:3]))
    if coefficients.shape != (4,) or not np.isfinite(coefficients).all() or length == 0:
        raise VlaError(f'{name} has a plane {coefficients.tolist()}, which is none')
    normal, distance = coefficients[:3] / length, coefficients[3] / length
    turn = pin.Quaternion.FromTwoVectors(np.array([0.0, 0.0, 1.0]), normal)
    return pin.SE3(turn, -normal * distance)


def read_pose(message: PoseMessage) -> Pose:
    """geometry_msgs/Pose, as MoveIt reads it: a quaternion that was never set turns nothing."""
    at, turn = message.position, message.orientation
    given = (float(turn.x), float(turn.y), float(turn.z), float(turn.w))
    orientation = given if any(given) else (0.0, 0.0, 0.0, 1.0)
    return Pose((float(at.x), float(at.y), float(at.z)), orientation)


def _as_pose(pose: pin.SE3) -> Pose:
    px, py, pz = pose.translation.tolist()
    x, y, z, w = pin.Quaternion(pose.rotation).coeffs().tolist()
    return Pose((px, py, pz), (x, y, z, w))
