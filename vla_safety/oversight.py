# SPDX-License-Identifier: Apache-2.0
"""Everything that must be so for the arm to move, looked at again at every tick."""

import numpy as np

from vla_contract.robot import Robot
from vla_safety.avoidance import Avoidance
from vla_safety.limits import Limits
from vla_safety.measured import Instant, Measured
from vla_safety.motion import NS, Array
from vla_safety.plan import Plan
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.told import Told
from vla_safety.tool_speed import ToolSpeedRule
from vla_safety.watch import Watch


class Oversight:
    """Joint states, companions, scene and people; and whether the arm follows its plan."""

    def __init__(
        self,
        robot: Robot,
        limits: Limits,
        watch: Watch,
        rule: ToolSpeedRule,
        avoidance: Avoidance | None,
    ) -> None:
        """Look at all of these."""
        self.measured = Measured(robot, limits)
        self.told = Told(robot, limits)
        self.watch = watch
        self._robot, self._limits = robot, limits
        self._rule, self._avoidance = rule, avoidance
        self._ticked_ns: int | None = None

    def finding(self, now: Instant) -> Finding | None:
        """The first reason why nothing may move now, or None."""
        return (
            self.measured.finding(now)
            or self.watch.finding(now.steady_ns)
            or self._rule.finding(now.steady_ns)
            or (self._avoidance.finding(now.steady_ns) if self._avoidance else None)
        )

    def start(self, now: Instant) -> Array:
        """Where the arm is held, ready to be moved; the next tick is the first.

        Raises:
            RefusedError: Something must be put right before anything moves.
        """
        finding = self.finding(now)
        if finding is not None:
            raise RefusedError(finding.reason, finding.text)
        if not self.measured.standstill:
            raise RefusedError(Reason.MOVING, 'the arm is still moving')
        q = self.measured.positions
        self._refuse_outside(q)
        self._refuse_contact(q)
        self._ticked_ns = None
        return self.told.start(q, now)

    def _refuse_outside(self, q: Array) -> None:
        excess = self._limits.position_excess(q)
        if excess.max() > self._robot.margins.position:
            joint = self._limits.names[int(excess.argmax())]
            raise RefusedError(
                Reason.JOINT_RANGE,
                f'{joint} is {excess.max():.4f} beyond its limits; move it back by hand or pendant',
            )

    def _refuse_contact(self, q: Array) -> None:
        contact = self._avoidance.touching(q) if self._avoidance else None
        if contact is not None:
            raise RefusedError(
                Reason.COLLISION,
                f'{contact.first} overlaps {contact.second} by {-contact.distance_m * 1e3:.1f} mm '
                'where the arm is; move it free by hand or pendant, or correct the scene',
            )

    def stall(self, now: Instant) -> Finding | None:
        """This process itself stood still: what it knows is old, so it starts afresh."""
        last, self._ticked_ns = self._ticked_ns, now.steady_ns
        most = self._robot.timing.heartbeat_timeout_s
        if last is None or (now.steady_ns - last) / NS <= most:
            return None
        stalled = (now.steady_ns - last) / NS
        return Finding(Reason.STALLED, f'the safety node stood still for {stalled:.3f} s')

    def tracking(self, plan: Plan, now: Instant) -> Finding | None:
        """Distance from the plan to what was measured, at the time it was measured."""
        if self.measured.finding(now) is not None:
            return None
        planned = plan.executing.at(self.measured.stamp_ns).q
        error = np.abs(planned - self.measured.positions)
        joint, most = int(error.argmax()), self._robot.margins.tracking
        if error[joint] <= most:
            return None
        return Finding(
            Reason.TRACKING,
            f'{self._limits.names[joint]} is {error[joint]:.4f} from the plan, at most {most:g}',
        )
