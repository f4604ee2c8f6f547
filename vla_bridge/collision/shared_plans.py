# SPDX-License-Identifier: Apache-2.0
"""SharedPlan ⇄ vla_control/SharedPlan."""

import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vla_control.msg import SharedPlan as Message

from vla_contract.errors import VlaError
from vla_safety.collision.objects import Pose
from vla_safety.collision.swept import OtherMotion
from vla_safety.motion import Array, Motion
from vla_safety.shared_plan import SharedPlan

_POSE = 7
"""Numbers of a pose: position, quaternion."""


def to_message(plan: SharedPlan, joints: Sequence[str], frame: str, stamp: Time) -> Message:
    """What an arm says.

    Args:
        plan: Of the arm.
        joints: Names of its joints.
        frame: Its base frame, which the poses are in.
        stamp: Now.
    """
    motion = plan.motion.motion
    poses = [plan.poses[session] for session in plan.turns]
    numbers = [value for pose in poses for value in (*pose.position, *pose.orientation)]
    return Message(
        header=Header(stamp=stamp, frame_id=frame),
        session=plan.session,
        sequence=plan.sequence,
        peers=list(plan.turns),
        turns=list(plan.turns.values()),
        poses=array.array('d', numbers),
        joints=list(joints),
        times=array.array('q', motion.times_ns),
        positions=_flat(motion.q),
        velocities=_flat(motion.v),
        accelerations=_flat(motion.a),
        stop_deviation=plan.motion.aside_m,
    )


def from_message(message: Message, joints: Sequence[str], topic: str) -> SharedPlan:
    """What another arm says.

    Raises:
        VlaError: It has other joints, or its numbers do not fit together.
    """
    if list(message.joints) != list(joints):
        found = ', '.join(message.joints) or 'none'
        raise VlaError(f'{topic}: joints {found}; expected {", ".join(joints)}')
    if not 0 <= message.stop_deviation < np.inf:
        raise VlaError(f'{topic}: stop_deviation is {message.stop_deviation}')
    count = len(message.peers)
    if (len(message.turns), len(message.poses)) != (count, count * _POSE):
        found = f'{len(message.turns)} turns and {len(message.poses)} numbers of poses'
        raise VlaError(f'{topic}: {found} for {count} peers')
    size = len(message.times), len(joints)
    rates = [
        _rows(values, size, topic)
        for values in (message.positions, message.velocities, message.accelerations)
    ]
    motion = Motion(np.array(message.times, dtype=np.int64), *rates)
    rows = np.array(message.poses).reshape(count, _POSE).tolist()
    return SharedPlan(
        session=message.session,
        sequence=message.sequence,
        turns=dict(zip(message.peers, message.turns, strict=True)),
        poses=dict(zip(message.peers, map(_pose, rows), strict=True)),
        motion=OtherMotion(motion, aside_m=message.stop_deviation),
    )


def _flat(values: Array) -> 'array.array[float]':
    return array.array('d', values.ravel())


def _rows(values: Sequence[float], size: tuple[int, int], topic: str) -> Array:
    if len(values) != size[0] * size[1]:
        raise VlaError(f'{topic}: {len(values)} values for {size[0]} knots of {size[1]} joints')
    return np.array(values, dtype=np.float64).reshape(size)


def _pose(row: list[float]) -> Pose:
    x, y, z, *quaternion = row
    qx, qy, qz, qw = quaternion
    return Pose((x, y, z), (qx, qy, qz, qw))
