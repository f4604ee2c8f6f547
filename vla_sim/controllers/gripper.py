# SPDX-License-Identifier: Apache-2.0
"""Stand-in for the gripper action controllers, on a gripper that moves at a finite speed."""

from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.controllers.goal import GoalStatus
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
    """Moves one joint to a position and says whether it got there or was stopped.

    Args:
        speed: Greatest speed of the commanded position [rad/s or m/s].
        position: Measured at the start [rad or m].
        options: Its parameters.
    """

    def __init__(
        self, speed: float, position: float, options: GripperOptions = GripperOptions()
    ) -> None:
        """Start by holding where the joint is."""
        self._speed = speed
        self._options = options
        self._target = position
        self._command = position
        self._position = position
        self._goal: GripperGoal | None = None
        self._moved_ns = 0
        self._updated_ns: int | None = None

    def submit(self, positions: Sequence[float]) -> None:
        """Go to a position without a goal; only the number of values is checked.

        Raises:
            CommandRefusedError: Not exactly one value.
        """
        if len(positions) != 1:
            raise CommandRefusedError(f'{len(positions)} positions for one gripper joint')
        self._target = positions[0]

    def submit_goal(self, positions: Sequence[float], now_ns: int) -> GripperGoal:
        """Go to a position and report; a goal in execution is aborted.

        Raises:
            CommandRefusedError: Not exactly one value; the old goal goes on.
        """
        self.submit(positions)
        self.deactivate()
        self._moved_ns = now_ns
        self._goal = GripperGoal(self._position)
        return self._goal

    def cancel(self, goal: GripperGoal) -> None:
        """Cancel a goal and stay where the joint is; does nothing for a goal that has ended."""
        if goal is self._goal:
            self._target = self._position
            self._end(GoalStatus.CANCELED)

    def deactivate(self) -> None:
        """Abort the goal."""
        self._end(GoalStatus.ABORTED)

    def update(self, now_ns: int, position: float, velocity: float) -> float:
        """Run one cycle.

        Args:
            now_ns: Its time.
            position: Measured [rad or m].
            velocity: Measured [rad/s or m/s].

        Returns:
            Position to command [rad or m].
        """
        self._position = position
        self._watch(now_ns, velocity)
        before_ns = now_ns if self._updated_ns is None else self._updated_ns
        step = self._speed * (now_ns - before_ns) * 1e-9
        self._updated_ns = now_ns
        self._command = min(max(self._target, self._command - step), self._command + step)
        return self._command

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
