# SPDX-License-Identifier: Apache-2.0
"""The topic of a Cartesian pose controller, in front of its stand-in."""

import threading

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode

from vla_bridge.simulation.quiet import QUIET_S
from vla_bridge.topics import COMMAND
from vla_sim.controllers.cartesian_pose import CartesianPoseController
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.inverse_kinematics import ToolPose


class PoseInterface:
    """Takes poses of the tool from a topic.

    Args:
        node: Whose topic it is.
        topic: Of the poses.
        controller: Behind it.
        lock: Held while the controller is used.
    """

    def __init__(
        self,
        node: LifecycleNode,
        topic: str,
        controller: CartesianPoseController,
        lock: threading.Lock,
    ) -> None:
        """Open the topic."""
        self._node, self._topic, self._controller, self._lock = node, topic, controller, lock
        self._subscription = node.create_subscription(PoseStamped, topic, self._on_command, COMMAND)

    def _on_command(self, message: PoseStamped) -> None:
        at, turn = message.pose.position, message.pose.orientation
        pose = ToolPose(np.array([at.x, at.y, at.z]), _rotation(turn.x, turn.y, turn.z, turn.w))
        try:
            with self._lock:
                self._controller.submit(message.header.frame_id, pose)
        except CommandRefusedError as error:
            self._node.get_logger().error(
                f'{self._topic}: dropped, the old command stands: {error}',
                throttle_duration_sec=QUIET_S,
            )


def _rotation(x: float, y: float, z: float, w: float) -> NDArray[np.float64]:
    """Matrix of a quaternion of any length; not finite for one of length 0."""
    length = np.sqrt(x * x + y * y + z * z + w * w)
    with np.errstate(invalid='ignore', divide='ignore'):
        x, y, z, w = np.array([x, y, z, w]) / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
