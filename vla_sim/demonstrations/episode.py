# SPDX-License-Identifier: Apache-2.0
"""One demonstration: a scene, an instruction, a course of events, and every frame of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import action_columns
from vla_sim.demonstrations.driver import Driver
from vla_sim.demonstrations.mishaps import (
    Course,
    Mishap,
    above_something,
    another_task,
    draw_course,
    draw_start,
    somewhere_else,
)
from vla_sim.demonstrator import Demonstrator
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator
from vla_sim.tasks.split import draw_phrasing, draw_shown
from vla_sim.tasks.task import Task

Array = NDArray[np.float64]
Take = Callable[[Observation, Array, bool], None]
"""Takes a frame: what was seen, the row that the demonstrator answered, and is it done?"""

LIMIT_S = 25.0
"""Simulated time after which an episode has failed."""
NEARBY_SHARE = 0.5
"""So many glances are from nearby."""
STILL_FRAMES = 10
"""Recorded after the end, so that being done is shown too."""
_AHEAD = 6
"""Rows that the demonstrator is asked for; one of them is carried out before the next frame."""
_DROPPING_S = 0.4
_GO_THERE_S, _SETTLE_S = 1.0, 0.3


@dataclass(frozen=True)
class Told:
    """How an episode went.

    Attributes:
        success: The simulator's verdict on the last instruction.
        reason: Why it is not kept; empty for one that is.
        instruction: The last one.
        mishap: What happened; a drop does not where nothing is carried.
        elsewhere: Did the arm begin away from home?
        frames: How many were given.
        scene_seed: Of the scene.
    """

    success: bool
    reason: str
    instruction: str
    mishap: Mishap
    elsewhere: bool
    frames: int
    scene_seed: int


class Stage:
    """One simulator and one demonstrator, episode after episode. Belongs to one thread."""

    def __init__(self, robot: Robot, robot_path: Path, policy: Policy) -> None:
        """Build it.

        Args:
            robot: The arm.
            robot_path: File it was read from.
            policy: What is recorded: images, state, action and rate.
        """
        seeing = policy.model_copy(update={'ground_truth': True, 'rows': _AHEAD})
        self.simulator = Simulator(robot, robot_path)
        self._robot, self._policy = robot, seeing
        self._columns = action_columns(robot, seeing)
        self._observer = Observer(self.simulator, seeing)
        self._demonstrator = Demonstrator(robot, robot_path, seeing)
        self._kinematics = InverseKinematics(robot, robot_path)

    def glance(self, rng: Generator) -> Observation:
        """A scene and an arm somewhere over it; nothing has moved."""
        task = draw_shown(rng)
        self.simulator.reset(int(rng.integers(2**31)), task.instruction)
        start, opening = draw_start(rng, self._robot, self._kinematics)
        if rng.random() < NEARBY_SHARE:
            start = above_something(rng, self.simulator.world(), self._robot, self._kinematics)
        if start is not None:
            self.simulator.place_arm(start, opening)
        return self._observer.observe(task.instruction)

    def run(self, rng: Generator, take: Take) -> Told:
        """Show one task, with whatever happens.

        Args:
            rng: Same state, same episode.
            take: Given every frame.
        """
        task = draw_shown(rng)
        scene_seed = int(rng.integers(2**31))
        self.simulator.reset(scene_seed, task.instruction)
        course = draw_course(rng, self._robot, self._kinematics)
        self._begin_at(course)
        scenario = _Scenario(self.simulator, course, rng, task)
        collisions = self.simulator.collisions.count
        frames, reason = 0, ''
        try:
            frames = self._show(scenario, take)
        except VlaError as error:
            reason = f'the demonstrator gave up: {error}'
        if not reason and self.simulator.collisions.count > collisions:
            last = self.simulator.collisions.recent[-1]
            reason = f'{last.link} hit {last.other}'
        success = self.simulator.success(scenario.task.instruction)
        if not reason and not success:
            reason = 'not done in time'
        return Told(
            success,
            reason,
            scenario.instruction,
            scenario.happened,
            course.start is not None,
            frames,
            scene_seed,
        )

    def close(self) -> None:
        """Give the drawing contexts back."""
        self._observer.close()

    def _begin_at(self, course: Course) -> None:
        """Bring the arm to where the episode begins; nobody looks."""
        if course.start is None:
            return
        driver = Driver(self.simulator)
        share = np.linspace(0.0, 1.0, 11)[:, None]
        smooth = share**2 * (3.0 - 2.0 * share)
        home = self.simulator.joint_positions()
        way = home + smooth * (course.start - home)
        openings = 1.0 + smooth * (course.opening - 1.0)
        driver.follow(np.hstack([way, openings]), _GO_THERE_S / 10)
        driver.advance(_GO_THERE_S + _SETTLE_S)

    def _show(self, scenario: '_Scenario', take: Take) -> int:
        """Frame by frame until done, and a little longer; how many there are."""
        step_s = self._policy.step_s
        driver = Driver(self.simulator, scenario.course.pulls)
        self._demonstrator.reset(scenario.instruction)
        frames, still = 0, 0
        while still < STILL_FRAMES and driver.time_s < LIMIT_S:
            if scenario.happen(driver):
                self._demonstrator.reset(scenario.instruction)
            seen = self._observer.observe(scenario.instruction)
            answer = self._demonstrator.infer(seen, np.empty((0, len(self._columns.names))))
            take(seen, answer.values[0], answer.finished)
            frames += 1
            still = still + 1 if answer.finished else 0
            driver.follow(self._columns.to_si(answer.values), step_s)
            driver.advance(step_s)
        return frames


class _Scenario:
    """Lets happen what the course says, when it is time.

    Attributes:
        course: What happens.
        task: What is asked for now.
        instruction: In the words that are used now.
        happened: What did.
    """

    def __init__(self, simulator: Simulator, course: Course, rng: Generator, task: Task) -> None:
        self.course, self.task = course, task
        self.instruction = draw_phrasing(rng, task)
        self._simulator, self._rng = simulator, rng
        self._pending = course.mishap in (Mishap.DROPPED, Mishap.MOVED, Mishap.CHANGED)
        self.happened = Mishap.NONE if self._pending else course.mishap
        self._held_s: float | None = None

    def happen(self, driver: Driver) -> bool:
        """Let happen what is due; True where the instruction has changed."""
        if not self._pending or not self._due(driver.time_s):
            return False
        self._pending = False
        world = self._simulator.world()
        match self.course.mishap:
            case Mishap.DROPPED:
                driver.force_open(_DROPPING_S)
            case Mishap.MOVED:
                subject = self.task.subject.name
                place = somewhere_else(self._rng, world, subject)
                if place is None or world.held == subject:
                    return False
                self._simulator.move_object(subject, *place)
            case _:
                other = another_task(self._rng, world, self.task)
                if other is None:
                    return False
                self.task, self.instruction = other, draw_phrasing(self._rng, other)
        self.happened = self.course.mishap
        return self.happened is Mishap.CHANGED

    def _due(self, time_s: float) -> bool:
        """Is it time? Things are dropped so long after they were grasped."""
        if self.course.mishap is not Mishap.DROPPED:
            return time_s >= self.course.time_s
        if self._held_s is None and self._simulator.world().held:
            self._held_s = time_s
        return self._held_s is not None and time_s >= self._held_s + self.course.time_s
