# SPDX-License-Identifier: Apache-2.0
"""The joint velocity that keeps an arm on a motion: the motion's own, and a bounded correction."""

import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import JointState

from vla_bridge.topics import SENSOR
from vla_contract.robot import Robot
from vla_safety.motion import NS, Array, Motion

GAIN = 3.0
"""Velocity by position error [1/s]: far below what the delay of any driver makes unstable."""
GREATEST_SHARE = 0.1
"""Greatest correction, as a share of each joint's speed limit."""


class Pursuit:
    """Follows a motion by velocity. Listens to joint states, for where the arm really is.

    Args:
        node: Listens.
        robot: Whose joints move.
    """

    def __init__(self, node: LifecycleNode, robot: Robot) -> None:
        """Nothing is measured yet."""
        self._names = robot.joint_names
        self._fastest = np.array([joint.velocity for joint in robot.joints])
        self._period_ns = round(NS / robot.controller.rate_hz)
        self._oldest_ns = round(robot.timing.joint_state_max_age_s * NS)
        self._positions: dict[str, float] = {}
        self._stamp_ns = 0
        node.create_subscription(JointState, robot.joint_states, self._on_joints, SENSOR)

    def velocity(self, motion: Motion, time_ns: int) -> Array:
        """What to drive at from a time until the next setpoint, exactly zero after the end."""
        if time_ns >= motion.end_ns:
            return np.zeros(len(self._names))
        ends_ns = np.array([time_ns, time_ns + self._period_ns], dtype=np.int64)
        here, there = motion.sample(ends_ns)[0]
        wanted = (there - here) * NS / self._period_ns + self._correction(motion, time_ns)
        bounded: Array = np.clip(wanted, -self._fastest, self._fastest)
        return bounded

    def _correction(self, motion: Motion, time_ns: int) -> Array:
        """Towards the motion, by where the arm was when it was last measured."""
        stamp_ns = self._stamp_ns
        known = all(name in self._positions for name in self._names)
        if not known or not 0 <= time_ns - stamp_ns <= self._oldest_ns:
            return np.zeros(len(self._names))
        measured = np.array([self._positions[name] for name in self._names])
        error = motion.at(max(stamp_ns, motion.start_ns)).q - measured
        most = GREATEST_SHARE * self._fastest
        bounded: Array = np.clip(np.nan_to_num(GAIN * error), -most, most)
        return bounded

    def _on_joints(self, message: JointState) -> None:
        """Take what concerns the arm: messages may hold any subset, in any order."""
        positions = dict(zip(message.name, message.position, strict=False))
        ours = {name: positions[name] for name in self._names if name in positions}
        if ours:
            self._positions |= ours
            self._stamp_ns = message.header.stamp.sec * NS + message.header.stamp.nanosec
