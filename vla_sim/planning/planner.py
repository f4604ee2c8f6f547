# SPDX-License-Identifier: Apache-2.0
"""From a task and the world as it is to a plan: approach, grasp, carry, release, retreat."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.gripper import Gripper
from vla_contract.observation import Body, World
from vla_contract.robot import Robot
from vla_sim.inverse_kinematics import InverseKinematics, ToolPose
from vla_sim.planning.builder import PlanBuilder
from vla_sim.planning.grasp import choose_grasp, flat_yaw, turn_onto
from vla_sim.planning.joint_motion import Gentleness
from vla_sim.planning.spot import Spot, burden, free_place, in_bowl, on_top
from vla_sim.planning.timeline import Phase, Timeline
from vla_sim.planning.tool_path import over, pointing_down, straight, yaw_of
from vla_sim.scene import TABLE, Area, footprint
from vla_sim.tasks.place import PlaceInBowl
from vla_sim.tasks.push import Push
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task, find, upright

CLOSE_S = 0.5
OPEN_S = 0.35
RELEASE_FINGER = 0.034
"""Where each finger goes to let an object go: no further, so that it fits into a bowl [m]."""
PUSH_FINGER = 0.009
"""Where each finger is while both push, so that the object rests between their tips [m]."""
PUSH_HEIGHT = 0.018
PUSH_RUN_UP = 0.03
PUSH_REACH = 0.014
"""From the tool's middle to the pushing faces [m]."""
PUSH_BEYOND = 0.03
PUSH_SPEED = 0.22
_LANE = 0.035
"""Half the width that pushing fingers need [m]."""
_LIFTED = 0.01


@dataclass(frozen=True)
class Plan:
    """What to do, and the world it counts on.

    Attributes:
        timeline: Joints and gripper.
        carried: Name of the object that is moved, empty for none.
        expected: Where each object that matters is meant to be, by name [m].
    """

    timeline: Timeline
    carried: str
    expected: dict[str, NDArray[np.float64]]


class Planner:
    """Plans for one robot. Keeps nothing between calls."""

    def __init__(self, robot: Robot, gripper: Gripper, kinematics: InverseKinematics) -> None:
        """Take the gentle share of the robot's limits."""
        self._kinematics = kinematics
        self._gentleness = Gentleness.of(robot)
        self._home = np.array(robot.home)
        self._travel = abs(gripper.open - gripper.closed)
        self._rate = gripper.speed / self._travel

    def plan(self, task: Task, world: World, joints: NDArray[np.float64], opening: float) -> Plan:
        """The way from here, at rest, to done; or to where the rest can be planned.

        Args:
            task: What to do.
            world: Where everything is now.
            joints: Where the arm stands [rad].
            opening: Of the gripper, 0 closed to 1 open.

        Raises:
            VlaError: An object is missing, or out of reach.
        """
        build = PlanBuilder(self._kinematics, self._gentleness, self._rate, joints, opening)
        subject = find(world, task.subject)
        target = target_body(task, world)
        in_hand = next((body for body in world.bodies if body.name == world.held), None)
        if in_hand is not None and in_hand.name != subject.name:
            return self._transfer(build, world, in_hand, free_place(world, in_hand))
        if task.done(world):
            self._retreat(build)
            return Plan(Timeline(build.pieces), '', {})
        for body in (subject, target):
            top = None if body is None or body.shape == 'bowl' else burden(world, body)
            if top is not None and top.name != subject.name:
                return self._transfer(build, world, top, free_place(world, top))
        if isinstance(task, Push):
            if _can_push(world, task, subject):
                return self._push(build, task, subject)
            return self._transfer(build, world, subject, free_place(world, subject, _side(task)))
        if target is None:
            raise VlaError(f'the demonstrator has no plan for "{task.instruction}"')
        place = (
            in_bowl(world, target, subject) if target.shape == 'bowl' else on_top(target, subject)
        )
        return self._transfer(build, world, subject, place, target)

    def _transfer(
        self, build: PlanBuilder, world: World, body: Body, spot: Spot, target: Body | None = None
    ) -> Plan:
        """Take a body, unless it is held already, and let it go at a spot."""
        if world.held == body.name:
            hold = build.tool
        else:
            grasp = choose_grasp(body, world, self._travel)
            hold = grasp.pose
            way = over(build.tool, hold)
            build.move(Phase.APPROACH, way, self._opening(grasp.finger_position))
            build.grip(Phase.GRASP, 0.0, CLOSE_S)
        build.move(Phase.CARRY, over(build.tool, _letting_go(hold, body, spot)))
        build.grip(Phase.RELEASE, self._opening(RELEASE_FINGER), OPEN_S)
        self._retreat(build)
        expected = {each.name: each.position for each in (body, target) if each is not None}
        return Plan(Timeline(build.pieces), body.name, expected)

    def _push(self, build: PlanBuilder, task: Push, subject: Body) -> Plan:
        """Go behind the subject, sweep it across, and leave."""
        x, y = map(float, subject.position[:2])
        behind = footprint(subject.shape) + PUSH_REACH
        yaw = task.direction * math.pi / 2
        begin = y - task.direction * (behind + PUSH_RUN_UP)
        end = task.direction * (task.goal_y(subject.size) + PUSH_BEYOND - behind)
        start = pointing_down((x, begin, PUSH_HEIGHT), yaw)
        build.move(Phase.APPROACH, over(build.tool, start), self._opening(PUSH_FINGER))
        goal = pointing_down((x, end, PUSH_HEIGHT), yaw)
        gentle = self._gentleness.at_speed(PUSH_SPEED)
        build.move(Phase.PUSH, straight(build.tool, goal), gentleness=gentle)
        self._retreat(build)
        return Plan(Timeline(build.pieces), '', {subject.name: subject.position})

    def _retreat(self, build: PlanBuilder) -> None:
        """Up and back to the home posture."""
        build.move(Phase.RETREAT, over(build.tool, self._kinematics.forward(self._home)))

    def _opening(self, finger: float) -> float:
        """Opening, 0 to 1, at which each finger is so far from the middle [m]."""
        return min(1.0, finger / self._travel)


def target_body(task: Task, world: World) -> Body | None:
    """What the subject is put in or on; None where the task has no such body."""
    if isinstance(task, PlaceInBowl):
        return find(world, task.bowl)
    return find(world, task.base) if isinstance(task, Stack) else None


def _letting_go(hold: ToolPose, body: Body, spot: Spot) -> ToolPose:
    """Where the tool is when a body that it holds is at a spot."""
    offset = hold.rotation.T @ (body.position - hold.position)
    yaw = yaw_of(hold)
    if spot.square_to is not None:
        yaw += turn_onto(spot.square_to - flat_yaw(body), math.pi / 2)
    rotation = pointing_down((0.0, 0.0, 0.0), yaw).rotation
    return ToolPose(spot.centre - rotation @ offset, rotation)


def _side(task: Push) -> Area:
    """Where an object lies safely on the task's side."""
    ends = sorted(task.direction * y for y in (task.line + 2 * PUSH_BEYOND, TABLE.y[1]))
    return Area(TABLE.x, (ends[0], ends[1]))


def _can_push(world: World, task: Push, subject: Body) -> bool:
    """Does the subject stand on the table, out of the gripper, with its way free?"""
    stands = upright(subject) or subject.shape == 'cube'
    if world.held or not stands or subject.position[2] > subject.size[2] / 2 + _LIFTED:
        return False
    x, y = map(float, subject.position[:2])
    begin = y - task.direction * (footprint(subject.shape) + 2 * PUSH_REACH + PUSH_RUN_UP)
    ends = sorted((begin, task.direction * (task.goal_y(subject.size) + 2 * PUSH_BEYOND)))
    lane = Area((x - _LANE, x + _LANE), (ends[0], ends[1]))
    return TABLE.y[0] - 0.1 < begin < TABLE.y[1] + 0.1 and all(
        lane.distance(*map(float, other.position[:2])) > footprint(other.shape)
        for other in world.bodies
        if other.name != subject.name
    )
