# SPDX-License-Identifier: Apache-2.0
"""The safety node, whose Python stands still for as long as it is told on ``~/stall`` [s].

The interpreter is held, as a library can that never lets go of it: no thread of Python goes on,
while those of the middleware do.
"""

import ctypes
import sys

from std_msgs.msg import Float64

from vla_bridge import topics
from vla_bridge.lifecycle_node import run
from vla_bridge.nodes.safety_node import SafetyNode


class StallingSafetyNode(SafetyNode):
    """Can be made to stall."""

    def __init__(self) -> None:
        """Listen for how long."""
        super().__init__()
        self._library = ctypes.PyDLL(None)
        self.create_subscription(Float64, '~/stall', self._stall, topics.COMMAND)

    def _stall(self, message: Float64) -> None:
        self._library.usleep(round(message.data * 1e6))


if __name__ == '__main__':
    sys.exit(run(StallingSafetyNode))
