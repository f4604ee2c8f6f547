# SPDX-License-Identifier: Apache-2.0
"""Controllers of tool poses, as FZI's cartesian_motion_controller: they stay at the last pose.

The controller's end effector must be the robot file's tool frame. On an arm of more than six
joints it chooses the posture, which only ``margins.tracking`` then watches.
"""

from typing import Any

import numpy as np
import pinocchio as pin
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from std_msgs.msg import Header

from vla_bridge.controllers.trajectory import to_time
from vla_safety.kinematics import Kinematics
from vla_safety.motion import Array, Motion


class PoseSetpoints:
    """The pose of the tool for now, in the base frame."""

    message_type = PoseStamped
    stands_when_silent = True

    def __init__(self, kinematics: Kinematics, frame: str) -> None:
        """Follow by pose.

        Args:
            kinematics: Of the arm, for nobody else's use.
            frame: The base frame.
        """
        self._kinematics, self._frame = kinematics, frame
        self._turn: Array = np.array([0.0, 0.0, 0.0, 1.0])

    def at(self, motion: Motion, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """Position [m] and orientation of the tool; of q and -q the one nearer to the last."""
        pose = self._kinematics.tool_pose(motion.at(time_ns).q)
        turn = pin.Quaternion(pose.rotation).coeffs()
        self._turn = turn if float(turn @ self._turn) >= 0.0 else -turn
        (x, y, z), (a, b, c, w) = map(float, pose.translation), map(float, self._turn)
        return PoseStamped(
            header=Header(stamp=to_time(time_ns), frame_id=self._frame),
            pose=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=a, y=b, z=c, w=w)),
        )
