# SPDX-License-Identifier: Apache-2.0
"""Carries rows out on the simulated arm, smoothly, even where somebody pulls at it.

The arm hangs on the plan as on a spring: a pull takes it away from the plan, and it comes back when
the pull ends. A plan that begins elsewhere takes over without a step in position or velocity.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_sim.rollout import Chunk
from vla_sim.simulator import Simulator

Array = NDArray[np.float64]

COMMAND_S = 0.01
"""Between commands to the drives: as the controllers of the live graph."""
STIFFNESS = 12.0
"""How fast the arm comes back to the plan [1/s]."""


@dataclass(frozen=True)
class Pull:
    """Somebody pulls at the arm, gently at first and at last.

    Attributes:
        start_s: Since the episode began.
        duration_s: How long.
        reach: How far each joint would be held away from its plan in the middle [rad].
    """

    start_s: float
    duration_s: float
    reach: Array

    def at(self, time_s: float) -> Array:
        """How far joints would be held away at a time of the episode [rad]."""
        share = (time_s - self.start_s) / self.duration_s
        return self.reach * (math.sin(math.pi * share) ** 2 if 0.0 < share < 1.0 else 0.0)


class Driver:
    """Drives one episode.

    Args:
        simulator: Just laid out.
        pulls: At the arm.
    """

    def __init__(self, simulator: Simulator, pulls: tuple[Pull, ...] = ()) -> None:
        """Stand still."""
        gripper = simulator.robot.gripper
        if gripper is None:
            raise VlaError(f'{simulator.robot_path}: gripper: missing; a driver needs one')
        self._simulator, self._gripper, self._pulls = simulator, gripper, pulls
        self._begin_ns = simulator.time_ns
        self._chunk: Chunk | None = None
        self._away = np.zeros(len(simulator.robot.joints))
        self._drift = np.zeros_like(self._away)
        self._open_until_s = -math.inf

    @property
    def time_s(self) -> float:
        """Simulated time since the episode began."""
        return (self._simulator.time_ns - self._begin_ns) * 1e-9

    def follow(self, rows: Array, step_s: float) -> None:
        """Carry out rows of joint positions [rad] and the gripper's opening from now on."""
        now = self.time_s
        chunk = Chunk(rows, now, step_s)
        if self._chunk is not None:
            self._away = self._away + self._chunk.at(now)[0] - chunk.at(now)[0]
            self._drift = self._drift + self._chunk.velocity(now) - chunk.velocity(now)
        self._chunk = chunk

    def force_open(self, duration_s: float) -> None:
        """Hold the gripper open for a while, whatever the rows say."""
        self._open_until_s = self.time_s + duration_s

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        simulator = self._simulator
        steps = max(1, round(COMMAND_S / simulator.physics_step_s))
        for _ in range(round(duration_s / simulator.physics_step_s / steps)):
            self._command(steps * simulator.physics_step_s)
            for _ in range(steps):
                simulator.step()

    def _command(self, step_s: float) -> None:
        """Send the drives to where they shall be after a step."""
        if self._chunk is None:
            return
        then = self.time_s + step_s
        joints, opening = self._chunk.at(then)
        self._swing(then, step_s)
        self._simulator.command_arm(joints + self._away)
        opening = 1.0 if then < self._open_until_s else min(max(opening, 0.0), 1.0)
        self._simulator.command_gripper(self._gripper.to_joint(opening))

    def _swing(self, time_s: float, step_s: float) -> None:
        """Spring and damper between plan and arm, critically damped."""
        held = sum((pull.at(time_s) for pull in self._pulls), np.zeros_like(self._away))
        force = STIFFNESS**2 * (held - self._away) - 2.0 * STIFFNESS * self._drift
        self._drift = self._drift + step_s * force
        self._away = self._away + step_s * self._drift
