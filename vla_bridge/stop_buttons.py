# SPDX-License-Identifier: Apache-2.0
"""Notices that an emergency stop which could be pressed when the arm was armed is gone since."""

from rclpy.node import Node

from vla_bridge import topics


class StopButtons:
    """Counts who can press the emergency stop."""

    def __init__(self, node: Node) -> None:
        """Nobody was counted yet; the node looks for them."""
        self._node = node
        self._most = 0

    def gone(self, *, armed: bool) -> str:
        """What is missing, in words, as long as the arm is armed; empty for nothing.

        Args:
            armed: The arm may move: from now on, buttons that are there have to stay.
        """
        count = self._node.count_publishers(topics.EMERGENCY_STOP)
        self._most = max(self._most, count) if armed else count
        if count == self._most:
            return ''
        return (
            f'{self._most} could press {topics.EMERGENCY_STOP}, {count} still can; bring the '
            'button back, or arm without it'
        )
