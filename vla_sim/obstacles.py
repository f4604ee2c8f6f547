# SPDX-License-Identifier: Apache-2.0
"""What the robot file says stands around the arm, as solid things of the simulated world."""

from pathlib import Path

import mujoco

from vla_contract.description import find_description
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_contract.scene import SceneObject
from vla_sim.arm import VISUAL_GROUP

BUILT_IN = ('table',)
"""Things that the simulated world has of its own, in the same place."""
_RGBA = (0.84, 0.36, 0.22, 1.0)
_PLANE_HALF = 3.0


def add_obstacles(spec: mujoco.MjSpec, robot: Robot, robot_path: Path) -> None:
    """Stand every object of the robot file's scene in the world; nothing moves it."""
    base = spec.body(robot.base_frame)
    for item in robot.scene.objects:
        if item.name not in BUILT_IN:
            _add(spec, base, item, robot_path)


def _add(spec: mujoco.MjSpec, base: mujoco.MjsBody, item: SceneObject, robot_path: Path) -> None:
    x, y, z, w = item.orientation
    kind, size, mesh = _shape(spec, item, robot_path)
    base.add_geom(
        name=item.name,
        type=kind,
        size=size,
        meshname=mesh,
        pos=item.position,
        quat=(w, x, y, z),
        rgba=_RGBA,
        group=VISUAL_GROUP,
    )


def _shape(
    spec: mujoco.MjSpec, item: SceneObject, robot_path: Path
) -> tuple[mujoco.mjtGeom, tuple[float, float, float], str]:
    kinds = mujoco.mjtGeom
    if item.box is not None:
        x, y, z = item.box
        return kinds.mjGEOM_BOX, (x / 2, y / 2, z / 2), ''
    if item.sphere is not None:
        return kinds.mjGEOM_SPHERE, (item.sphere, 0.0, 0.0), ''
    if item.cylinder is not None:
        return kinds.mjGEOM_CYLINDER, (item.cylinder.radius, item.cylinder.length / 2, 0.0), ''
    if item.mesh is not None:
        path = find_description(item.mesh.file, robot_path)
        if path is None or not path.is_file():
            raise VlaError(f'{item.name}: {item.mesh.file} is not a file; the world lacks it')
        spec.add_mesh(name=item.name, file=str(path), scale=item.mesh.scale)
        return kinds.mjGEOM_MESH, (0.0, 0.0, 0.0), item.name
    return kinds.mjGEOM_PLANE, (_PLANE_HALF, _PLANE_HALF, 0.1), ''
