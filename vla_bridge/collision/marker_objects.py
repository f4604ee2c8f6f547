# SPDX-License-Identifier: Apache-2.0
"""visualization_msgs/MarkerArray as objects of the scene: what RViz draws, the arm keeps off.

A marker that cannot be understood is remembered as such until it is replaced or deleted: what it
stands for is somewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pinocchio as pin

from vla_bridge.codecs.ground_truth import PoseMessage, Vector
from vla_bridge.codecs.messages import StampMessage
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.collision.from_moveit import read_pose
from vla_bridge.collision.messages import FrameMessage
from vla_contract.description import find_description
from vla_contract.errors import VlaError
from vla_safety.collision.objects import (
    BoxShape,
    CylinderShape,
    MeshShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
    VoxelShape,
)
from vla_safety.collision.shapes import placement
from vla_safety.collision.solids import as_pose
from vla_safety.motion import Array

ADD, DELETE, DELETE_ALL = 0, 2, 3
"""Actions; to modify is to add."""
CUBE, SPHERE, CYLINDER, CUBE_LIST, SPHERE_LIST, TEXT, MESH = 1, 2, 3, 6, 7, 9, 10
"""Types of visualization_msgs/Marker that are understood; a text is nothing to hit."""
MOST_OBJECTS = 500
"""Objects of one topic, at most: more would take longer than there is time between two moves."""
_ALIGNED = 1e-3
Key = tuple[str, int]


class MarkerMessage(Protocol):
    """visualization_msgs/Marker, what of it has a body."""

    @property
    def header(self) -> FrameMessage:
        """Frame."""

    @property
    def ns(self) -> str:
        """Namespace."""

    @property
    def id(self) -> int:
        """Unique in its namespace."""

    @property
    def type(self) -> int:
        """Shape."""

    @property
    def action(self) -> int:
        """What to do."""

    @property
    def pose(self) -> PoseMessage:
        """Where."""

    @property
    def scale(self) -> Vector:
        """Full lengths, or factors of a mesh."""

    @property
    def lifetime(self) -> StampMessage:
        """Until it goes by itself; zero: never."""

    @property
    def points(self) -> Sequence[Vector]:
        """Middles of the items of a list."""

    @property
    def mesh_resource(self) -> str:
        """File of a mesh."""


@dataclass(frozen=True)
class _Marker:
    objects: tuple[SceneObject, ...]
    until_ns: int | None
    problem: str = ''


class MarkerObjects:
    """All markers of one topic."""

    def __init__(self, frames: Mapping[str, Pose], robot_path: Path) -> None:
        """There are none.

        Args:
            frames: Frames that stand, with their poses in the base frame.
            robot_path: The robot file.
        """
        self._frames, self._robot_path = frames, robot_path
        self._markers: dict[Key, _Marker] = {}

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """Everything that stands there now."""
        return tuple(item for marker in self._markers.values() for item in marker.objects)

    @property
    def problem(self) -> str:
        """What is wrong with the first marker that is not understood; empty for none."""
        for (space, number), marker in self._markers.items():
            if marker.problem:
                return f'{_name(space, number)}: {marker.problem}'
        if (count := len(self.objects)) > MOST_OBJECTS:
            return f'{count} objects, at most {MOST_OBJECTS}; join some of them'
        return ''

    def apply(self, markers: Sequence[MarkerMessage], now_ns: int) -> None:
        """Do what the markers of one message say, in their order."""
        for marker in markers:
            key = (marker.ns, int(marker.id))
            if marker.action == DELETE_ALL:
                self._markers.clear()
            elif marker.action == DELETE:
                self._markers.pop(key, None)
            else:
                self._markers[key] = self._read(marker, now_ns)

    def expire(self, now_ns: int) -> bool:
        """Take out markers whose lifetime is over; whether there was one."""
        ends = {key: marker.until_ns for key, marker in self._markers.items()}
        over = [key for key, end_ns in ends.items() if end_ns is not None and end_ns < now_ns]
        for key in over:
            del self._markers[key]
        return bool(over)

    def _read(self, marker: MarkerMessage, now_ns: int) -> _Marker:
        try:
            if marker.action != ADD:
                raise VlaError(f'action {marker.action} is neither ADD, DELETE nor DELETEALL')
            life_ns = stamp_ns(marker.lifetime, 'its lifetime')
            objects = tuple(self._objects(marker))
        except VlaError as error:
            return _Marker((), None, str(error))
        return _Marker(objects, now_ns + life_ns if life_ns else None)

    def _objects(self, marker: MarkerMessage) -> Iterator[SceneObject]:
        if marker.type == TEXT:
            return
        pose, name = self._pose(marker), _name(marker.ns, marker.id)
        if marker.type not in (CUBE_LIST, SPHERE_LIST):
            yield SceneObject(name, self._shape(marker), as_pose(pose))
            return
        points = np.array([(p.x, p.y, p.z) for p in marker.points], dtype=float).reshape(-1, 3)
        shape = _item(marker)
        grid = _grid(points, shape)
        if grid is not None:
            yield SceneObject(name, grid, as_pose(pose))
            return
        for index, point in enumerate(points):
            place = as_pose(pose * pin.SE3(np.eye(3), point))
            yield SceneObject(f'{name}/{index}', shape, place)

    def _pose(self, marker: MarkerMessage) -> pin.SE3:
        frame = marker.header.frame_id.removeprefix('/')
        if frame not in self._frames:
            raise VlaError(
                f'given in frame {frame!r}; frames that stand are {", ".join(sorted(self._frames))}'
            )
        return placement(self._frames[frame]) * placement(read_pose(marker.pose))

    def _shape(self, marker: MarkerMessage) -> Shape:
        if marker.type != MESH:
            return _item(marker)
        uri = marker.mesh_resource
        if not uri.startswith(('package://', 'file://')):
            raise VlaError(f'mesh_resource {uri!r} begins with neither package:// nor file://')
        path = find_description(uri, self._robot_path)
        if path is None:
            raise VlaError(f'mesh {uri} is in a ROS package that is not found')
        scale = marker.scale
        return MeshShape(path, (float(scale.x), float(scale.y), float(scale.z)))


def _item(marker: MarkerMessage) -> Shape:
    """A primitive, or each item of a list. What is no ball is within one."""
    x, y, z = float(marker.scale.x), float(marker.scale.y), float(marker.scale.z)
    box = BoxShape((x, y, z))  # refuses lengths that are none, whatever the type
    if marker.type in (CUBE, CUBE_LIST):
        return box
    if marker.type in (SPHERE, SPHERE_LIST):
        return SphereShape(max(x, y, z) / 2)
    if marker.type == CYLINDER:
        return CylinderShape(radius=max(x, y) / 2, length=z)
    raise VlaError(
        f'type {marker.type} is no body; cubes, spheres, cylinders, lists of cubes and spheres, '
        'and meshes are understood; publish anything else on another topic'
    )


def _grid(points: Array, shape: Shape) -> Shape | None:
    """Cubes that stand side by side, as those of an occupancy map do."""
    if not isinstance(shape, BoxShape) or not len(points) or not np.isfinite(points).all():
        return None
    edge = shape.size[0]
    if max(shape.size) - min(shape.size) > _ALIGNED * edge:
        return None
    cells = points / edge - 0.5
    whole = np.rint(cells)
    if np.abs(cells - whole).max() > _ALIGNED:
        return None
    return VoxelShape(edge, tuple((i, j, k) for i, j, k in whole.astype(int).tolist()))


def _name(space: str, number: int) -> str:
    return f'marker {space}/{number}' if space else f'marker {number}'
