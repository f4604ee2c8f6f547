# SPDX-License-Identifier: Apache-2.0
"""The simulated arm, stepped by its caller: commands in, state, ground truth and verdicts out."""

import threading
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Body, World
from vla_contract.robot import Gripper, Robot
from vla_sim.arm import GRIPPER_ACTUATOR
from vla_sim.scene import Item, draw_scene, size_of
from vla_sim.servo import ServoReference
from vla_sim.tasks.instruction import draw_task, parse
from vla_sim.tasks.task import Task
from vla_sim.world import PHYSICS_STEP_S, build_world

REST_SPEED = 0.02
"""An object slower than this lies still [m/s]."""
HOLDING_FORCE = 0.3
"""Both fingers press at least this hard on what they hold [N]."""
SETTLE_STEPS = 50


@dataclass(frozen=True)
class Snapshot:
    """All that a picture depends on.

    Attributes:
        model: Changes at every reset.
        positions: Of all joints and objects.
        time_ns: When it held.
    """

    model: mujoco.MjModel
    positions: NDArray[np.float64]
    time_ns: int


class Simulator:
    """A world with an arm in it. One thread steps it; any thread may ask for a snapshot."""

    def __init__(
        self, robot: Robot, robot_path: Path, seed: int = 0, instruction: str = ''
    ) -> None:
        """Build the world and lay out the first scene.

        Args:
            robot: The arm; simulated, with a URDF, a home posture and a gripper.
            robot_path: File it was read from, against which its URDF is found.
            seed: Of the scene.
            instruction: What the scene must make possible; empty: the seed chooses.
        """
        if robot.gripper is None or not robot.home:
            missing = 'gripper' if robot.gripper is None else 'home'
            raise VlaError(f'{robot_path}: {missing}: missing; the simulator needs it')
        self.robot = robot
        self._robot_path = robot_path
        self._gripper: Gripper = robot.gripper
        self._lock = threading.Lock()
        self._steps = 0
        self.instruction = self.reset(seed, instruction)

    @property
    def physics_step_s(self) -> float:
        """Simulated time of one step [s]."""
        return PHYSICS_STEP_S

    @property
    def time_ns(self) -> int:
        """Simulated time; starts at 0 and never jumps, not even at a reset."""
        return self._steps * round(PHYSICS_STEP_S * 1e9)

    def reset(self, seed: int, instruction: str = '') -> str:
        """Put the arm in its home posture and lay out a scene.

        Args:
            seed: Same seed and instruction, same scene.
            instruction: What the scene must make possible; empty: the seed chooses.

        Returns:
            The instruction that the scene was laid out for.
        """
        rng = np.random.default_rng(seed)
        task = parse(instruction) if instruction else draw_task(rng)
        scene = draw_scene(rng, task.needs())
        model = build_world(self.robot, self._robot_path, scene)
        data = mujoco.MjData(model)
        with self._lock:
            self._scene, self._model, self._data = scene, model, data
            self._index()
            self._go_home()
        self.instruction = instruction or task.instruction
        return self.instruction

    def step(self) -> None:
        """Advance by one physics step."""
        with self._lock:
            self._data.ctrl[self._arm_actuators] = self._arm_servo.advance()
            self._data.ctrl[self._finger_actuator] = self._advance_gripper()
            mujoco.mj_step(self._model, self._data)
            self._steps += 1

    def command_arm(self, positions: NDArray[np.float64]) -> None:
        """Send the arm's servos to joint positions [rad]; call it at a steady rate."""
        if positions.shape != (len(self.robot.joints),) or not np.isfinite(positions).all():
            raise VlaError(
                f'arm command {positions.tolist()}: the simulator takes '
                f'{len(self.robot.joints)} finite joint positions'
            )
        self._arm_servo.command(positions)

    def command_gripper(self, joint_position: float) -> None:
        """Send the finger to a joint position; it goes there at the gripper's own speed."""
        if not np.isfinite(joint_position):
            raise VlaError(f'gripper command {joint_position}: must be finite')
        low, high = sorted((self._gripper.open, self._gripper.closed))
        self._finger_target = min(max(joint_position, low), high)

    def joint_positions(self) -> NDArray[np.float64]:
        """Of the arm [rad], in the robot file's order."""
        return np.array(self._data.qpos[self._arm_qpos])

    def joint_velocities(self) -> NDArray[np.float64]:
        """Of the arm [rad/s], in the robot file's order."""
        return np.array(self._data.qvel[self._arm_dofs])

    def gripper_position(self) -> float:
        """Of the finger [m]."""
        return float(self._data.qpos[self._finger_qpos])

    def gripper_velocity(self) -> float:
        """Of the finger [m/s]."""
        return float(self._data.qvel[self._finger_dof])

    def tool_pose(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position [m] and quaternion x y z w of the tool frame in the base frame."""
        return self._pose(self.robot.tool_frame)

    def world(self) -> World:
        """Ground truth at this moment, in the base frame."""
        bodies = tuple(self._body(item) for item in self._scene.items)
        opening = self._gripper.to_opening(self.gripper_position())
        return World(self.time_ns, bodies, float(np.clip(opening, 0.0, 1.0)), self._held())

    def contacts(self) -> tuple[tuple[str, str], ...]:
        """Links of the arm that touch anything but the object in the gripper.

        Returns:
            Pairs of a link and what it touches, sorted, each once; ``table`` for the table.
        """
        held = self._held()
        pairs = set()
        for contact in self._data.contact[: self._data.ncon]:
            first, second = (self._name_of(int(geom)) for geom in contact.geom)
            if first not in self._links:
                first, second = second, first
            if first in self._links and not (held and second == held):
                pairs.add((first, second))
        return tuple(sorted(pairs))

    def success(self, instruction: str) -> bool:
        """Is the instruction carried out, with its object at rest and let go?"""
        task = self._task(instruction)
        return task.done(self.world()) and self._speed(task.subject.name) < REST_SPEED

    def progress(self, instruction: str) -> float:
        """How far the instruction is carried out, from 0 to 1."""
        if self.success(instruction):
            return 1.0
        position, _ = self.tool_pose()
        return min(self._task(instruction).progress(self.world(), position), 0.95)

    def snapshot(self) -> Snapshot:
        """A copy for a thread that draws."""
        with self._lock:
            return Snapshot(self._model, self._data.qpos.copy(), self.time_ns)

    def camera_pose(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position [m] and quaternion x y z w of a camera's optical frame in the base frame."""
        with self._lock:
            camera = self._data.camera(name)
            flip = np.diag((1.0, -1.0, -1.0))
            turn = camera.xmat.reshape(3, 3) @ flip
            base = self._data.body(self.robot.base_frame)
            rotation = base.xmat.reshape(3, 3).T
            return rotation @ (camera.xpos - base.xpos), _quaternion(rotation @ turn)

    def field_of_view(self, camera: str) -> float:
        """Vertical angle that a camera sees [rad]."""
        return float(np.radians(self._model.camera(camera).fovy[0]))

    def _index(self) -> None:
        """Find the addresses of joints, actuators and links in a new model."""
        model = self._model
        joints = [model.joint(name) for name in self.robot.joint_names]
        self._arm_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._arm_dofs = np.array([joint.dofadr[0] for joint in joints])
        self._arm_actuators = np.array([model.actuator(name).id for name in self.robot.joint_names])
        finger = model.joint(self._gripper.joint)
        self._finger_qpos = int(finger.qposadr[0])
        self._finger_dof = int(finger.dofadr[0])
        self._finger_actuator = int(model.actuator(GRIPPER_ACTUATOR).id)
        self._fingers = self._finger_links(finger.id)
        objects = {item.thing.name for item in self._scene.items}
        names = {model.body(i).name for i in range(1, model.nbody)}
        self._links = frozenset(names - objects)

    def _finger_links(self, finger: int) -> tuple[str, ...]:
        """Links moved by the finger's joint and by those that mimic it."""
        model = self._model
        joints = {finger}
        for kind, one, other in zip(model.eq_type, model.eq_obj1id, model.eq_obj2id, strict=True):
            if kind == mujoco.mjtEq.mjEQ_JOINT and finger in (one, other):
                joints |= {int(one), int(other)}
        return tuple(model.body(model.jnt_bodyid[joint]).name for joint in sorted(joints))

    def _go_home(self) -> None:
        """Start at rest in the home posture with the gripper open, objects settled."""
        model, data = self._model, self._data
        home = np.array(self.robot.home)
        data.qpos[self._arm_qpos] = home
        for link in self._fingers:
            data.qpos[model.jnt_qposadr[model.body(link).jntadr[0]]] = self._gripper.open
        self._finger_target = self._finger_reference = self._gripper.open
        gains = model.actuator_gainprm[self._arm_actuators, 0]
        damping = -model.actuator_biasprm[self._arm_actuators, 2]
        limits = np.array([joint.velocity for joint in self.robot.joints])
        self._arm_servo = ServoReference(home, damping / gains, 2.0 * limits, PHYSICS_STEP_S)
        data.ctrl[self._arm_actuators] = home
        data.ctrl[self._finger_actuator] = self._gripper.open
        mujoco.mj_step(model, data, SETTLE_STEPS)

    def _advance_gripper(self) -> float:
        """The finger's reference, moved towards its target by one step at the gripper's speed."""
        reach = self._gripper.speed * PHYSICS_STEP_S
        change = np.clip(self._finger_target - self._finger_reference, -reach, reach)
        self._finger_reference += float(change)
        return self._finger_reference

    def _pose(self, body: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position and quaternion x y z w of a body in the base frame."""
        base, found = self._data.body(self.robot.base_frame), self._data.body(body)
        rotation = base.xmat.reshape(3, 3).T
        turn = rotation @ found.xmat.reshape(3, 3)
        return rotation @ (found.xpos - base.xpos), _quaternion(turn)

    def _body(self, item: Item) -> Body:
        position, orientation = self._pose(item.thing.name)
        thing = item.thing
        size = np.array(size_of(thing.shape))
        return Body(thing.name, thing.shape, thing.colour, position, orientation, size)

    def _held(self) -> str:
        """Name of the object that both fingers press on, empty for none."""
        pressed: dict[str, set[str]] = {}
        force = np.zeros(6)
        for index, contact in enumerate(self._data.contact[: self._data.ncon]):
            names = [self._name_of(int(geom)) for geom in contact.geom]
            for finger, thing in (names, reversed(names)):
                if finger in self._fingers and thing not in self._links:
                    mujoco.mj_contactForce(self._model, self._data, index, force)
                    if force[0] > HOLDING_FORCE:
                        pressed.setdefault(thing, set()).add(finger)
        held = [name for name, fingers in pressed.items() if len(fingers) == len(self._fingers)]
        return held[0] if held else ''

    def _name_of(self, geom: int) -> str:
        """Of the body that a geometry belongs to, or of the geometry itself where it is fixed."""
        body = int(self._model.geom_bodyid[geom])
        owner = self._model.body(body) if body else self._model.geom(geom)
        return str(owner.name)

    def _speed(self, name: str) -> float:
        address = int(self._model.joint(name).dofadr[0])
        return float(np.linalg.norm(self._data.qvel[address : address + 3]))

    def _task(self, instruction: str) -> Task:
        """The task of an instruction, if this scene has what it speaks of."""
        task = parse(instruction)
        present = {item.thing for item in self._scene.items}
        missing = [need.thing.phrase for need in task.needs() if need.thing not in present]
        if missing:
            seen = ', '.join(sorted(thing.phrase for thing in present))
            raise VlaError(
                f'"{instruction}" speaks of a {missing[0]}, and there is none; on the table: {seen}'
            )
        return task


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix as quaternion x y z w."""
    wxyz = np.zeros(4)
    mujoco.mju_mat2Quat(wxyz, np.ascontiguousarray(rotation).ravel())
    return np.roll(wxyz, -1)
