# SPDX-License-Identifier: Apache-2.0
"""The measured joint state: complete, fresh, finite and plausible, or a reason why not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_contract.robot import Robot
from vla_safety.limits import Limits
from vla_safety.motion import NS, Array
from vla_safety.reasons import Finding, Reason

STANDSTILL = 0.02
"""Speed below which a joint counts as standing [unit/s]."""
_REACH = 0.2
"""Measured positions this far beyond a limit are a broken sensor, not a bent arm."""
_FUTURE_S = 0.05
_FAULT_LASTS_NS = 50_000_000


@dataclass(frozen=True)
class Instant:
    """One moment by both clocks: ROS time may jump or be simulated, steady time never does."""

    ros_ns: int
    steady_ns: int


@dataclass(frozen=True)
class JointReading:
    """The newest good measurement of one joint.

    Attributes:
        position: Joint unit.
        velocity: Joint unit per second.
        stamp_ns: When it was measured, ROS time.
        arrival_ns: When it arrived, by the steady clock.
    """

    position: float
    velocity: float
    stamp_ns: int
    arrival_ns: int


@dataclass(frozen=True)
class Readings:
    """All that was measured.

    Attributes:
        joints: By name; those never measured are missing.
        fault: Why measurements were refused; it outlasts good ones for a while.
        fault_ns: When, by the steady clock.
        opening: Of the gripper, from 0 to 1; NaN where it was never measured.
    """

    joints: Mapping[str, JointReading]
    fault: Finding | None
    fault_ns: int
    opening: float


class Measured:
    """Joint states merged by name. Messages may hold any subset, in any order.

    Attributes:
        opening: Of the gripper, from 0 to 1; NaN where it was never measured.
    """

    def __init__(self, robot: Robot, limits: Limits) -> None:
        """Know the joints, with nothing measured yet."""
        self._robot = robot
        self._limits = limits
        self._joints: dict[str, JointReading] = {}
        self._fault: Finding | None = None
        self._fault_ns = -_FAULT_LASTS_NS
        self.opening = math.nan

    def update(
        self,
        positions: Mapping[str, float],
        velocities: Mapping[str, float],
        stamp_ns: int,
        now: Instant,
    ) -> None:
        """Take one message. A fault outlasts the good messages right after it."""
        if now.steady_ns - self._fault_ns > _FAULT_LASTS_NS:
            self._fault = None
        fault: Finding | None = None
        self._feel(positions)
        for index, name in enumerate(self._limits.names):
            if name not in positions:
                continue
            position, velocity = positions[name], velocities.get(name, math.nan)
            fault = fault or self._fault_of(index, position, stamp_ns, now)
            if math.isnan(velocity):
                velocity = self._difference(name, position, stamp_ns)
            if fault is None:
                self._joints[name] = JointReading(position, velocity, stamp_ns, now.steady_ns)
        self._keep(fault, now)

    def _feel(self, positions: Mapping[str, float]) -> None:
        gripper = self._robot.gripper
        if gripper is not None and math.isfinite(positions.get(gripper.joint, math.nan)):
            self.opening = min(max(gripper.to_opening(positions[gripper.joint]), 0.0), 1.0)

    def _keep(self, fault: Finding | None, now: Instant) -> None:
        if fault is not None:
            self._fault, self._fault_ns = fault, now.steady_ns

    def forget(self) -> None:
        """The clock was set back: what was measured before has no time now."""
        self._joints.clear()

    @property
    def readings(self) -> Readings:
        """All that is remembered."""
        return Readings(dict(self._joints), self._fault, self._fault_ns, self.opening)

    def recall(self, readings: Readings) -> None:
        """Remember this instead."""
        self._joints = dict(readings.joints)
        self._fault, self._fault_ns = readings.fault, readings.fault_ns
        self.opening = readings.opening

    def finding(self, now: Instant) -> Finding | None:
        """Why the state cannot be relied on now, or None."""
        if self._fault is not None:
            return self._fault
        missing = [name for name in self._limits.names if name not in self._joints]
        if missing:
            topic = self._robot.joint_states
            return Finding(
                Reason.NO_JOINT_STATE, f'nothing on {topic} yet for {", ".join(missing)}'
            )
        age, most = self.age_s(now), self._robot.timing.joint_state_max_age_s
        if age > most:
            return Finding(
                Reason.STALE_JOINT_STATE, f'joint states are {age:.3f} s old, at most {most:g} s'
            )
        return None

    def age_s(self, now: Instant) -> float:
        """Age of the oldest joint by the less flattering clock; NaN where one is missing [s]."""
        joints = [self._joints.get(name) for name in self._limits.names]
        if any(joint is None for joint in joints):
            return math.nan
        ages = [
            max(now.ros_ns - joint.stamp_ns, now.steady_ns - joint.arrival_ns) / NS
            for joint in joints
            if joint is not None
        ]
        return max(ages)

    @property
    def positions(self) -> Array:
        """In the robot's order; only meaningful where finding() is None."""
        return np.array([self._joints[name].position for name in self._limits.names])

    @property
    def stamp_ns(self) -> int:
        """Time of the oldest joint."""
        return min(self._joints[name].stamp_ns for name in self._limits.names)

    @property
    def standstill(self) -> bool:
        """No joint moves."""
        if any(name not in self._joints for name in self._limits.names):
            return False
        return all(abs(self._joints[name].velocity) < STANDSTILL for name in self._limits.names)

    def _fault_of(self, index: int, position: float, stamp_ns: int, now: Instant) -> Finding | None:
        name, limits = self._limits.names[index], self._limits
        if not math.isfinite(position):
            return Finding(Reason.BAD_JOINT_STATE, f'measured position of {name} is {position}')
        if stamp_ns <= 0 or (stamp_ns - now.ros_ns) / NS > _FUTURE_S:
            return Finding(
                Reason.BAD_JOINT_STATE,
                f'joint states are stamped {(stamp_ns - now.ros_ns) / NS:.3f} s from now',
            )
        if limits.position_excess(np.full(len(limits.names), position))[index] > _REACH:
            return Finding(
                Reason.BAD_JOINT_STATE,
                f'measured position of {name} is {position:.4f}, far outside '
                f'[{limits.lower[index]:.4f}, {limits.upper[index]:.4f}]',
            )
        return self._jump(index, position, stamp_ns)

    def _jump(self, index: int, position: float, stamp_ns: int) -> Finding | None:
        name, last = self._limits.names[index], self._joints.get(self._limits.names[index])
        if last is None:
            return None
        elapsed = max(stamp_ns - last.stamp_ns, 0) / NS
        most = 0.05 + 2 * float(self._limits.velocity[index]) * elapsed
        moved = abs(position - last.position)
        if moved <= most:
            return None
        self._joints.pop(name)
        return Finding(
            Reason.BAD_JOINT_STATE,
            f'{name} jumped by {moved:.4f} in {elapsed:.3f} s; at most {most:.4f} is possible',
        )

    def _difference(self, name: str, position: float, stamp_ns: int) -> float:
        """Speed from two positions, for drivers that publish none."""
        last = self._joints.get(name)
        if last is None or stamp_ns <= last.stamp_ns:
            return math.inf
        return (position - last.position) * NS / (stamp_ns - last.stamp_ns)
