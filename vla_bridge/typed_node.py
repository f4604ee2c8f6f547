# SPDX-License-Identifier: Apache-2.0
"""rclpy's lifecycle node, with the types that rclpy leaves out of the methods we call.

Nothing is added when it runs: the signatures are for the type checker, so that calls of untyped
functions stay errors in our own code.
"""

from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleNode

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger
    from rclpy.lifecycle import LifecyclePublisher, TransitionCallbackReturn
    from rclpy.qos import QoSProfile

    class TypedNode(LifecycleNode):
        """What rclpy's methods take and answer."""

        def get_logger(self) -> RcutilsLogger:
            """The node's logger."""

        def create_lifecycle_publisher(
            self, msg_type: type, topic: str, qos_profile: QoSProfile | int
        ) -> LifecyclePublisher:
            """A publisher that is silent while the node is inactive."""

        def trigger_configure(self) -> TransitionCallbackReturn:
            """Make the transition, and answer how it went."""

        def trigger_activate(self) -> TransitionCallbackReturn:
            """Make the transition, and answer how it went."""

        def trigger_deactivate(self) -> TransitionCallbackReturn:
            """Make the transition, and answer how it went."""

        def trigger_cleanup(self) -> TransitionCallbackReturn:
            """Make the transition, and answer how it went."""

        def trigger_shutdown(self) -> TransitionCallbackReturn:
            """Make the transition, and answer how it went."""

        def destroy_node(self) -> None:
            """Close everything that the node has opened."""

else:
    TypedNode = LifecycleNode
