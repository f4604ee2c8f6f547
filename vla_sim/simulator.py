# SPDX-License-Identifier: Apache-2.0
"""The simulated arm, stepped by its caller: commands in, state, ground truth and verdicts out."""

import threading
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper
from vla_contract.observation import World
from vla_contract.robot import Robot
from vla_sim.arm import GRIPPER_ACTUATOR, PHYSICS_STEP_S
from vla_sim.collisions import Collisions
from vla_sim.ground_truth import GroundTruth, Pose
from vla_sim.scene import draw_scene
from vla_sim.servo import ServoReference
from vla_sim.setting import USUAL, Setting
from vla_sim.tasks.instruction import draw_task, parse
from vla_sim.tasks.task import Task
from vla_sim.world import build_world

REST_SPEED = 0.02
"""An object slower than this lies still [m/s]."""
SETTLE_STEPS = 50
_ALMOST = 0.95
"""Progress of what is not yet done."""


@dataclass(frozen=True)
class Snapshot:
    """All that a picture depends on.

    Attributes:
        model: Another one after every reset.
        positions: Of all joints and objects.
        time_ns: When it held.
    """

    model: mujoco.MjModel
    positions: NDArray[np.float64]
    time_ns: int


class Simulator:
    """A world with an arm in it. One thread steps and commands it; any thread may read it.

    Attributes:
        collisions: Of the arm with itself and with what stands around it, of all steps so far.
    """

    def __init__(
        self,
        robot: Robot,
        robot_path: Path,
        seed: int = 0,
        instruction: str = '',
        setting: Setting = USUAL,
    ) -> None:
        """Build the world and lay out the first scene.

        Args:
            robot: The arm, with a URDF, a home posture and a gripper.
            robot_path: File it was read from, against which its URDF is found.
            seed: Of the scene.
            instruction: What the scene must make possible; empty: the seed chooses.
            setting: How the world looks, and how much lies about in it.

        Raises:
            VlaError: The robot cannot be simulated, or the instruction is not understood.
        """
        if robot.gripper is None or not robot.home:
            missing = 'gripper' if robot.gripper is None else 'home'
            raise VlaError(f'{robot_path}: {missing}: missing; the simulator needs it')
        self.robot = robot
        self._robot_path = robot_path
        self._gripper: Gripper = robot.gripper
        self._lock = threading.RLock()
        self._steps = 0
        self.collisions = Collisions()
        self.instruction = self.reset(seed, instruction, setting)

    @property
    def robot_path(self) -> Path:
        """File that the robot was read from."""
        return self._robot_path

    @property
    def physics_step_s(self) -> float:
        """Simulated time of one step [s]."""
        return PHYSICS_STEP_S

    @property
    def time_ns(self) -> int:
        """Simulated time; starts at 0 and never jumps, not even at a reset."""
        return self._steps * round(PHYSICS_STEP_S * 1e9)

    def reset(self, seed: int, instruction: str = '', setting: Setting = USUAL) -> str:
        """Put the arm in its home posture and lay out a scene.

        Args:
            seed: Same seed and instruction, same scene.
            instruction: What the scene must make possible; empty: the seed chooses.
            setting: How the world looks, and how much lies about in it.

        Returns:
            The instruction that the scene was laid out for.

        Raises:
            VlaError: The instruction is not understood; the old scene stays.
        """
        rng = np.random.default_rng(seed)
        task = parse(instruction) if instruction else draw_task(rng)
        scene = draw_scene(rng, task.needs(), setting.crowd)
        model = build_world(self.robot, self._robot_path, scene, setting.look)
        data = mujoco.MjData(model)
        with self._lock:
            self._model, self._data = model, data
            self._truth = GroundTruth(self.robot, self._gripper, scene, model, data)
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
            self.collisions.note(self._truth.collisions(), self.time_ns)

    def command_arm(self, positions: NDArray[np.float64]) -> None:
        """Send the arm's servos to joint positions [rad]; call it at a steady rate.

        Raises:
            VlaError: Not one finite position for each joint.
        """
        if positions.shape != (len(self.robot.joints),) or not np.isfinite(positions).all():
            raise VlaError(
                f'arm command {positions.tolist()}: the simulator takes '
                f'{len(self.robot.joints)} finite joint positions'
            )
        with self._lock:
            self._arm_servo.command(positions)

    def command_gripper(self, joint_position: float) -> None:
        """Send the finger to a joint position [m]; it goes there at the gripper's own speed.

        Raises:
            VlaError: The position is not finite.
        """
        if not np.isfinite(joint_position):
            raise VlaError(f'gripper command {joint_position}: must be finite')
        low, high = sorted((self._gripper.open, self._gripper.closed))
        with self._lock:
            self._finger_target = min(max(joint_position, low), high)

    def move_object(self, name: str, x: float, y: float, above: float = 0.0) -> None:
        """Take an object and put it elsewhere, upright and at rest, as a person might.

        Args:
            name: For example ``green_cube``.
            x: Of its centre in the base frame [m].
            y: The same.
            above: Height of its foot above the table [m].
        """
        with self._lock:
            body = next(b for b in self._truth.world(self.time_ns).bodies if b.name == name)
            joint = self._data.joint(name)
            joint.qpos[:] = (x, y, above + body.size[2] / 2, 1.0, 0.0, 0.0, 0.0)
            joint.qvel[:] = 0.0
            mujoco.mj_forward(self._model, self._data)

    def place_arm(self, positions: NDArray[np.float64], opening: float) -> None:
        """Have the arm stand elsewhere at once, at rest, whatever lies in the way.

        Args:
            positions: Of its joints [rad].
            opening: Of the gripper, 0 closed to 1 open.
        """
        with self._lock:
            self._stand(positions, self._gripper.to_joint(opening))
            mujoco.mj_forward(self._model, self._data)

    def joint_positions(self) -> NDArray[np.float64]:
        """Of the arm [rad], in the robot file's order."""
        with self._lock:
            return np.array(self._data.qpos[self._arm_qpos])

    def joint_velocities(self) -> NDArray[np.float64]:
        """Of the arm [rad/s], in the robot file's order."""
        with self._lock:
            return np.array(self._data.qvel[self._arm_dofs])

    def gripper_position(self) -> float:
        """Of the finger [m]."""
        with self._lock:
            return float(self._data.qpos[self._finger_qpos])

    def gripper_velocity(self) -> float:
        """Of the finger [m/s]."""
        with self._lock:
            return float(self._data.qvel[self._finger_dof])

    def tool_pose(self) -> Pose:
        """Of the tool frame in the base frame."""
        with self._lock:
            return self._truth.pose(self.robot.tool_frame)

    def camera_pose(self, name: str) -> Pose:
        """Of a camera's optical frame in the base frame."""
        with self._lock:
            camera = self._data.camera(name)
            optical = camera.xmat.reshape(3, 3) @ np.diag((1.0, -1.0, -1.0))
            return self._truth.in_base(camera.xpos, optical)

    def field_of_view(self, camera: str) -> float:
        """Vertical angle that a camera sees [rad]."""
        with self._lock:
            return float(np.radians(self._model.camera(camera).fovy[0]))

    def world(self) -> World:
        """Ground truth at this moment, in the base frame."""
        with self._lock:
            return self._truth.world(self.time_ns)

    def contacts(self) -> tuple[tuple[str, str], ...]:
        """Links of the arm that touch anything but the object in the gripper.

        Returns:
            Pairs of a link and what it touches, sorted, each once; ``table`` for the table.
        """
        with self._lock:
            return self._truth.contacts()

    def success(self, instruction: str) -> bool:
        """Is the instruction carried out, with its object at rest and let go?

        Raises:
            VlaError: The instruction is not understood, or speaks of what is not there.
        """
        task = parse(instruction)
        with self._lock:
            return self._done(task)

    def progress(self, instruction: str) -> float:
        """How far the instruction is carried out, from 0 to 1.

        Raises:
            VlaError: The instruction is not understood, or speaks of what is not there.
        """
        task = parse(instruction)
        with self._lock:
            if self._done(task):
                return 1.0
            position, _ = self.tool_pose()
            return min(task.progress(self.world(), position), _ALMOST)

    def snapshot(self) -> Snapshot:
        """A copy for a thread that draws."""
        with self._lock:
            return Snapshot(self._model, self._data.qpos.copy(), self.time_ns)

    def _done(self, task: Task) -> bool:
        return task.done(self.world()) and self._truth.speed(task.subject.name) < REST_SPEED

    def _index(self) -> None:
        """Find the addresses of joints and actuators in a new model."""
        model = self._model
        joints = [model.joint(name) for name in self.robot.joint_names]
        self._arm_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._arm_dofs = np.array([joint.dofadr[0] for joint in joints])
        self._arm_actuators = np.array([model.actuator(name).id for name in self.robot.joint_names])
        finger = model.joint(self._gripper.joint)
        self._finger_qpos = int(finger.qposadr[0])
        self._finger_dof = int(finger.dofadr[0])
        self._finger_actuator = int(model.actuator(GRIPPER_ACTUATOR).id)

    def _go_home(self) -> None:
        """Start at rest in the home posture with the gripper open, objects settled."""
        self._stand(np.array(self.robot.home), self._gripper.open)
        mujoco.mj_step(self._model, self._data, SETTLE_STEPS)

    def _stand(self, positions: NDArray[np.float64], finger: float) -> None:
        """Arm and finger somewhere at rest, held there."""
        model, data = self._model, self._data
        data.qpos[self._arm_qpos] = positions
        data.qpos[model.jnt_qposadr[list(self._truth.finger_joints)]] = finger
        data.qvel[self._arm_dofs] = 0.0
        self._finger_target = self._finger_reference = finger
        gains = model.actuator_gainprm[self._arm_actuators, 0]
        damping = -model.actuator_biasprm[self._arm_actuators, 2]
        fastest = 2.0 * np.array([joint.velocity for joint in self.robot.joints])
        self._arm_servo = ServoReference(positions, damping / gains, fastest, PHYSICS_STEP_S)
        data.ctrl[self._arm_actuators] = positions
        data.ctrl[self._finger_actuator] = finger

    def _advance_gripper(self) -> float:
        """The finger's reference, moved towards its target by one step at the gripper's speed."""
        reach = self._gripper.speed * PHYSICS_STEP_S
        change = np.clip(self._finger_target - self._finger_reference, -reach, reach)
        self._finger_reference += float(change)
        return self._finger_reference
