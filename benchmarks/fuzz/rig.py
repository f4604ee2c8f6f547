# SPDX-License-Identifier: Apache-2.0
"""The motion filter and the trajectory controller's stand-in on one clock, in plain time."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.fuzz.record import NS, Cycle, Fault, Record, Scene, Sent, Thing
from vla_contract.deployment import load_robot
from vla_contract.robot import Robot
from vla_safety.avoidance import Avoidance
from vla_safety.collision.arms import Arm
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import (
    AttachedObject,
    BoxShape,
    CylinderShape,
    Pose,
    SceneObject,
    Shape,
    SphereShape,
)
from vla_safety.command import Command
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.measured import Instant
from vla_safety.reasons import Reason
from vla_safety.surroundings import surroundings
from vla_safety.watch import Watch
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.motion import Motion as Measured
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

ROBOTS = Path(__file__).resolve().parents[2] / 'config' / 'robots'
START_NS = 1_700_000_000 * NS
CYCLE_NS, TICK_NS = 10_000_000, 20_000_000
COMPANIONS = {
    'policy_node': Reason.POLICY_SILENT,
    'instruction_node': Reason.INSTRUCTION_SILENT,
    'guard_node': Reason.GUARD_SILENT,
}
FINGERS = frozenset({'gripper_base_link', 'gripper_left_finger_link', 'gripper_right_finger_link'})


@dataclass(frozen=True)
class Parts:
    """What does not change between episodes of one robot."""

    robot: Robot
    path: Path
    kinematics: Kinematics
    checker: EmbeddedChecker


@cache
def parts(name: str) -> Parts:
    """Of a robot file; of this process."""
    path = (ROBOTS / f'{name}.yaml').resolve()
    robot = load_robot(path)
    urdf, srdf = ((path.parent / file).resolve() for file in (robot.urdf, robot.srdf))
    checker = EmbeddedChecker(Arm(robot, urdf, srdf))
    return Parts(robot, path, Kinematics(robot, urdf), checker)


class Rig:
    """One episode's filter and controller; everything that happens goes into a record.

    Attributes:
        delay_ns: How late messages reach the controller from now on.
        alive: Companions whose heartbeats are heard.
        sensors: Joint states arrive.
        ticking: The filter gets its ticks.
        losing: The next message is lost.
        opening: Of the gripper, which takes its time.
        opening_wanted: What it was told last.
    """

    def __init__(self, name: str, robot: Robot, record: Record) -> None:
        """Put the arm at the record's start; nothing is armed.

        Args:
            name: Of the robot file.
            robot: That file with this episode's changes.
            record: To write.
        """
        own = parts(name)
        self.robot, self.record = robot, record
        self.watch = Watch(COMPANIONS, robot.timing.heartbeat_timeout_s)
        self.avoidance = Avoidance(own.checker, robot, surroundings(robot, own.path))
        if record.carried is not None:
            self.avoidance.carry([_carried(record.carried, robot)])
        self.filter = MotionFilter(robot, own.kinematics, TICK_NS / NS, self.watch, self.avoidance)
        self.now_ns = START_NS
        self.q = record.start.copy()
        self.v = np.zeros_like(self.q)
        self.alive = set(COMPANIONS)
        self.delay_ns, self.sensors, self.ticking, self.losing = 0, True, True, False
        self.opening = self.opening_wanted = 1.0
        self.controller = JointTrajectoryController(
            robot.joint_names, CYCLE_NS, Measured(self.q, np.zeros_like(self.q))
        )
        self._under_way: deque[tuple[int, int]] = deque()
        self._current = -1
        self._measure()

    @property
    def instant(self) -> Instant:
        """Now."""
        return Instant(self.now_ns, self.now_ns)

    def see(self, things: Sequence[Thing]) -> None:
        """From now on these things are there, and known."""
        self.record.scenes.append(Scene(self.now_ns, tuple(things)))
        self.avoidance.see('fuzz', [scene_object(thing) for thing in things], self.now_ns)

    def release(self) -> None:
        """Let the shared checker go as it came."""
        self.avoidance.carry([])

    def run(self, cycles: int) -> None:
        """Let time pass."""
        for _ in range(cycles):
            self.now_ns += CYCLE_NS
            self._arrive()
            before = self.q
            self.q = np.asarray(
                self.controller.update(self.now_ns, Measured(self.q, self.v))
            ).copy()
            self.v = (self.q - before) * NS / CYCLE_NS
            self._move_gripper()
            scene = len(self.record.scenes) - 1
            self.record.cycles.append(
                Cycle(self.now_ns, self._current, self.q, self.opening, scene)
            )
            self._measure()
            if self.ticking and self.now_ns % TICK_NS == 0:
                self.tick()

    def tick(self) -> None:
        """Let the filter go on."""
        moving = self.filter.mode.moving
        self.deliver(self.filter.tick(self.instant))
        if moving and not self.filter.mode.moving:
            self.record.stops.append(str(self.filter.finding.reason))

    def deliver(self, command: Command) -> None:
        """Put a command on its way."""
        if command.gripper is not None:
            self.record.gripper.append(command.gripper)
            gripper = self.robot.gripper
            if gripper is not None:
                span = gripper.open - gripper.closed
                self.opening_wanted = min(max((command.gripper - gripper.closed) / span, 0.0), 1.0)
        if command.motion is None:
            return
        motion, scene = command.motion, len(self.record.scenes) - 1
        self.record.sent.append(
            Sent(
                self.now_ns,
                self.robot.joint_names,
                motion.times_ns,
                motion.q,
                motion.v,
                motion.a,
                scene,
            )
        )
        if self.losing:
            self.losing = False
            return
        self._under_way.append((self.now_ns + self.delay_ns, len(self.record.sent) - 1))

    def _arrive(self) -> None:
        while self._under_way and self._under_way[0][0] < self.now_ns:
            _, index = self._under_way.popleft()
            try:
                self.controller.submit(_message(self.record.sent[index]), self.now_ns)
            except CommandRefusedError as error:
                if not self.record.late:
                    text = f'the controller refused: {error}'
                    self.record.faults.append(Fault(self.now_ns, text))
            else:
                self._current = index

    def _move_gripper(self) -> None:
        gripper = self.robot.gripper
        if gripper is not None:
            step = gripper.speed / abs(gripper.open - gripper.closed) * CYCLE_NS / NS
            self.opening += float(np.clip(self.opening_wanted - self.opening, -step, step))

    def _measure(self) -> None:
        for name in self.alive:
            self.watch.heard(name, self.now_ns)
        if not self.sensors:
            return
        names = self.robot.joint_names
        positions = dict(zip(names, self.q.tolist(), strict=True))
        gripper = self.robot.gripper
        if gripper is not None:
            positions[gripper.joint] = gripper.closed + self.opening * (
                gripper.open - gripper.closed
            )
        velocities = dict(zip(names, self.v.tolist(), strict=True))
        self.filter.measured.update(positions, velocities, self.now_ns, self.instant)


def _message(sent: Sent) -> TrajectoryMessage:
    start_ns = int(sent.times_ns[0])
    rows = zip(
        sent.times_ns.tolist(), sent.q.tolist(), sent.v.tolist(), sent.a.tolist(), strict=True
    )
    points = tuple(
        TrajectoryPoint(time_ns - start_ns, tuple(q), tuple(v), tuple(a))
        for time_ns, q, v, a in rows
    )
    return TrajectoryMessage(start_ns, sent.names, points)


def _shape(thing: Thing) -> Shape:
    if thing.kind == 'box':
        x, y, z = thing.size
        return BoxShape((x, y, z))
    if thing.kind == 'sphere':
        return SphereShape(thing.size[0])
    return CylinderShape(*thing.size)


def scene_object(thing: Thing) -> SceneObject:
    """What the filter is told of a thing."""
    return SceneObject(thing.name, _shape(thing), Pose(thing.position, thing.orientation))


def _carried(thing: Thing, robot: Robot) -> AttachedObject:
    pose = Pose(thing.position, thing.orientation)
    return AttachedObject(thing.name, _shape(thing), robot.tool_frame, pose, FINGERS)
