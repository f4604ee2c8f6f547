# SPDX-License-Identifier: Apache-2.0
"""What the simulator alone knows for certain: poses, contacts, and what the gripper holds."""

from collections.abc import Iterator

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.gripper import Gripper
from vla_contract.observation import Body, World
from vla_contract.robot import Robot
from vla_sim.scene import Item, Scene, size_of

HOLDING_FORCE = 2.0
"""Every finger presses at least this hard on what it holds [N]."""
UNMET_SHARE = 0.5
"""What is held takes less than this share of the fingers' forces as a push."""

Pose = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Position [m] and quaternion x y z w."""


class GroundTruth:
    """Reads one scene's model and data. Not for two threads at once."""

    def __init__(
        self,
        robot: Robot,
        gripper: Gripper,
        scene: Scene,
        model: mujoco.MjModel,
        data: mujoco.MjData,
    ) -> None:
        """Look up names once."""
        self._base = robot.base_frame
        self._gripper = gripper
        self._scene, self._model, self._data = scene, model, data
        self._objects = frozenset(item.thing.name for item in scene.items)
        names = [model.body(index).name for index in range(model.nbody)]
        self._owner = _owners(model, robot)
        self._links = frozenset(names[1:]) - self._objects
        finger = model.joint(gripper.joint)
        self._finger_qpos = int(finger.qposadr[0])
        self.finger_joints = _coupled(model, int(finger.id))
        self._fingers = frozenset(names[model.jnt_bodyid[joint]] for joint in self.finger_joints)
        self._harmful = self._harmful_pairs()

    def pose(self, body: str) -> Pose:
        """Of a body in the base frame."""
        found = self._data.body(body)
        return self.in_base(found.xpos, found.xmat.reshape(3, 3))

    def in_base(self, position: NDArray[np.float64], rotation: NDArray[np.float64]) -> Pose:
        """A pose of the world in the base frame."""
        base = self._data.body(self._base)
        turn = base.xmat.reshape(3, 3).T
        return turn @ (position - base.xpos), _quaternion(turn @ rotation)

    def world(self, time_ns: int) -> World:
        """All objects and the gripper."""
        bodies = tuple(self._body(item) for item in self._scene.items)
        opening = self._gripper.to_opening(float(self._data.qpos[self._finger_qpos]))
        return World(time_ns, bodies, float(np.clip(opening, 0.0, 1.0)), self.held())

    def held(self) -> str:
        """Name of the object that the fingers squeeze between them, empty for none.

        Fingers that push an object along press on one side of it, so their forces add up; those
        that hold it press against each other.
        """
        pressed: dict[str, dict[str, NDArray[np.float64]]] = {}
        for finger, thing, force in self._presses():
            forces = pressed.setdefault(thing, {})
            forces[finger] = forces.get(finger, 0.0) + force
        held = [name for name, forces in pressed.items() if self._squeezed(forces)]
        return held[0] if held else ''

    def _squeezed(self, forces: dict[str, NDArray[np.float64]]) -> bool:
        """Every finger presses, and most of it is met by other fingers."""
        each = [float(np.linalg.norm(force)) for force in forces.values()]
        if forces.keys() != self._fingers or min(each) <= HOLDING_FORCE:
            return False
        together = float(np.linalg.norm(sum(forces.values())))
        return together < UNMET_SHARE * sum(each)

    def _presses(self) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        """Finger, object, and the force of the one on the other [N], for each of their contacts."""
        force = np.zeros(6)
        for index, (first, second) in enumerate(self._touching()):
            for finger, thing, sign in ((first, second, 1.0), (second, first, -1.0)):
                if finger in self._fingers and thing in self._objects:
                    mujoco.mj_contactForce(self._model, self._data, index, force)
                    normal = self._data.contact.frame[index, :3]
                    yield finger, thing, sign * force[0] * normal

    def contacts(self) -> tuple[tuple[str, str], ...]:
        """Links that touch anything but the object in the gripper, and what they touch."""
        held = self.held()
        pairs = set()
        for first, second in self._touching():
            link, other = (first, second) if first in self._links else (second, first)
            if link in self._links and not (held and other == held):
                pairs.add((link, other))
        return tuple(sorted(pairs))

    def collisions(self) -> frozenset[tuple[str, str]]:
        """Links that touch each other or what stands around the arm; objects do not count.

        Cheap where there are none, as it is asked after every step.
        """
        pairs = self._data.contact.geom
        harmful = self._harmful[pairs[:, 0], pairs[:, 1]]
        if not harmful.any():
            return frozenset()
        return frozenset(self._named(int(a), int(b)) for a, b in pairs[harmful])

    def speed(self, name: str) -> float:
        """Of an object [m/s]."""
        address = int(self._model.joint(name).dofadr[0])
        return float(np.linalg.norm(self._data.qvel[address : address + 3]))

    def _body(self, item: Item) -> Body:
        thing = item.thing
        position, orientation = self.pose(thing.name)
        size = np.array(size_of(thing.shape))
        return Body(thing.name, thing.shape, thing.colour, position, orientation, size)

    def _touching(self) -> list[tuple[str, str]]:
        """Owners of both sides of every contact: bodies, or fixed geometry by its own name."""
        pairs = self._data.contact.geom
        return [(self._owner[int(first)], self._owner[int(second)]) for first, second in pairs]

    def _harmful_pairs(self) -> NDArray[np.bool_]:
        """Of all geometry by all geometry: link and link, or link and what nobody moves."""
        link = np.array([owner in self._links for owner in self._owner])
        finger = np.array([owner in self._fingers for owner in self._owner])
        fixed = ~link & np.array([owner not in self._objects for owner in self._owner])
        others = link | fixed
        harmful: NDArray[np.bool_] = np.outer(link, others) | np.outer(others, link)
        return harmful & ~np.outer(finger, finger)

    def _named(self, first: int, second: int) -> tuple[str, str]:
        """Owners of two geometries, a link first."""
        one, other = self._owner[first], self._owner[second]
        if one in self._links and other in self._links:
            return (one, other) if one < other else (other, one)
        return (one, other) if one in self._links else (other, one)


def _owners(model: mujoco.MjModel, robot: Robot) -> list[str]:
    """Of each geometry: its body, or its own name where it is of the world or of the scene."""
    scenery = {item.name for item in robot.scene.objects}
    owners = []
    for geom, body in enumerate(model.geom_bodyid):
        name = model.geom(geom).name
        owners.append(name if not body or name in scenery else model.body(int(body)).name)
    return owners


def _coupled(model: mujoco.MjModel, joint: int) -> tuple[int, ...]:
    """A joint and those that mimic it."""
    joints = {joint}
    for kind, one, other in zip(model.eq_type, model.eq_obj1id, model.eq_obj2id, strict=True):
        if kind == mujoco.mjtEq.mjEQ_JOINT and joint in (one, other):
            joints |= {int(one), int(other)}
    return tuple(sorted(joints))


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix as quaternion x y z w."""
    wxyz = np.zeros(4)
    mujoco.mju_mat2Quat(wxyz, np.ascontiguousarray(rotation).ravel())
    return np.roll(wxyz, -1)
