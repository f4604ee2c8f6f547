# SPDX-License-Identifier: Apache-2.0
"""The scene of a robot file as shapes that a collision checker takes."""

from pathlib import Path

import numpy as np

from vla_contract.description import find_description
from vla_contract.errors import VlaError
from vla_contract.robot import Box, Robot
from vla_contract.scene import SceneObject as Described
from vla_safety.collision.objects import (
    BoxShape,
    CylinderShape,
    MeshShape,
    PlaneShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
)


def surroundings(robot: Robot, robot_path: Path) -> tuple[SceneObject, ...]:
    """Everything that always stands around the arm, keep-outs included.

    Args:
        robot: Describes it.
        robot_path: The robot file: meshes are named from there.

    Raises:
        VlaError: A mesh is not there.
    """
    solid = [
        SceneObject(
            name=item.name,
            shape=_shape(item, robot_path),
            pose=Pose(item.position, item.orientation),
            touch_links=frozenset(item.touch_links),
        )
        for item in robot.scene.objects
    ]
    return (*solid, *map(_forbidden, robot.workspace.keep_outs))


def _forbidden(box: Box) -> SceneObject:
    """A keep-out is as solid as a wall."""
    low, high = np.array(box.min), np.array(box.max)
    x, y, z = (low + high) / 2
    length, width, height = high - low
    return SceneObject(f'keep-out {box.name}', BoxShape((length, width, height)), Pose((x, y, z)))


def _shape(item: Described, robot_path: Path) -> Shape:
    if item.box is not None:
        return BoxShape(item.box)
    if item.sphere is not None:
        return SphereShape(item.sphere)
    if item.cylinder is not None:
        return CylinderShape(item.cylinder.radius, item.cylinder.length)
    if item.mesh is not None:
        path = find_description(item.mesh.file, robot_path)
        if path is None:
            raise VlaError(f'{item.name}: {item.mesh.file} is in a ROS package that is not found')
        return MeshShape(path, item.mesh.scale)
    return PlaneShape()
