# SPDX-License-Identifier: Apache-2.0
"""The safety node's output to controllers that know one setpoint at a time.

The whole motion is published as well, for the guard, which goes on with it where this stream
pauses, and for the recorder.
"""

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.controllers.rivals import OtherPublishers
from vla_bridge.controllers.setpoints import Line, Setpoints
from vla_bridge.controllers.trajectory import to_message
from vla_bridge.publishers import listeners
from vla_bridge.topics import COMMAND, GUARD_STOPPED, SAFETY_PLAN
from vla_contract.robot import Robot
from vla_safety.motion import Motion


class StreamedOutput:
    """Streams the verified motion.

    After a pause so long that the guard may have stopped the arm, nothing is said of the motion
    that was interrupted but its rest, and that only where silence would not mean rest.
    """

    def __init__(self, node: LifecycleNode, robot: Robot, setpoints: Setpoints) -> None:
        """Stream at the controller's rate."""
        self._node, self._robot = node, robot
        self._line = Line(node, robot, setpoints)
        self._others = OtherPublishers(node, robot.controller.topic)
        self._longest_pause_s = robot.timing.heartbeat_timeout_s / 2
        self._stepped_ns = self._line.elapsed_ns()
        self._interrupted = False
        self._plan = node.create_publisher(JointTrajectory, SAFETY_PLAN, COMMAND)
        node.create_subscription(String, GUARD_STOPPED, self._on_guard_stopped, COMMAND)
        self._line.every(self._line.period_s, self._step)

    def send(self, motion: Motion) -> None:
        """Stream this motion from the next setpoint on."""
        self._line.take(motion)
        self._interrupted, self._stepped_ns = False, self._line.elapsed_ns()
        self._plan.publish(to_message(self._robot.joint_names, motion))

    def finish(self) -> None:
        """Stream the rest of the motion, which ends at rest."""
        if not self._interrupted:
            self._line.say_the_rest()

    def listeners(self) -> int:
        """Subscriptions of controllers."""
        return listeners(self._node, self._robot.controller.topic)

    def rivals(self) -> str:
        """Other publishers."""
        return self._others.words()

    def _step(self) -> None:
        paused_s = self._line.seconds_since(self._stepped_ns)
        self._stepped_ns = self._line.elapsed_ns()
        motion, line = self._line.motion, self._line
        if motion is None:
            return
        slept = paused_s > self._longest_pause_s or not line.awake
        self._interrupted = self._interrupted or slept
        if not self._interrupted:
            line.say(line.now_ns())
        elif line.setpoints.stands_when_silent:
            line.drop()
        elif line.now_ns() >= motion.end_ns:
            line.say(line.now_ns())

    def _on_guard_stopped(self, _: String) -> None:
        """The guard moves the arm now."""
        self._line.drop()
