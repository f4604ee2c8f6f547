# SPDX-License-Identifier: Apache-2.0
"""A forward controller of positions: it has no timeout, and stands dead when nothing comes."""

import array
from typing import Any

from std_msgs.msg import Float64MultiArray

from vla_safety.motion import Motion


class PositionSetpoints:
    """The position for now."""

    message_type = Float64MultiArray
    stands_when_silent = True

    def at(self, motion: Motion, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """Positions of the joints [rad or m]."""
        return Float64MultiArray(data=array.array('d', motion.at(time_ns).q))
