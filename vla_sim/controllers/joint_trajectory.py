# SPDX-License-Identifier: Apache-2.0
"""Stand-in for joint_trajectory_controller on a position interface, as Jazzy's 4.42 behaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.controllers.goal import GoalCode, GoalHandle, GoalStatus, TrajectoryGoal
from vla_sim.controllers.joint_order import JointOrder
from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.stop import decelerate, hold
from vla_sim.controllers.tolerances import Tolerances, exceeded
from vla_sim.controllers.trajectory import Sample, Trajectory
from vla_sim.controllers.trajectory_message import TrajectoryMessage, refuse_bad_message


@dataclass(frozen=True)
class TrajectoryOptions:
    """The controller's parameters, by its names and with its defaults.

    Attributes:
        allow_partial_joints_goal: Take messages that leave joints out; those hold their command.
        allow_nonzero_velocity_at_trajectory_end: Take messages whose last point moves.
        interpolate_from_desired_state: Bridge from the last command, not the measured state.
        cmd_timeout_s: Time after the last point until it holds; 0 for never [s].
        max_deceleration_on_cancel: By joint [rad/s² or m/s²]; empty, or any at 0: stop dead, as
            with ``decelerate_on_cancel`` false.
        tolerances: Bounds on errors; None for none.
    """

    allow_partial_joints_goal: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False
    interpolate_from_desired_state: bool = False
    cmd_timeout_s: float = 0.0
    max_deceleration_on_cancel: tuple[float, ...] = ()
    tolerances: Tolerances | None = None


@dataclass(frozen=True)
class ControllerState:
    """One cycle, for others to see.

    Attributes:
        stamp_ns: Time of the cycle.
        reference: Setpoint for now.
        feedback: Measured.
        error: Reference minus feedback, positions [rad or m].
        output: Positions commanded, which are those of the next cycle [rad or m].
    """

    stamp_ns: int
    reference: Motion
    feedback: Motion
    error: Vector
    output: Vector


@dataclass(frozen=True)
class _Verdict:
    """What the tolerances say in one cycle."""

    off_path: bool
    off_goal: bool
    too_late: bool


class JointTrajectoryController:
    """Follows the newest trajectory, one setpoint a cycle, one cycle ahead.

    Args:
        joints: In the order of commands and measurements.
        period_ns: Time between cycles.
        measured: Where it holds until it is told otherwise.
        options: Its parameters.
    """

    def __init__(
        self,
        joints: Sequence[str],
        period_ns: int,
        measured: Motion,
        options: TrajectoryOptions = TrajectoryOptions(),
    ) -> None:
        """Start active."""
        self.joints = tuple(joints)
        self._period_ns = period_ns
        self._options = options
        self._order = JointOrder(joints)
        self._defaults = options.tolerances or Tolerances.none(len(self.joints))
        self._tolerances = self._defaults
        self._goal: GoalHandle | None = None
        self.activate(measured)

    def activate(self, measured: Motion) -> None:
        """Forget what was going on and hold where the joints are."""
        self.deactivate()
        self._measured = measured
        self._commanded = measured
        self._commanded_ns: int | None = None
        self._current = hold(Motion(measured.positions))
        self._next: Trajectory | None = None
        self._holding = True
        self.state: ControllerState | None = None

    @property
    def holding(self) -> bool:
        """It stopped by itself, or has not been told to move: tolerances do not count."""
        return self._holding

    def submit(self, message: TrajectoryMessage, now_ns: int) -> None:
        """Replace the trajectory from the next cycle on; a goal in execution is not aborted.

        Raises:
            CommandRefusedError: The old motion continues.
        """
        self._refuse(message, now_ns)
        self._next = self._order.arrange(message, self._commanded.positions)
        self._holding = False

    def submit_goal(self, goal: TrajectoryGoal, now_ns: int) -> GoalHandle:
        """Replace trajectory and goal; the tolerances stay in force after the goal has ended.

        Raises:
            CommandRefusedError: The goal is rejected and the old motion continues.
        """
        self._refuse(goal.message, now_ns)
        self._finish(GoalStatus.ABORTED, GoalCode.INVALID_GOAL, 'preempted by a new goal')
        self._tolerances = self._defaults.for_goal(
            self.joints, goal.path_tolerance, goal.goal_tolerance, goal.goal_time_s
        )
        self._next = self._order.arrange(goal.message, self._commanded.positions)
        self._holding = False
        self._goal = GoalHandle()
        return self._goal

    def cancel(self, goal: GoalHandle) -> None:
        """Cancel a goal and stop; does nothing for a goal that has ended."""
        if goal is self._goal:
            self._finish(GoalStatus.CANCELED, GoalCode.SUCCESSFUL, '')
            self._stop()

    def deactivate(self) -> None:
        """Abort the goal. The command stays what it is."""
        self._finish(GoalStatus.ABORTED, GoalCode.INVALID_GOAL, 'the controller was deactivated')

    def update(self, now_ns: int, measured: Motion) -> Vector:
        """Run one cycle.

        Args:
            now_ns: Its time.
            measured: Positions and, where known, velocities.

        Returns:
            Positions to command [rad or m].
        """
        with np.errstate(invalid='ignore', over='ignore'):  # as silent as the real one
            return self._run_cycle(now_ns, measured)

    def _run_cycle(self, now_ns: int, measured: Motion) -> Vector:
        if self._next is not None:
            self._current, self._next = self._next, None
        self._measured = measured
        first = not self._current.begun
        if first:
            self._begin(now_ns)
        desired = self._current.sample(now_ns)
        ahead = self._current.sample(now_ns + self._period_ns)
        if desired is None or ahead is None:
            return self._commanded.positions
        error = desired.motion.positions - measured.positions
        past_end_s = (now_ns - ahead.point_ns) * 1e-9
        if self._timed_out(ahead, past_end_s):
            self._stop()
        verdict = self._judge(error, ahead, past_end_s, first=first)
        if not verdict.off_path and not verdict.too_late:
            self._commanded, self._commanded_ns = ahead.motion, now_ns
        self._react(verdict, ahead, past_end_s)
        output = self._commanded.positions
        self.state = ControllerState(now_ns, desired.motion, measured, error, output)
        return output

    def _refuse(self, message: TrajectoryMessage, now_ns: int) -> None:
        refuse_bad_message(
            message,
            self.joints,
            now_ns,
            allow_partial=self._options.allow_partial_joints_goal,
            allow_final_velocity=self._options.allow_nonzero_velocity_at_trajectory_end,
        )

    def _begin(self, now_ns: int) -> None:
        """Fix where the bridge starts.

        The last command belongs to this cycle but is dated one cycle back: a bridge that starts
        from it steps by up to two cycles of motion. The real controller does that.
        """
        if self._options.interpolate_from_desired_state:
            before_ns = now_ns if self._commanded_ns is None else self._commanded_ns
            self._current.begin(now_ns, before_ns, self._commanded)
        else:
            self._current.begin(now_ns, now_ns, self._measured)

    def _timed_out(self, ahead: Sample, past_end_s: float) -> bool:
        timeout_s = self._options.cmd_timeout_s
        if timeout_s <= self._defaults.goal_time_s or self._holding:
            return False
        return ahead.at_end and past_end_s > timeout_s

    def _judge(self, error: Vector, ahead: Sample, past_end_s: float, *, first: bool) -> _Verdict:
        if self._holding:
            return _Verdict(off_path=False, off_goal=False, too_late=False)
        bounds = self._tolerances
        errors = [float(value) for value in error]
        moving = first or not ahead.at_end
        off_goal = ahead.at_end and exceeded(bounds.goal, errors) is not None
        late = 0.0 < bounds.goal_time_s < past_end_s
        return _Verdict(
            off_path=moving and exceeded(bounds.path, errors) is not None,
            off_goal=off_goal,
            too_late=off_goal and late,
        )

    def _react(self, verdict: _Verdict, ahead: Sample, past_end_s: float) -> None:
        if verdict.off_path:
            text = 'a joint left the path tolerance'
            self._finish(GoalStatus.ABORTED, GoalCode.PATH_TOLERANCE_VIOLATED, text)
            self._stop()
        elif verdict.too_late:
            text = f'a joint is outside the goal tolerance {past_end_s:.3f} s after the end'
            self._finish(GoalStatus.ABORTED, GoalCode.GOAL_TOLERANCE_VIOLATED, text)
            self._stop()
        elif self._goal is not None and ahead.at_end and not verdict.off_goal:
            self._finish(GoalStatus.SUCCEEDED, GoalCode.SUCCESSFUL, 'goal reached')
            self._next = hold(self._current.last)
            self._holding = True

    def _finish(self, status: GoalStatus, code: GoalCode, text: str) -> None:
        if self._goal is not None:
            self._goal.finish(status, code, text)
            self._goal = None

    def _stop(self) -> None:
        """Stop where the joints are measured: dead, or by the configured deceleration."""
        rates = self._options.max_deceleration_on_cancel
        position, velocity = self._measured.positions, self._measured.velocities
        if rates and min(rates) > 0.0 and velocity is not None:
            self._next = decelerate(position, velocity, rates, self._period_ns)
        else:
            self._next = hold(Motion(position))
        self._holding = True
