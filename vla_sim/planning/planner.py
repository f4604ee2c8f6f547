# SPDX-License-Identifier: Apache-2.0
"""From a task and the world as it is to a plan: approach, grasp, carry, release, retreat."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper
from vla_contract.observation import Body, World
from vla_contract.robot import Robot
from vla_sim.inverse_kinematics import InverseKinematics, ToolPose
from vla_sim.planning.grasp import choose_grasp, flat_yaw, turn_onto
from vla_sim.planning.joint_motion import Gentleness, JointMotion, JointState, Slowing
from vla_sim.planning.timeline import Grip, Move, Phase, Piece, Ramp, Timeline
from vla_sim.planning.tool_path import over, pointing_down, straight, yaw_of
from vla_sim.scene import REACH, TABLE, footprint
from vla_sim.tasks.place import PlaceInBowl
from vla_sim.tasks.push import Push
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task, find, horizontal_distance

SETTLE_S = 0.12
CLOSE_S = 0.5
OPEN_S = 0.35
RELEASE_FINGER = 0.034
"""Where each finger goes to let an object go: no further, so that it fits into a bowl [m]."""
IN_BOWL_HEIGHT = 0.043
"""Of the tool above the table when it lets go in a bowl [m]."""
STACK_GAP = 0.002
"""Fall of an object that is stacked [m]."""
PUSH_FINGER = 0.009
"""Where each finger is while both push, so that the object rests between their tips [m]."""
PUSH_HEIGHT = 0.018
PUSH_RUN_UP = 0.03
PUSH_REACH = 0.014
"""From the tool's middle to the pushing faces [m]."""
PUSH_BEYOND = 0.03
PUSH_SPEED = 0.22


@dataclass(frozen=True)
class Plan:
    """What to do, and the world it counts on.

    Attributes:
        timeline: Joints and gripper.
        subject: Name of the object that is moved.
        expected: Where each object that matters is meant to be, by name [m].
    """

    timeline: Timeline
    subject: str
    expected: dict[str, NDArray[np.float64]]


class Planner:
    """Plans for one robot. Keeps nothing between calls."""

    def __init__(self, robot: Robot, gripper: Gripper, kinematics: InverseKinematics) -> None:
        """Take the gentle share of the robot's limits."""
        self._gripper = gripper
        self._kinematics = kinematics
        self._gentleness = Gentleness.of(robot)
        self._home = np.array(robot.home)
        self._rate = gripper.speed / abs(gripper.open - gripper.closed)

    def plan(self, task: Task, world: World, start: JointState, opening: float) -> Plan:
        """The whole way from here to done.

        Args:
            task: What to do.
            world: Where everything is now.
            start: State of the joints that the plan continues.
            opening: Of the gripper, 0 closed to 1 open.
        """
        build = _Builder(self._kinematics, self._gentleness, self._rate, start, opening)
        subject = find(world, task.subject)
        expected = {subject.name: subject.position}
        if world.held and world.held != subject.name:
            self._set_down(build, world)
        elif task.done(world):
            self._retreat(build)
        elif isinstance(task, Push):
            self._push(build, task, world)
        else:
            target = self._target(task, world)
            expected[target.name] = target.position
            self._carry(build, world, subject, target)
        return Plan(Timeline(build.pieces), subject.name, expected)

    @staticmethod
    def _target(task: Task, world: World) -> Body:
        """The body that the subject is put in or on."""
        if isinstance(task, PlaceInBowl):
            return find(world, task.bowl)
        if isinstance(task, Stack):
            return find(world, task.base)
        raise VlaError(f'the demonstrator has no plan for "{task.instruction}"')

    def _carry(self, build: '_Builder', world: World, subject: Body, target: Body) -> None:
        """Take the subject, unless it is held already, and let it go in or on the target."""
        held = world.held == subject.name
        if held:
            offset = build.tool.rotation.T @ (subject.position - build.tool.position)
            yaw = yaw_of(build.tool)
        else:
            grasp = choose_grasp(subject, world, abs(self._gripper.open - self._gripper.closed))
            offset = grasp.pose.rotation.T @ (subject.position - grasp.pose.position)
            yaw = yaw_of(grasp.pose)
            build.move(
                Phase.APPROACH, over(build.tool, grasp.pose), self._open(grasp.finger_position)
            )
            build.grip(Phase.GRASP, 0.0, CLOSE_S)
        goal = self._drop_pose(subject, target, yaw, offset)
        build.move(Phase.CARRY, over(build.tool, goal))
        build.grip(Phase.RELEASE, self._open(RELEASE_FINGER), OPEN_S)
        self._retreat(build)

    def _drop_pose(
        self, subject: Body, target: Body, yaw: float, offset: NDArray[np.float64]
    ) -> ToolPose:
        """Where the tool lets go: deep enough in a bowl, or just above what is stacked upon."""
        x, y = target.position[:2]
        if target.shape == 'bowl':
            shift = pointing_down((0.0, 0.0, 0.0), yaw).rotation @ offset
            return pointing_down((x - shift[0], y - shift[1], IN_BOWL_HEIGHT), yaw)
        if target.shape == 'cube' and subject.shape == 'cube':
            yaw += turn_onto(flat_yaw(target) - flat_yaw(subject), math.pi / 2)
        shift = pointing_down((0.0, 0.0, 0.0), yaw).rotation @ offset
        height = target.position[2] + (target.size[2] + subject.size[2]) / 2 + STACK_GAP
        return pointing_down((x - shift[0], y - shift[1], height - shift[2]), yaw)

    def _push(self, build: '_Builder', task: Push, world: World) -> None:
        """Go behind the subject, sweep it across, and leave."""
        subject = find(world, task.subject)
        x, y = map(float, subject.position[:2])
        behind = footprint(subject.shape) + PUSH_REACH
        yaw = task.direction * math.pi / 2
        begin = y - task.direction * (behind + PUSH_RUN_UP)
        end = task.direction * (task.goal_y(subject.size) + PUSH_BEYOND - behind)
        if task.direction * (end - begin) < PUSH_RUN_UP:
            end = begin + task.direction * PUSH_RUN_UP
        start = pointing_down((x, begin, PUSH_HEIGHT), yaw)
        build.move(Phase.APPROACH, over(build.tool, start), self._open(PUSH_FINGER))
        gentle = self._gentleness.at_speed(PUSH_SPEED)
        goal = pointing_down((x, end, PUSH_HEIGHT), yaw)
        build.move(Phase.PUSH, straight(build.tool, goal), gentleness=gentle)
        self._retreat(build)

    def _set_down(self, build: '_Builder', world: World) -> None:
        """Lay what is held, and not wanted, on a free place of the table."""
        held = next(body for body in world.bodies if body.name == world.held)
        offset = build.tool.position - held.position
        x, y = _free_place(world, held)
        height = held.size[2] / 2 + STACK_GAP
        pose = pointing_down((x + offset[0], y + offset[1], height + offset[2]), yaw_of(build.tool))
        build.move(Phase.CHANGE, over(build.tool, pose))
        build.grip(Phase.RELEASE, self._open(RELEASE_FINGER), OPEN_S)
        self._retreat(build)

    def _retreat(self, build: '_Builder') -> None:
        """Up and back to the home posture."""
        home = self._kinematics.forward(self._home)
        build.move(Phase.RETREAT, over(build.tool, home))

    def _open(self, finger: float) -> float:
        """Opening, 0 to 1, at which each finger is so far from the middle [m]."""
        return min(1.0, finger / abs(self._gripper.open - self._gripper.closed))


class _Builder:
    """Puts pieces in a row, each from where the last one ends."""

    def __init__(
        self,
        kinematics: InverseKinematics,
        gentleness: Gentleness,
        rate: float,
        start: JointState,
        opening: float,
    ) -> None:
        self.pieces: list[Piece] = []
        self._kinematics = kinematics
        self._gentleness = gentleness
        self._rate = rate
        self._joints = start.positions
        self._opening = opening
        self._slowing = Slowing(start, gentleness) if np.any(start.velocities) else None
        self.tool = kinematics.forward(start.positions)

    def move(
        self,
        phase: Phase,
        poses: Sequence[ToolPose],
        opening: float | None = None,
        gentleness: Gentleness | None = None,
    ) -> None:
        """Follow poses, the gripper changing to an opening on the way."""
        way_points = [self._joints]
        for pose in poses[1:]:
            way_points.append(self._kinematics.solve(pose, way_points[-1]))
        motion = JointMotion(
            way_points,
            gentleness or self._gentleness,
            lambda joints: self._kinematics.forward(joints).position,
        )
        end = self._opening if opening is None else opening
        ramp = Ramp(self._opening, end, self._rate)
        self.pieces.append(Move(phase, motion, ramp, self._slowing))
        self._slowing = None
        self._joints, self._opening = way_points[-1], end
        self.tool = poses[-1]

    def grip(self, phase: Phase, opening: float, duration_s: float) -> None:
        """Stand, let the arm settle, and move the gripper."""
        ramp = Ramp(self._opening, opening, self._rate)
        self.pieces.append(Grip(phase, self._joints, ramp, SETTLE_S, SETTLE_S + duration_s))
        self._opening = opening


def _free_place(world: World, held: Body) -> tuple[float, float]:
    """The free place of the table that is nearest to what is held [m]."""
    others = [body for body in world.bodies if body.name != held.name]
    free: list[tuple[float, float, float]] = []
    for x in np.arange(*TABLE.x, 0.02):
        for y in np.arange(*TABLE.y, 0.02):
            place = np.array([x, y])
            room = min(
                (horizontal_distance(place, o.position) - footprint(o.shape) for o in others),
                default=math.inf,
            )
            if room > 2 * footprint(held.shape) and REACH[0] < math.hypot(x, y) < REACH[1]:
                free.append((horizontal_distance(place, held.position), float(x), float(y)))
    if not free:
        raise VlaError(f'there is no free place on the table to set down {held.name}')
    return min(free)[1:]
