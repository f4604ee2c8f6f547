# SPDX-License-Identifier: Apache-2.0
"""A motion as the simulated controller takes it, without a ROS message in between.

A test shows that the way through the message gives the same, to the last bit.
"""

from collections.abc import Sequence

from vla_safety.motion import Motion
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint


def direct_trajectory(joints: Sequence[str], motion: Motion) -> TrajectoryMessage:
    """The motion, stamped with its first knot.

    Args:
        joints: Names, in the motion's order.
        motion: To be executed.
    """
    offsets = (motion.times_ns - motion.start_ns).tolist()
    rows = zip(offsets, motion.q.tolist(), motion.v.tolist(), motion.a.tolist(), strict=True)
    points = tuple(
        TrajectoryPoint(after_ns, tuple(q), tuple(v), tuple(a)) for after_ns, q, v, a in rows
    )
    return TrajectoryMessage(motion.start_ns, tuple(joints), points)
