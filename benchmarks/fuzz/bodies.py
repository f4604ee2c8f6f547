# SPDX-License-Identifier: Apache-2.0
"""The arm and things around it in MuJoCo, to ask where they are and how far apart.

Shares no code with the motion filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from benchmarks.fuzz.description import read
from benchmarks.fuzz.record import Array, Thing
from vla_contract.robot import Robot
from vla_contract.scene import SceneObject

PARKED = (0.0, 0.0, -50.0)
"""Where things are that are not there."""
FARTHEST_M = 0.5
"""Distances beyond this are not told apart."""
_FINGER_M = 0.05
_SHAPES = {
    'box': mujoco.mjtGeom.mjGEOM_BOX,
    'sphere': mujoco.mjtGeom.mjGEOM_SPHERE,
    'cylinder': mujoco.mjtGeom.mjGEOM_CYLINDER,
}


@dataclass(frozen=True)
class Pair:
    """Two shapes that may not meet.

    Attributes:
        first: MuJoCo's number of the one.
        second: Of the other.
        names: Link or thing of each.
        own: Both are parts of the arm.
        travel: How much nearer they can come by a change of each joint, and of the opening [m].
    """

    first: int
    second: int
    names: tuple[str, str]
    own: bool
    travel: Array


class Bodies:
    """One robot, the things of its file, and a pool of things that come and go.

    Attributes:
        pairs: All that is compared.
        limits: Lower and upper positions and speeds in the URDF, 3 by joints.
    """

    def __init__(
        self, robot: Robot, path: Path, pool: Sequence[Thing] = (), carried: Thing | None = None
    ) -> None:
        """Compile the model.

        Args:
            robot: Its file.
            path: Where that is; the URDF and SRDF are named from there.
            pool: Things with their shapes; they are parked until placed.
            carried: What the tool holds, posed in its frame; it may touch the links next to it.
        """
        self.robot = robot
        self._files = read(robot, path)
        spec = mujoco.MjSpec.from_file(str(self._files.urdf))
        for geom in spec.geoms:
            geom.name = ''
        self._things = {item.name for item in robot.scene.objects} | {item.name for item in pool}
        for item in robot.scene.objects:
            self._add_standing(spec, item)
        for thing in pool:
            _add_geom(spec.worldbody.add_body(name=thing.name, mocap=True, pos=PARKED), thing)
        self._carried = carried.name if carried else ''
        if carried is not None:
            _add_geom(spec.body(robot.tool_frame), carried, carried.position)
        self.model = model = spec.compile()
        self.data = mujoco.MjData(model)
        self._joints = [model.joint(name).id for name in robot.joint_names]
        self._tool = model.body(robot.tool_frame).id
        self._mocap = {t.name: int(model.body(t.name).mocapid[0]) for t in pool}
        self._turn = _matrix(self._files.base[1])
        self.limits = np.array([self._files.limits[name] for name in robot.joint_names]).T
        self.pairs = self._pairs()
        self.put(np.zeros(len(self._joints)), 0.0)

    def place(self, things: Sequence[Thing]) -> None:
        """These are there, the rest of the pool is not."""
        self.data.mocap_pos[:] = PARKED
        for thing in things:
            index = self._mocap[thing.name]
            self.data.mocap_pos[index], self.data.mocap_quat[index] = self._in_world(
                thing.position, thing.orientation
            )

    def put(self, q: Array, opening: float) -> None:
        """Put the arm and its fingers somewhere."""
        self.data.qpos[self.model.jnt_qposadr[self._joints]] = q
        gripper = self.robot.gripper
        if gripper is not None:
            ends = gripper.model or gripper
            self._follow(ends.joint, ends.closed + opening * (ends.open - ends.closed))
        mujoco.mj_kinematics(self.model, self.data)

    def distance(self, pair: Pair) -> float:
        """Where the arm is put; negative is overlap, and FARTHEST_M is anything beyond [m]."""
        return float(
            mujoco.mj_geomDistance(self.model, self.data, pair.first, pair.second, FARTHEST_M, None)
        )

    def is_clear(self, q: Array, opening: float, by_m: float, thing: str = '') -> bool:
        """Whether every pair, or every one with a thing so named, is farther apart than this."""
        self.put(q, opening)
        pairs = (pair for pair in self.pairs if not thing or thing in pair.names)
        return all(self.distance(pair) > by_m for pair in pairs)

    def points(self, q: Array) -> Array:
        """Tool first, then every arm joint's origin, in the base frame [m]."""
        self.put(q, 0.5)
        bodies = [self._tool, *self.model.jnt_bodyid[self._joints]]
        return np.asarray((self.data.xpos[bodies] - self._files.base[0]) @ self._turn)

    def tool(self, q: Array) -> tuple[Array, Array]:
        """Position and rotation matrix of the tool in the base frame."""
        position = self.points(q)[0]
        return position, np.asarray(self._turn.T @ self.data.xmat[self._tool].reshape(3, 3))

    def _follow(self, joint: str, value: float) -> None:
        self.data.qpos[self.model.joint(joint).qposadr[0]] = value
        for name, (leader, factor, shift) in self._files.mimics.items():
            if leader == joint:
                self._follow(name, factor * value + shift)

    def _in_world(self, position: Sequence[float], xyzw: Sequence[float]) -> tuple[Array, Array]:
        placed, turned = np.zeros(3), np.zeros(4)
        x, y, z, w = xyzw
        mujoco.mju_mulQuat(turned, self._files.base[1], np.array([w, x, y, z]))
        mujoco.mju_rotVecQuat(placed, np.array(position), self._files.base[1])
        return self._files.base[0] + placed, turned

    def _add_standing(self, spec: mujoco.MjSpec, item: SceneObject) -> None:
        """A thing of the robot file."""
        if item.box is None and not item.plane:
            raise ValueError(f'the oracle knows boxes and planes, and {item.name} is neither')
        position, quat = self._in_world(item.position, item.orientation)
        spec.worldbody.add_geom(
            name=item.name,
            type=mujoco.mjtGeom.mjGEOM_PLANE if item.plane else mujoco.mjtGeom.mjGEOM_BOX,
            size=(0.0, 0.0, 1.0) if item.box is None else np.array(item.box) / 2,
            pos=position,
            quat=quat,
        )

    def _pairs(self) -> list[Pair]:
        model = self.model
        solid = [
            g for g in range(model.ngeom) if model.geom_contype[g] or model.geom_conaffinity[g]
        ]
        reach = {geom: self._reach(geom) for geom in solid}
        found = []
        for index, first in enumerate(solid):
            for second in solid[index + 1 :]:
                names = self._name(first), self._name(second)
                travel = _relative(reach[first], reach[second])
                things = [name in self._things for name in names]
                standing = any(things) and not max(reach[first].max(), reach[second].max())
                if all(things) or standing or not travel.any() or self._may(names):
                    continue
                found.append(Pair(first, second, names, not any(things), travel))
        return found

    def _may(self, names: tuple[str, str]) -> bool:
        """Whether the SRDF lets two links touch; what is carried stands for the link it is on."""
        if self._carried in names:
            holder = next(n for n in names if n != self._carried) if names[0] != names[1] else ''
            return holder in CARRIERS or holder == ''
        return frozenset(names) in self._files.allowed or names[0] == names[1]

    def _name(self, geom: int) -> str:
        return str(self.model.geom(geom).name or self.model.body(self.model.geom_bodyid[geom]).name)

    def _reach(self, geom: int) -> Array:
        """Farthest that each joint, and the opening, moves a shape, by the triangle inequality."""
        model, reach = self.model, np.zeros(len(self._joints) + 1)
        body = int(model.geom_bodyid[geom])
        along = float(np.linalg.norm(model.geom_pos[geom])) + float(model.geom_rbound[geom])
        while body:
            for joint in np.flatnonzero(model.jnt_bodyid == body):
                if joint in self._joints:
                    reach[self._joints.index(joint)] = along
                else:
                    reach[-1] += _FINGER_M + along * abs(self._stroke())
                    along += _FINGER_M
            along += float(np.linalg.norm(model.body_pos[body]))
            body = int(model.body_parentid[body])
        return reach

    def _stroke(self) -> float:
        gripper = self.robot.gripper
        ends = gripper and (gripper.model or gripper)
        return abs(ends.open - ends.closed) * 1.5 if ends else 0.0


CARRIERS = frozenset({'gripper_base_link', 'gripper_left_finger_link', 'gripper_right_finger_link'})
"""Links that what the tool holds may touch."""


def _relative(one: Array, other: Array) -> Array:
    """By which joints two shapes move against each other, and how much, at most."""
    both = (one > 0) & (other > 0)
    both[-1] = False  # fingers of one gripper move apart
    return np.asarray(np.where(both, 0.0, one + other))


def _add_geom(
    body: mujoco.MjsBody, thing: Thing, position: Sequence[float] = (0.0, 0.0, 0.0)
) -> None:
    """A thing's shape in a body that is where it is, or that carries it."""
    size = np.zeros(3)
    size[: len(thing.size)] = thing.size
    if thing.kind == 'box':
        size /= 2
    elif thing.kind == 'cylinder':
        size[1] /= 2
    body.add_geom(name=thing.name, type=_SHAPES[thing.kind], size=size, pos=position)


def _matrix(quat: Array) -> Array:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)
