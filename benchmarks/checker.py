# SPDX-License-Identifier: Apache-2.0
"""What broadphase and convex hulls save: the embedded checker against plain Pinocchio and coal.

The arm has the joints of the Franka and, for each of its shapes, a mesh with thousands of
triangles that is made here; both sides are given the same files and the same free postures.
"""

import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from benchmarks.report import CHECKOUT, write
from vla_contract.deployment import load_robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import BoxShape, Pose, SceneObject
from vla_safety.collision.shapes import hull

Array = NDArray[np.float64]
ROBOT = CHECKOUT / 'config' / 'robots' / 'franka.yaml'
BOXES = (0, 10, 50, 200)
POSTURES = 200
ROUNDS = 16
"""Circles of latitude of a mesh; each has twice as many corners."""


def main() -> None:
    """Time both sides with more and more boxes."""
    robot = load_robot(ROBOT)
    urdf, srdf = ((ROBOT.parent / file).resolve() for file in (robot.urdf, robot.srdf))
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        meshes, triangles = _with_meshes(urdf, Path(folder))
        checker = EmbeddedChecker(Arm(robot, meshes, srdf))
        figures['triangles'] = triangles
        for count in BOXES:
            boxes = _boxes(count)
            checker.set_scene(boxes)
            postures = _free_postures(checker, POSTURES)
            figures.update(_compare(checker, Flat(meshes, srdf, boxes), postures, count))
    figures['broadphase_over_flat'] = _ratio(figures, 'hull_flat_50_us', 'broadphase_50_us')
    figures['hull_over_mesh_distance'] = _ratio(figures, 'mesh_distance_50_us', 'clearance_50_us')
    figures['target_broadphase_over_flat'] = 5.0
    figures['target_hull_over_mesh_distance'] = 20.0
    write('checker', figures, __doc__ or '')


class Flat:
    """Every pair, one after the other, as meshes and as hulls."""

    def __init__(self, urdf: Path, srdf: Path, boxes: Sequence[SceneObject]) -> None:
        """Load the arm twice."""
        self.model = pin.buildModelFromUrdf(str(urdf), mimic=True)
        self._data = self.model.createData()
        self._meshes = self._shapes(urdf, srdf, boxes, hulls=False)
        self._hulls = self._shapes(urdf, srdf, boxes, hulls=True)
        self._mesh_data, self._hull_data = self._meshes.createData(), self._hulls.createData()

    def hull_collides(self, q: Array) -> object:
        """Hulls, up to the first contact."""
        return pin.computeCollisions(self.model, self._data, self._hulls, self._hull_data, q, True)

    def mesh_collides(self, q: Array) -> object:
        """Meshes, up to the first contact."""
        return pin.computeCollisions(self.model, self._data, self._meshes, self._mesh_data, q, True)

    def mesh_distance(self, q: Array) -> object:
        """Distances of all pairs of meshes."""
        return pin.computeDistances(self.model, self._data, self._meshes, self._mesh_data, q)

    def _shapes(
        self, urdf: Path, srdf: Path, boxes: Sequence[SceneObject], *, hulls: bool
    ) -> pin.GeometryModel:
        shapes = pin.buildGeomFromUrdf(self.model, str(urdf), pin.GeometryType.COLLISION)
        shapes.addAllCollisionPairs()
        pin.removeCollisionPairs(self.model, shapes, str(srdf))
        links = [i for i in range(shapes.ngeoms) if shapes.geometryObjects[i].parentJoint]
        for shape in shapes.geometryObjects if hulls else ():
            shape.geometry = hull(shape.geometry, shape.name)
        for box in boxes:
            if not isinstance(box.shape, BoxShape):
                raise TypeError('boxes are boxes')
            place = pin.SE3(np.eye(3), np.array(box.pose.position))
            geometry = coal.Box(*box.shape.size)
            index = shapes.addGeometryObject(pin.GeometryObject(box.name, 0, 0, place, geometry))
            for link in links:
                shapes.addCollisionPair(pin.CollisionPair(link, index))
        return shapes


def _compare(
    checker: EmbeddedChecker, flat: Flat, postures: Sequence[Array], count: int
) -> dict[str, object]:
    """Median time of each way to ask, over the same postures [µs]."""
    places = [_configuration(flat.model, checker, posture) for posture in postures]
    found: dict[str, object] = {
        f'broadphase_{count}_us': _median_us(checker.is_free, postures),
        f'hull_flat_{count}_us': _median_us(flat.hull_collides, places),
        f'mesh_flat_{count}_us': _median_us(flat.mesh_collides, places),
        f'clearance_{count}_us': _median_us(checker.clearance, postures),
    }
    if count <= 50:
        found[f'mesh_distance_{count}_us'] = _median_us(flat.mesh_distance, places[:20])
    return found


def _median_us(ask: Callable[[Array], object], places: Sequence[Array]) -> float:
    for place in places[:3]:
        ask(place)
    taken = []
    for place in places:
        start = time.perf_counter()
        ask(place)
        taken.append(time.perf_counter() - start)
    return 1e6 * float(np.median(taken))


def _ratio(figures: dict[str, object], slow: str, fast: str) -> float:
    above, below = figures[slow], figures[fast]
    if not isinstance(above, float) or not isinstance(below, float):
        raise TypeError('times are numbers')
    return above / below


def _free_postures(checker: EmbeddedChecker, count: int) -> list[Array]:
    """At random, about a home that is free."""
    rng, found = np.random.default_rng(1), list[Array]()
    home = np.array(load_robot(ROBOT).home)
    while len(found) < count:
        posture = checker.layout.posture(home + rng.uniform(-0.8, 0.8, len(home)), rng.uniform())
        if checker.is_free(posture):
            found.append(posture)
    return found


def _configuration(model: pin.Model, checker: EmbeddedChecker, posture: Array) -> Array:
    """The same posture for Pinocchio; fingers half open, which is no matter for time."""
    q = pin.neutral(model)
    for name, value in zip(checker.layout.names, posture, strict=True):
        if model.existJointName(name):
            q[model.joints[model.getJointId(name)].idx_q] = value
    return np.asarray(q)


def _boxes(count: int) -> list[SceneObject]:
    """Around the arm, none at its foot."""
    rng = np.random.default_rng(2)
    found = []
    for index in range(count):
        turn, reach = rng.uniform(-np.pi, np.pi), rng.uniform(0.45, 1.1)
        at = (float(reach * np.cos(turn)), float(reach * np.sin(turn)), float(rng.uniform(0, 1)))
        found.append(SceneObject(f'box {index}', BoxShape((0.05, 0.05, 0.05)), Pose(at)))
    return found


def _with_meshes(urdf: Path, folder: Path) -> tuple[Path, int]:
    """A copy of a URDF with every collision shape as a mesh, and the count of triangles."""
    tree = ET.parse(urdf)  # noqa: S314 (our own file)
    triangles = 0
    for number, geometry in enumerate(tree.getroot().iterfind('.//collision/geometry')):
        corners, faces = _ball()
        corners = _stretched(corners, geometry[0])
        path = folder / f'{number}.obj'
        lines = [f'v {x:.9f} {y:.9f} {z:.9f}' for x, y, z in corners]
        lines += [f'f {a + 1} {b + 1} {c + 1}' for a, b, c in faces]
        path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        geometry[:] = [ET.Element('mesh', filename=str(path))]
        triangles += len(faces)
    copy = folder / urdf.name
    tree.write(copy)
    return copy, triangles


def _ball() -> tuple[Array, list[tuple[int, int, int]]]:
    """A ball with a finely dented surface."""
    around = 2 * ROUNDS
    corners, faces = [], []
    for i in range(ROUNDS + 1):
        for j in range(around):
            theta, phi = np.pi * i / ROUNDS, 2 * np.pi * j / around
            radius = 1 - 0.02 * ((i * 7 + j * 3) % 5) / 5
            point = (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))
            corners.append([radius * value for value in point])
    for i in range(ROUNDS):
        for j in range(around):
            a, b = i * around + j, i * around + (j + 1) % around
            faces += [(a, a + around, b), (b, a + around, b + around)]
    return np.array(corners), faces


def _stretched(corners: Array, shape: ET.Element) -> Array:
    """The ball with the size of a shape, and square where that is."""
    if shape.tag == 'sphere':
        return corners * float(shape.get('radius', 0))
    if shape.tag == 'cylinder':
        radius, length = float(shape.get('radius', 0)), float(shape.get('length', 0))
        half = np.array([radius, radius, length / 2])
    else:
        half = np.array([float(value) for value in shape.get('size', '').split()]) / 2
    return np.asarray(np.sign(corners) * np.abs(corners) ** 0.5 * half)


if __name__ == '__main__':
    main()
