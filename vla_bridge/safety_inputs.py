# SPDX-License-Identifier: Apache-2.0
"""What the safety node hears beside chunks: joints, tasks, people, buttons, guard, heartbeats."""

import time
from collections.abc import Callable

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64, Header, String
from vla_control.msg import Task

from vla_bridge import topics
from vla_bridge.lifecycle_node import VlaNode
from vla_safety.command import Command
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.motion import NS
from vla_safety.reasons import Reason

COMPANIONS = {
    'policy_node': topics.POLICY_HEARTBEAT,
    'instruction_node': topics.INSTRUCTION_HEARTBEAT,
    'guard_node': topics.GUARD_HEARTBEAT,
}
"""Where the heartbeats come from that a filter awaits."""


class SafetyInputs:
    """Passes on to a filter what comes by topic."""

    def __init__(
        self,
        node: VlaNode,
        motion_filter: MotionFilter,
        now: Callable[[], Instant],
        send: Callable[[Command], None],
    ) -> None:
        """Open the subscriptions.

        Args:
            node: Whose they are.
            motion_filter: Is told.
            now: The present.
            send: Takes what the filter answers.
        """
        self._filter, self._now, self._send = motion_filter, now, send
        robot = motion_filter.robot
        node.create_subscription(
            JointState, robot.joint_states, self._on_joint_state, topics.SENSOR
        )
        node.create_subscription(Task, topics.TASK, self._on_task, topics.LATCHED)
        node.create_subscription(Bool, topics.EMERGENCY_STOP, self._on_estop, topics.COMMAND)
        node.create_subscription(
            String, topics.GUARD_STOPPED, self._on_guard_stopped, topics.COMMAND
        )
        if robot.separation.topic:
            node.create_subscription(
                Float64, robot.separation.topic, self._on_separation, topics.SENSOR
            )
        if robot.controller.state_topic:
            self._listen_to_controller(node, robot.controller.state_topic)
        for name, topic in COMPANIONS.items():
            node.create_subscription(Header, topic, self._hearing(name), topics.SENSOR)

    def _listen_to_controller(self, node: VlaNode, topic: str) -> None:
        """Hear where the controller holds the arm, where its message type is installed."""
        try:
            from control_msgs.msg import JointTrajectoryControllerState
        except ImportError as error:
            node.get_logger().warning(
                f'{topic} is not heard ({error}); an arm that sags steps by that when it is armed. '
                'Install ros-$ROS_DISTRO-control-msgs'
            )
            return

        def on_state(message: bytes) -> None:
            self._filter.oversight.told.hear(lambda: positions(message), self._now())

        def positions(message: bytes) -> dict[str, float]:
            state = deserialize_message(message, JointTrajectoryControllerState)
            return dict(zip(state.joint_names, state.reference.positions, strict=False))

        node.create_subscription(
            JointTrajectoryControllerState, topic, on_state, topics.SENSOR, raw=True
        )

    def _hearing(self, name: str) -> Callable[[Header], None]:
        def heard(_: Header) -> None:
            self._filter.oversight.watch.heard(name, time.monotonic_ns())

        return heard

    def _on_joint_state(self, message: JointState) -> None:
        names = message.name
        positions = dict(zip(names, message.position, strict=False))
        velocities = dict(zip(names, message.velocity, strict=False))
        stamp = message.header.stamp
        stamp_ns = stamp.sec * NS + stamp.nanosec
        self._filter.measured.update(positions, velocities, stamp_ns, self._now())

    def _on_task(self, message: Task) -> None:
        self._filter.set_task(message.id if message.active else None)

    def _on_estop(self, message: Bool) -> None:
        self._send(self._filter.emergency_stop(message.data, self._now()))

    def _on_guard_stopped(self, message: String) -> None:
        self._filter.lost(Reason.GUARD_STOPPED, message.data)

    def _on_separation(self, message: Float64) -> None:
        self._filter.tool_speed.measured(message.data, time.monotonic_ns())
