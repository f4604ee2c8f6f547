# SPDX-License-Identifier: Apache-2.0
"""Motion ⇄ trajectory_msgs/JointTrajectory."""

import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_contract.errors import VlaError
from vla_safety.motion import NS, Array, Motion


def to_message(joints: Sequence[str], motion: Motion) -> JointTrajectory:
    """The motion stamped with its first knot, which lies in the past: so it enters mid-way."""
    message = JointTrajectory(joint_names=list(joints))
    message.header.stamp = to_time(motion.start_ns)
    message.points = [
        JointTrajectoryPoint(
            positions=array.array('d', q),
            velocities=array.array('d', v),
            accelerations=array.array('d', a),
            time_from_start=_duration(int(t) - motion.start_ns),
        )
        for t, q, v, a in zip(motion.times_ns, motion.q, motion.v, motion.a, strict=True)
    ]
    return message


def from_message(joints: Sequence[str], message: JointTrajectory) -> Motion:
    """A motion sent by the safety node, read back.

    Raises:
        VlaError: It names other joints, or is no whole motion.
    """
    if list(message.joint_names) != list(joints) or not message.points:
        raise VlaError(
            f'a trajectory of {len(message.points)} points for {", ".join(message.joint_names)}; '
            f'expected the joints {", ".join(joints)}'
        )
    start = message.header.stamp.sec * NS + message.header.stamp.nanosec
    offsets = [p.time_from_start.sec * NS + p.time_from_start.nanosec for p in message.points]
    values = [
        _rows(joints, [getattr(point, field) for point in message.points], field)
        for field in ('positions', 'velocities', 'accelerations')
    ]
    return Motion(start + np.array(offsets, dtype=np.int64), *values)


def _rows(joints: Sequence[str], rows: Sequence[Sequence[float]], field: str) -> Array:
    if any(len(row) != len(joints) for row in rows):
        raise VlaError(f'a trajectory whose {field} do not have {len(joints)} values a point')
    return np.array(rows, dtype=np.float64)


def to_time(time_ns: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=time_ns // NS, nanosec=time_ns % NS)


def _duration(duration_ns: int) -> Duration:
    return Duration(sec=duration_ns // NS, nanosec=duration_ns % NS)
