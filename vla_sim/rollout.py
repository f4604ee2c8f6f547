# SPDX-License-Identifier: Apache-2.0
"""A policy in closed loop with the simulator, in one process and without ROS."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_contract.robot import Robot
from vla_policy.policy import Policy
from vla_sim.simulator import Simulator

LATENCY_S = 0.1
"""From observation to the first row that is carried out."""
PERIOD_S = 0.3
"""Between observations."""
LIMIT_S = 25.0
_SETTLE_S = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """How an episode went.

    Attributes:
        seed: Of the scene.
        instruction: What was asked.
        success: The simulator's verdict at the end.
        finished: The policy said so too.
        duration_s: Simulated time until success, or until the end.
        seam_rad: Greatest step of the command where one answer takes over from another.
        velocity_share: Greatest commanded joint velocity by its limit.
        touched: Links that touched what they should not.
        error: What stopped the policy, empty for nothing.
    """

    seed: int
    instruction: str
    success: bool
    finished: bool
    duration_s: float
    seam_rad: float
    velocity_share: float
    acceleration_share: float
    touched: tuple[tuple[str, str], ...]
    error: str = ''


class Chunk:
    """Rows as a smooth function of time."""

    def __init__(self, rows: Array, start_s: float, step_s: float) -> None:
        """Spline the rows.

        Args:
            rows: Joint positions [rad] and, last, the gripper.
            start_s: Time of row 0.
            step_s: Time between rows.
        """
        self._end_s = start_s + step_s * (len(rows) - 1)
        times = start_s + step_s * np.arange(len(rows))
        self._spline = CubicSpline(times, rows[:, :-1])
        self._times, self._gripper = times, rows[:, -1]
        self.rows, self.start_s, self.step_s = rows, start_s, step_s

    def at(self, time_s: float) -> tuple[Array, float]:
        """Joint positions and gripper; the last row stays."""
        time_s = min(time_s, self._end_s)
        gripper = float(np.interp(time_s, self._times, self._gripper))
        return np.asarray(self._spline(time_s), dtype=np.float64), gripper

    def between(self, start_s: float, end_s: float) -> Array:
        """Rows that apply from start to before end."""
        first = max(0, round((start_s - self.start_s) / self.step_s))
        last = max(first, round((end_s - self.start_s) / self.step_s))
        return self.rows[first:last]


class Rollout:
    """One simulator and one policy, episode after episode."""

    def __init__(self, robot: Robot, robot_path: Path, file: PolicyFile, policy: Policy) -> None:
        """Build the simulator.

        Args:
            robot: The arm.
            robot_path: File it was read from.
            file: The policy's contract: joint positions in radians and a gripper from 0 to 1.
            policy: Whose answers are carried out.
        """
        if robot.gripper is None:
            raise VlaError(f'{robot_path}: the simulated arm needs a gripper')
        self._gripper = robot.gripper
        self._file, self._policy = file, policy
        self.simulator = Simulator(robot, robot_path)
        self._limits = np.array([joint.velocity for joint in robot.joints])
        self._acceleration_limits = np.array([joint.acceleration for joint in robot.joints])

    def run(self, seed: int, instruction: str = '') -> Outcome:
        """Lay out a scene and let the policy work on it until done or out of time."""
        instruction = self.simulator.reset(seed, instruction)
        self._policy.reset(instruction)
        try:
            return self._loop(seed, instruction)
        except VlaError as error:
            return Outcome(seed, instruction, False, False, 0.0, 0.0, 0.0, 0.0, (), str(error))

    def _loop(self, seed: int, instruction: str) -> Outcome:
        sim = self.simulator
        begin = sim.time_ns
        chunk: Chunk | None = None
        finished, done_s = False, None
        seam = velocity = acceleration = 0.0
        touched: set[tuple[str, str]] = set()
        while not finished and self._since(begin) < LIMIT_S:
            now = self._since(begin)
            running = chunk.between(now, now + LATENCY_S) if chunk else np.empty((0, 0))
            rows = self._policy.infer(self._observe(instruction), running)
            following = Chunk(rows.values, now, self._file.step_s)
            self._carry_out(chunk, LATENCY_S, begin)
            if chunk is not None:
                time_s = self._since(begin)
                seam = max(seam, float(np.abs(following.at(time_s)[0] - chunk.at(time_s)[0]).max()))
            chunk = following
            speed, rise = self._carry_out(chunk, PERIOD_S - LATENCY_S, begin)
            velocity, acceleration = max(velocity, speed), max(acceleration, rise)
            touched |= set(sim.contacts())
            finished = rows.finished
            if done_s is None and sim.success(instruction):
                done_s = self._since(begin)
        return Outcome(
            seed,
            instruction,
            sim.success(instruction),
            finished,
            self._since(begin) if done_s is None else done_s,
            seam,
            velocity,
            acceleration,
            tuple(sorted(touched)),
        )

    def _since(self, begin_ns: int) -> float:
        return (self.simulator.time_ns - begin_ns) * 1e-9

    def _observe(self, instruction: str) -> Observation:
        """What the demonstrator may see."""
        sim = self.simulator
        opening = self._gripper.to_opening(sim.gripper_position())
        state = np.array([*sim.joint_positions(), opening])
        now = sim.time_ns
        return Observation(now, {}, {}, state, now, instruction, 'rollout', sim.world())

    def _carry_out(
        self, chunk: Chunk | None, duration_s: float, begin_ns: int
    ) -> tuple[float, float]:
        """Send the simulator along a chunk; returns shares of velocity and acceleration limits."""
        sim, step = self.simulator, self.simulator.physics_step_s
        sent = []
        for _ in range(round(duration_s / step)):
            if chunk is not None:
                joints, gripper = chunk.at(self._since(begin_ns) + step)
                sent.append(joints)
                sim.command_arm(joints)
                sim.command_gripper(self._gripper.to_joint(gripper))
            sim.step()
        if len(sent) < 3:
            return 0.0, 0.0
        speed = np.diff(sent, axis=0) / step
        rise = np.diff(speed, axis=0) / step
        return (
            float((np.abs(speed) / self._limits).max()),
            float((np.abs(rise) / self._acceleration_limits).max()),
        )
