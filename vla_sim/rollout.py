# SPDX-License-Identifier: Apache-2.0
"""A policy in closed loop with the simulator, in one process and without ROS.

It sees what its policy file says, images included where it takes any.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vla_contract.errors import VlaError
from vla_contract.policy import Policy as PolicyFile
from vla_contract.robot import Robot
from vla_policy.policy import Policy
from vla_sim.observer import Observer
from vla_sim.simulator import Simulator

Array = NDArray[np.float64]

FADE_S = 0.2
"""Time in which a step between two answers is smoothed away."""


@dataclass(frozen=True)
class Conditions:
    """How the loop runs.

    Attributes:
        period_s: Between observations.
        latency_s: From an observation to the first row of its answer that is carried out.
        lag_s: How late every row is carried out.
        pace: How fast rows are carried out, 1 for as asked; a safety filter may slow them down.
        limit_s: Simulated time after which an episode has failed.
    """

    period_s: float = 0.3
    latency_s: float = 0.1
    lag_s: float = 0.0
    pace: float = 1.0
    limit_s: float = 25.0


@dataclass(frozen=True)
class Outcome:
    """How an episode went.

    Attributes:
        instruction: What was asked.
        success: The simulator's verdict at the end.
        finished: The policy said so too.
        success_s: Simulated time until the simulator first said so, or until the end.
        duration_s: Simulated time until the end.
        seam_rad: Greatest step where one answer takes over from another.
        velocity_share: Greatest velocity asked for, by the joint's limit.
        acceleration_share: Greatest acceleration asked for, by the joint's limit.
        touched: Links that touched what is not held, and what they touched.
        error: What stopped the policy, empty for nothing.
    """

    instruction: str
    success: bool
    finished: bool
    success_s: float
    duration_s: float
    seam_rad: float
    velocity_share: float
    acceleration_share: float
    touched: tuple[tuple[str, str], ...]
    error: str


class Chunk:
    """Rows as a smooth function of time."""

    def __init__(self, rows: Array, start_s: float, step_s: float) -> None:
        """Lay a spline through the rows.

        Args:
            rows: Joint positions [rad] and, last, the gripper.
            start_s: Time of row 0.
            step_s: Time between rows.
        """
        self._times = start_s + step_s * np.arange(len(rows))
        self._spline = CubicSpline(self._times, rows[:, :-1])
        self._rows = rows

    def at(self, time_s: float) -> tuple[Array, float]:
        """Joint positions and gripper; the last row stays."""
        time_s = min(time_s, float(self._times[-1]))
        gripper = float(np.interp(time_s, self._times, self._rows[:, -1]))
        return np.asarray(self._spline(time_s), dtype=np.float64), gripper

    def velocity(self, time_s: float) -> Array:
        """Joint velocities [rad/s]; none after the last row."""
        if time_s >= float(self._times[-1]):
            return np.zeros(self._rows.shape[1] - 1)
        return np.asarray(self._spline(time_s, 1), dtype=np.float64)

    def between(self, start_s: float, end_s: float) -> Array:
        """Rows that apply from start to before end."""
        first, last = np.searchsorted(self._times, np.array([start_s, end_s]) - 1e-6)
        return self._rows[first:last]


class Rollout:
    """One simulator and one policy, episode after episode."""

    def __init__(
        self,
        robot: Robot,
        robot_path: Path,
        file: PolicyFile,
        policy: Policy,
        conditions: Conditions = Conditions(),
    ) -> None:
        """Build the simulator.

        Args:
            robot: The arm.
            robot_path: File it was read from.
            file: The policy's contract: joint positions in radians and a gripper from 0 to 1.
            policy: Whose answers are carried out.
            conditions: How the loop runs.
        """
        self.simulator = Simulator(robot, robot_path)
        self._observer = Observer(self.simulator, file)
        self._robot, self._file, self._policy = robot, file, policy
        self._conditions = conditions

    def run(self, seed: int, instruction: str = '') -> Outcome:
        """Lay out a scene and let the policy work on it until done or out of time."""
        return self.work(self.simulator.reset(seed, instruction))

    def work(self, instruction: str) -> Outcome:
        """Let the policy work on the scene as it is until done or out of time."""
        episode = _Episode(self.simulator, self._robot, self._conditions)
        finished, error = False, ''
        try:
            self._policy.reset(instruction)
            while not finished and episode.time_s < self._conditions.limit_s:
                finished = self._cycle(episode, instruction)
        except VlaError as problem:
            error = str(problem)
        return episode.outcome(instruction, finished, error)

    def close(self) -> None:
        """Give the drawing contexts back."""
        self._observer.close()

    def _cycle(self, episode: '_Episode', instruction: str) -> bool:
        """Observe, ask, wait, carry out; True when the policy says that it has finished."""
        now, latency_s = episode.time_s, self._conditions.latency_s
        running = episode.running(now, now + latency_s)
        answer = self._policy.infer(self._observer.observe(instruction), running)
        episode.advance(latency_s)
        episode.take_over(Chunk(answer.values, now, self._file.step_s))
        episode.advance(self._conditions.period_s - latency_s)
        episode.judge(instruction)
        return answer.finished


class _Episode:
    """Carries answers out and takes note of how it goes."""

    def __init__(self, simulator: Simulator, robot: Robot, conditions: Conditions) -> None:
        self._simulator, self._robot, self._conditions = simulator, robot, conditions
        self._begin_ns = simulator.time_ns
        self._chunk: Chunk | None = None
        self._clock_s = self._step_s = 0.0
        self._step = np.zeros(len(robot.joints))
        self._commands = [simulator.joint_positions()]
        self._seam_rad = 0.0
        self._success_s: float | None = None
        self._touched: set[tuple[str, str]] = set()

    @property
    def time_s(self) -> float:
        """Simulated time since the episode began."""
        return (self._simulator.time_ns - self._begin_ns) * 1e-9

    def running(self, start_s: float, end_s: float) -> Array:
        """Rows of the answer in force that apply from start to before end."""
        width = len(self._robot.joints) + 1
        return np.empty((0, width)) if self._chunk is None else self._chunk.between(start_s, end_s)

    def take_over(self, chunk: Chunk) -> None:
        """Carry out this answer from now on; what it is off by fades away."""
        clock_s = self.time_s - self._conditions.lag_s
        step = self._commands[-1] - chunk.at(clock_s)[0]
        if self._chunk is not None:
            self._seam_rad = max(self._seam_rad, float(np.abs(step).max()))
        self._chunk, self._clock_s, self._step, self._step_s = chunk, clock_s, step, self.time_s

    def advance(self, duration_s: float) -> None:
        """Let time pass, the arm following the answer in force."""
        sim, step_s = self._simulator, self._simulator.physics_step_s
        for _ in range(round(duration_s / step_s)):
            if self._chunk is not None:
                self._clock_s += self._conditions.pace * step_s
                joints, opening = self._chunk.at(self._clock_s)
                share = min(1.0, (self.time_s + step_s - self._step_s) / FADE_S)
                self._command(
                    joints + self._step * (1.0 - share) ** 2 * (1.0 + 2.0 * share), opening
                )
            sim.step()
        self._touched |= set(sim.contacts())

    def judge(self, instruction: str) -> None:
        """Note when it first is done."""
        if self._success_s is None and self._simulator.success(instruction):
            self._success_s = self.time_s

    def outcome(self, instruction: str, finished: bool, error: str) -> Outcome:
        """Sum up."""
        step_s = self._simulator.physics_step_s
        velocity = np.diff(self._commands, axis=0) / step_s
        acceleration = np.diff(velocity, axis=0) / step_s
        joints = self._robot.joints
        return Outcome(
            instruction,
            not error and self._simulator.success(instruction),
            finished,
            self.time_s if self._success_s is None else self._success_s,
            self.time_s,
            self._seam_rad,
            _greatest_share(velocity, [joint.velocity for joint in joints]),
            _greatest_share(acceleration, [joint.acceleration for joint in joints]),
            tuple(sorted(self._touched)),
            error,
        )

    def _command(self, joints: Array, opening: float) -> None:
        self._commands.append(joints)
        self._simulator.command_arm(joints)
        gripper = self._robot.gripper
        if gripper is not None:
            self._simulator.command_gripper(gripper.to_joint(opening))


def _greatest_share(values: Array, limits: list[float]) -> float:
    return float((np.abs(values) / np.array(limits)).max(initial=0.0))
