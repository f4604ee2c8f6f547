# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the gripper action controllers: a target passed on, and an eye on the joint."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.controllers.goal import GoalStatus
from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.refusal import CommandRefusedError


@dataclass(frozen=True)
class GripperOptions:
    """The controller's parameters, by its names and with its defaults.

    Attributes:
        goal_tolerance: Distance from the goal that counts as reached [rad or m].
        stall_velocity_threshold: Slower than this is not moving [rad/s or m/s].
        stall_timeout_s: Time without motion that counts as stalled [s].
        allow_stalling: A stalled gripper has succeeded: it holds something.
    """

    goal_tolerance: float = 0.01
    stall_velocity_threshold: float = 0.001
    stall_timeout_s: float = 1.0
    allow_stalling: bool = False


class GripperGoal:
    """An accepted goal. The controller changes it; others read it.

    Attributes:
        status: How far it is.
        stalled: It ended because the gripper did not move.
        reached_goal: It ended at the position asked for.
        position: Measured at the end [rad or m].
    """

    def __init__(self, position: float) -> None:
        """Begin to execute, from a measured position."""
        self.status = GoalStatus.EXECUTING
        self.stalled = False
        self.reached_goal = False
        self.position = position


class GripperController:
    """Sends one joint to a position and says whether it got there or was stopped.

    Args:
        measured: Where the joint is at the start.
        options: Its parameters.
    """

    def __init__(self, measured: Motion, options: GripperOptions = GripperOptions()) -> None:
        """Start active."""
        self._options = options
        self._goal: GripperGoal | None = None
        self.activate(measured)

    def activate(self, measured: Motion) -> None:
        """Forget what was going on and hold where the joint is."""
        self.deactivate()
        self._position = float(measured.positions[0])
        self._target = self._position
        self._moved_ns = 0

    def deactivate(self) -> None:
        """Abort the goal."""
        self._end(GoalStatus.ABORTED)

    def submit_goal(self, positions: Sequence[float], now_ns: int) -> GripperGoal:
        """Go to a position and report; a goal in execution is aborted.

        Only the number of values is checked: NaN and positions out of range pass.

        Raises:
            CommandRefusedError: Not exactly one value; the old goal goes on.
        """
        if len(positions) != 1:
            raise CommandRefusedError(f'{len(positions)} positions for one gripper joint')
        self.deactivate()
        self._target = positions[0]
        self._moved_ns = now_ns
        self._goal = GripperGoal(self._position)
        return self._goal

    def cancel(self, goal: GripperGoal) -> None:
        """Cancel a goal and stay where the joint is; does nothing for a goal that has ended."""
        if goal is self._goal:
            self._target = self._position
            self._end(GoalStatus.CANCELED)

    def update(self, now_ns: int, measured: Motion) -> Vector:
        """Run one cycle.

        Args:
            now_ns: Its time.
            measured: Position and velocity.

        Returns:
            Position to command [rad or m].
        """
        self._position = float(measured.positions[0])
        velocity = 0.0 if measured.velocities is None else float(measured.velocities[0])
        self._watch(now_ns, velocity)
        return np.array([self._target])

    def _watch(self, now_ns: int, velocity: float) -> None:
        goal, options = self._goal, self._options
        if goal is None:
            return
        if abs(self._target - self._position) < options.goal_tolerance:
            goal.reached_goal = True
            self._end(GoalStatus.SUCCEEDED)
        elif abs(velocity) > options.stall_velocity_threshold:
            self._moved_ns = now_ns
        elif (now_ns - self._moved_ns) * 1e-9 > options.stall_timeout_s:
            goal.stalled = True
            self._end(GoalStatus.SUCCEEDED if options.allow_stalling else GoalStatus.ABORTED)

    def _end(self, status: GoalStatus) -> None:
        if self._goal is not None:
            self._goal.status = status
            self._goal.position = self._position
            self._goal = None
