# SPDX-License-Identifier: Apache-2.0
"""A filter on the real arm's model, driving the trajectory controller's stand-in, in plain time."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.deployment import load_robot
from vla_safety.avoidance import Avoidance
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.measured import Instant
from vla_safety.motion import NS, Motion
from vla_safety.reasons import Reason
from vla_safety.surroundings import surroundings
from vla_safety.watch import Watch
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.motion import Motion as ControllerMotion
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

Array = NDArray[np.float64]
ROBOT = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
START_NS = 1_000 * NS
CYCLE_NS = 10_000_000
TICK_NS = 20_000_000
COMPANIONS = {
    'policy_node': Reason.POLICY_SILENT,
    'instruction_node': Reason.INSTRUCTION_SILENT,
    'guard_node': Reason.GUARD_SILENT,
}


class Rig:
    """Filter, controller and an arm that follows it exactly, on one clock."""

    def __init__(self, **changes: object) -> None:
        """Put the arm at its home, armed by nobody yet.

        Args:
            changes: Parts of the robot file that are different.
        """
        self.robot = load_robot(ROBOT).model_copy(update=changes)
        urdf = (ROBOT.parent / self.robot.urdf).resolve()
        kinematics = Kinematics(self.robot, urdf)
        self.watch = Watch(COMPANIONS, self.robot.timing.heartbeat_timeout_s)
        arm = Arm(self.robot, urdf, (ROBOT.parent / self.robot.srdf).resolve())
        self.checker = EmbeddedChecker(arm)
        self.avoidance = Avoidance(self.checker, self.robot, surroundings(self.robot, ROBOT))
        self.filter = MotionFilter(self.robot, kinematics, TICK_NS / NS, self.watch, self.avoidance)
        self.kinematics = kinematics
        self.now_ns = START_NS
        self.skew_ns = 0
        self.q = np.array(self.robot.home)
        self.alive = set(COMPANIONS)
        self.sensors = True
        self.offset = np.zeros(len(self.robot.joints))
        self.delivering = True
        self.ticking = True
        self.commands: list[Array] = []
        self.sent: list[Motion] = []
        self.sent_ns: list[int] = []
        self.gripper: list[float] = []
        self.controller = JointTrajectoryController(self.robot.joint_names, CYCLE_NS, still(self.q))
        self.sequence = 0
        self.measure()

    @property
    def instant(self) -> Instant:
        """Now, by both clocks."""
        return Instant(self.now_ns + self.skew_ns, self.now_ns)

    def measure(self) -> None:
        """Publish what joint_states and heartbeats would."""
        for name in self.alive:
            self.watch.heard(name, self.now_ns)
        if self.sensors:
            positions = dict(
                zip(self.robot.joint_names, (self.q + self.offset).tolist(), strict=True)
            )
            if self.robot.gripper is not None:
                positions[self.robot.gripper.joint] = self.gripper[-1] if self.gripper else 0.04
            last = self.commands[-2] if len(self.commands) > 1 else self.q
            speeds = ((self.q - last) * NS / CYCLE_NS).tolist()
            velocities = dict(zip(self.robot.joint_names, speeds, strict=True))
            self.filter.measured.update(positions, velocities, self.instant.ros_ns, self.instant)

    def arm(self, task: str = 'task') -> 'Rig':
        """Arm and give a task."""
        self.filter.arm(self.instant)
        self.filter.set_task(task)
        return self

    def run(self, seconds: float) -> 'Rig':
        """Let time pass: controller cycles of 10 ms, filter ticks of 20 ms."""
        for _ in range(round(seconds * NS / CYCLE_NS)):
            self.now_ns += CYCLE_NS
            self.q = np.asarray(self.controller.update(self.now_ns, still(self.q)))
            self.commands.append(self.q)
            self.measure()
            if self.ticking and self.now_ns % TICK_NS == 0:
                self.deliver(self.filter.tick(self.instant))
        return self

    def deliver(self, command: object) -> None:
        """Hand a command to the controllers."""
        motion, gripper = getattr(command, 'motion', None), getattr(command, 'gripper', None)
        if gripper is not None:
            self.gripper.append(gripper)
        if motion is not None and self.delivering:
            self.sent.append(motion)
            self.sent_ns.append(self.now_ns)
            self.controller.submit(as_message(self.robot.joint_names, motion), self.now_ns)

    def chunk(
        self,
        rows: Array,
        *,
        step_s: float = 0.05,
        start_s: float = 0.0,
        observed_s: float = 0.0,
        session: str = 'session',
        task: str = 'task',
        opening: float | None = None,
    ) -> ActionChunk:
        """A chunk of joint positions, by default observed now and starting now."""
        self.sequence += 1
        columns, units = self.robot.joint_names, tuple(str(j.unit) for j in self.robot.joints)
        if opening is not None:
            rows = np.hstack([rows, np.full((len(rows), 1), opening)])
            columns, units = (*columns, 'gripper'), (*units, '1')
        return ActionChunk(
            session=session,
            sequence=self.sequence,
            task_id=task,
            observation_stamp_ns=self.now_ns + round(observed_s * NS),
            start_ns=self.now_ns + round(start_s * NS),
            step_s=step_s,
            space=ActionSpace.JOINT_POSITION,
            columns=columns,
            units=units,
            frame='base_link',
            values=rows,
        )

    def sway(self, amplitude: float = 0.1, rows: int = 20, *, period_s: float = 3.0) -> Array:
        """Rows that leave the present position smoothly, each joint by its own amount."""
        t = np.arange(rows)[:, None] * 0.05
        wave = amplitude * (1 - np.cos(2 * np.pi * t / period_s)) / 2
        return np.asarray(self.q + wave * np.array([1.0, -0.6, 0.5, 0.4, -0.5, 1.0]))

    def avoidance_distance(self, q: Array) -> float:
        """To the nearest thing of the scene [m]."""
        found = self.checker.clearance(self.checker.layout.posture(q, 1.0), own=False)
        return np.inf if found is None else found.distance_m

    def speeds(self) -> Array:
        """Joint speeds between controller cycles."""
        return np.abs(np.diff(np.array(self.commands), axis=0)) * NS / CYCLE_NS

    def at_rest(self) -> bool:
        """The last cycles moved nothing."""
        return bool(self.speeds()[-2:].max() < 1e-6)


def still(q: Array) -> ControllerMotion:
    """A joint state without motion."""
    return ControllerMotion(q, np.zeros_like(q), np.zeros_like(q))


def as_message(names: tuple[str, ...], motion: Motion) -> TrajectoryMessage:
    """What the ROS adapter would send."""
    points = tuple(
        TrajectoryPoint(
            time_from_start_ns=int(t) - motion.start_ns,
            positions=tuple(q.tolist()),
            velocities=tuple(v.tolist()),
            accelerations=tuple(a.tolist()),
        )
        for t, q, v, a in zip(motion.times_ns, motion.q, motion.v, motion.a, strict=True)
    )
    return TrajectoryMessage(stamp_ns=motion.start_ns, joint_names=names, points=points)


@pytest.fixture
def rig() -> Rig:
    """A filter that has not been armed."""
    return Rig()


@pytest.fixture
def armed(rig: Rig) -> Rig:
    """A filter ready for chunks of the task 'task'."""
    return rig.arm()


@pytest.fixture(scope='session')
def make_rig() -> type[Rig]:
    """For tests that need many rigs."""
    return Rig
