# SPDX-License-Identifier: Apache-2.0
"""The scripted demonstrator: a policy that plans from the simulator's ground truth.

It looks at no image and knows no real robot.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Observation, World
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.policy import Rows
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.planning.planner import Plan, Planner
from vla_sim.planning.timeline import Brake, Excerpt, Grip, Phase, Ramp, Timeline
from vla_sim.tasks.instruction import parse
from vla_sim.tasks.task import Task

MOVED_M = 0.01
"""An object this far from where the plan counts on it spoils the plan."""
GRACE_S = 0.25
"""Time given to fingers and falling objects before they are judged."""
STUCK_SHARE = 0.2
"""An arm that makes less of its plan than this share of the time stands still."""
START_S = 0.25
"""A plan that starts from rest waits so long, for its first rows to arrive."""
_NS = 1e9


@dataclass(frozen=True)
class Course:
    """A plan, and how far it was at a moment.

    Attributes:
        plan: What is being done.
        stamp_ns: The moment.
        time_s: On the plan's timeline.
    """

    plan: Plan
    stamp_ns: int
    time_s: float


class Demonstrator:
    """Solves each task of the simulator by inverse kinematics, replanning when the world differs.

    Every answer is a part of one smooth plan in time. The plan stays as long as the arm follows it
    and the world is as the plan expects, so that answers agree where nothing changed. A new plan
    continues the motion of the old one.
    """

    def __init__(self, robot: Robot, robot_path: Path, policy: Policy) -> None:
        """Prepare for a robot.

        Args:
            robot: Simulated, with a gripper and a home posture.
            robot_path: File it was read from.
            policy: One that vla_sim.policy_file finds no contradictions in.

        Raises:
            VlaError: The robot has no gripper.
        """
        if robot.gripper is None:
            raise VlaError(f'{robot_path}: the demonstrator needs a gripper')
        self._policy = policy
        self._planner = Planner(robot, robot.gripper, InverseKinematics(robot, robot_path))
        self._task: Task | None = None
        self._course: Course | None = None

    def reset(self, instruction: str) -> None:
        """Forget what came before and start on an instruction.

        Raises:
            InstructionError: It is not understood.
        """
        self._course = None
        self._task = parse(instruction)

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Answer an observation with the next rows of the plan.

        Args:
            observation: With the state and the world.
            prefix: Rows of the last answer that run while this one is on its way.

        Raises:
            InstructionError: An object is missing.
            VlaError: There is no world to see, or an object is out of reach.
        """
        world = observation.world
        if world is None or self._task is None:
            missing = 'ground truth' if world is None else 'instruction'
            raise VlaError(f'the demonstrator was given no {missing}')
        time_s = self._follow(observation)
        if self._course is None or time_s is None:
            plan = self._begin(observation, self._task, world)
            self._course = Course(plan, observation.stamp_ns, 0.0)
        elif self._spoilt(self._course.plan, time_s, self._task, world):
            plan = self._change(self._course.plan, time_s, len(prefix), self._task, world)
            self._course = Course(plan, observation.stamp_ns, 0.0)
        else:
            self._course = Course(self._course.plan, observation.stamp_ns, time_s)
        over = self._course.time_s >= self._course.plan.timeline.duration_s
        return Rows(self._rows(self._course), finished=over and self._task.done(world))

    def _follow(self, observation: Observation) -> float | None:
        """How far the plan is; None where there is none, or the arm does not follow it."""
        course = self._course
        if course is None:
            return None
        elapsed = (observation.stamp_ns - course.stamp_ns) / _NS
        if elapsed < 0.0:
            return None
        expected = course.time_s + elapsed
        found = course.plan.timeline.locate(observation.state[:-1], course.time_s, expected)
        if found is None or found - course.time_s < STUCK_SHARE * elapsed:
            return None
        return found

    def _spoilt(self, plan: Plan, time_s: float, task: Task, world: World) -> bool:
        """Is the world so different from what the plan expects that it makes no sense any more?"""
        phase, since = plan.timeline.phase(time_s)
        positions = {body.name: body.position for body in world.bodies}
        moved = {
            name
            for name, place in plan.expected.items()
            if float(np.linalg.norm(positions[name] - place)) > MOVED_M
        }
        if phase is Phase.APPROACH:
            return bool(moved) or task.done(world)
        if phase is Phase.CARRY:
            lost = world.held != plan.carried and since > GRACE_S
            return lost or bool(moved - {plan.carried})
        if phase is Phase.RETREAT:
            return since > GRACE_S and not task.done(world)
        return False

    def _begin(self, observation: Observation, task: Task, world: World) -> Plan:
        """A plan from where the arm is, at rest."""
        joints = observation.state[:-1].copy()
        opening = self._policy.state.gripper.to_opening(float(observation.state[-1]))
        if world.held:
            # Fingers stand as wide as what they hold; to ask for that width would let it go.
            opening = 0.0
        plan = self._planner.plan(task, world, joints, opening)
        still = Grip(Phase.CHANGE, joints, Ramp(opening, opening, 1.0), 0.0, START_S)
        return replace(plan, timeline=Timeline([still, *plan.timeline.pieces]))

    def _change(self, plan: Plan, time_s: float, rows: int, task: Task, world: World) -> Plan:
        """A new plan that takes over from an old one after the rows that run anyway."""
        lead = Excerpt(plan.timeline, time_s, rows * self._policy.step_s)
        brake = Brake(plan.timeline, time_s + lead.duration_s)
        end_s = brake.duration_s
        new = self._planner.plan(task, world, brake.at(end_s).positions, brake.opening(end_s))
        return replace(new, timeline=Timeline([lead, brake, *new.timeline.pieces]))

    def _rows(self, course: Course) -> NDArray[np.float64]:
        """The next rows of a plan, in the policy's conventions."""
        timeline, gripper = course.plan.timeline, self._policy.action.gripper
        times = course.time_s + self._policy.step_s * np.arange(self._policy.rows)
        return np.array(
            [[*timeline.at(t).positions, gripper.from_opening(timeline.opening(t))] for t in times]
        )
