# SPDX-License-Identifier: Apache-2.0
"""A forward controller of velocities: it has no timeout, and never stops when nothing comes."""

import array
from typing import Any

from std_msgs.msg import Float64MultiArray

from vla_bridge.controllers.pursuit import Pursuit
from vla_safety.motion import Motion


class VelocitySetpoints:
    """The velocity for now, and zero after the end."""

    message_type = Float64MultiArray
    stands_when_silent = False

    def __init__(self, pursuit: Pursuit) -> None:
        """Follow by velocity."""
        self._pursuit = pursuit

    def at(self, motion: Motion, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """Velocities of the joints [rad/s or m/s]."""
        return Float64MultiArray(data=array.array('d', self._pursuit.velocity(motion, time_ns)))
