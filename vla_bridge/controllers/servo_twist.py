# SPDX-License-Identifier: Apache-2.0
"""MoveIt Servo, sent twists of the tool: it halts when none has come for its command timeout.

Servo's tip must be the robot file's tool frame, and its input in SI units (``speed_units``). On an
arm of more than six joints it chooses the posture, which only ``margins.tracking`` then watches.
"""

from typing import Any

from geometry_msgs.msg import Twist, TwistStamped, Vector3
from std_msgs.msg import Header

from vla_bridge.controllers.pursuit import Pursuit
from vla_bridge.controllers.trajectory import to_time
from vla_safety.kinematics import Kinematics
from vla_safety.motion import Motion


class TwistSetpoints:
    """The velocity of the tool for now, in axes of the base frame, and zero after the end."""

    message_type = TwistStamped
    stands_when_silent = False

    def __init__(self, pursuit: Pursuit, kinematics: Kinematics, frame: str) -> None:
        """Follow by velocity.

        Args:
            pursuit: Of the joints.
            kinematics: Of the arm, for nobody else's use.
            frame: The base frame.
        """
        self._pursuit, self._kinematics, self._frame = pursuit, kinematics, frame

    def at(self, motion: Motion, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """Linear [m/s] and angular velocity [rad/s] of the tool."""
        velocity = self._pursuit.velocity(motion, time_ns)
        jacobian = self._kinematics.tool_jacobian(motion.at(time_ns).q)
        x, y, z, roll, pitch, yaw = (float(value) for value in jacobian @ velocity)
        return TwistStamped(
            header=Header(stamp=to_time(time_ns), frame_id=self._frame),
            twist=Twist(linear=Vector3(x=x, y=y, z=z), angular=Vector3(x=roll, y=pitch, z=yaw)),
        )
