# SPDX-License-Identifier: Apache-2.0
"""joint_trajectory_controller by its action, for drivers that offer nothing else.

A new goal preempts the one before. The controller then replaces the trajectory just as for a
message on its topic, without a stop in between, so goals carry what messages would: the past
repeated, the motion, its braking tail. To stop is therefore to send a goal that brakes. Cancelling
is no stop: it steps back to the measured position and stands dead.

A goal costs much more than a message: a service call, results, and a list of all goals of the last
seconds that the controller publishes at every change. So a goal is sent only when the motion
decided is about to part from the one that the controller holds.
"""

from typing import Any

import numpy as np
from rclpy.action.client import ActionClient
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode
from trajectory_msgs.msg import JointTrajectory

from vla_bridge.controllers.rivals import ForeignGoals, goal_id
from vla_bridge.controllers.trajectory import to_message
from vla_bridge.topics import COMMAND, SAFETY_PLAN
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.motion import NS, Motion

NEVER = 2**63 - 1
_GRID_NS = 5_000_000
_SAME = 1e-6
"""Positions closer than this are the same [rad or m]."""


class FollowJointTrajectoryOutput:
    """Each goal replaces the trajectory in execution without a step.

    Args:
        node: Sends.
        robot: With the action's name as its controller's topic.
        tell_plan: Publish what is sent, for the guard and the recorder.
    """

    def __init__(self, node: LifecycleNode, robot: Robot, *, tell_plan: bool) -> None:
        """Make a client of the action, whose type comes with control_msgs."""
        try:
            from control_msgs.action import FollowJointTrajectory
        except ImportError as error:
            raise VlaError(
                f'controller kind {robot.controller.kind} needs the ROS package control_msgs, '
                'which is not installed; install it or use joint_trajectory'
            ) from error
        self._node, self._joints, self._action = node, robot.joint_names, robot.controller.topic
        self._goal_type = FollowJointTrajectory.Goal
        self._client = ActionClient(node, FollowJointTrajectory, self._action)
        self._goals = ForeignGoals(node, self._action)
        topic = SAFETY_PLAN if tell_plan else None
        self._plan = node.create_publisher(JointTrajectory, topic, COMMAND) if topic else None
        period_s = 1.0 / robot.controller.rate_hz
        self._needed_ns = round((robot.timing.lead_s + 1.5 * period_s) * NS)
        self._held: Motion | None = None
        self._decided: Motion | None = None
        simulated = node.get_parameter('use_sim_time').value
        clock = node.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(period_s, self._send_when_needed, clock=clock)

    def send(self, motion: Motion) -> None:
        """Replace the trajectory in execution, in time before it parts from this motion."""
        self._decided = motion
        self._send_when_needed()

    def stand_by(self, plan: Motion) -> None:
        """Nothing to do: the controller plays the plan to its end by itself."""

    def finish(self) -> None:
        """Send what is still to be sent; the controller then has the tail."""
        self._send_now()

    def listeners(self) -> int:
        """1 where an action server answers."""
        return int(self._client.server_is_ready())

    def rivals(self) -> str:
        """Goals that somebody else has sent."""
        return self._goals.words()

    def _send_when_needed(self) -> None:
        motion = self._decided
        if motion is None:
            return
        now_ns = int(self._node.get_clock().now().nanoseconds)
        if self._held is None or parting_ns(self._held, motion, now_ns) <= now_ns + self._needed_ns:
            self._send_now()

    def _send_now(self) -> None:
        motion, self._decided = self._decided, None
        if motion is None:
            return
        if not self._client.server_is_ready():
            self._node.get_logger().error(
                f'no action server {self._action}: the arm is not told to move',
                throttle_duration_sec=1.0,
            )
            return
        message = to_message(self._joints, motion)
        goal = self._goal_type(trajectory=message)
        answer = self._client.send_goal_async(goal, goal_uuid=goal_id())
        answer.add_done_callback(self._answered)
        self._held = motion
        if self._plan is not None:
            self._plan.publish(message)

    def _answered(self, future: Any) -> None:  # noqa: ANN401 - rclpy's future is not typed
        if not future.result().accepted:
            self._held = None
            self._node.get_logger().error(
                f'{self._action} refused a goal: the arm finishes the motion before it'
            )


def parting_ns(held: Motion, motion: Motion, now_ns: int) -> int:
    """Time from now on at which a motion begins to differ from another, or NEVER."""
    end_ns = max(held.end_ns, motion.end_ns)
    times_ns = np.arange(now_ns, end_ns + _GRID_NS, _GRID_NS, dtype=np.int64)
    apart = np.abs(held.sample(times_ns)[0] - motion.sample(times_ns)[0]) > _SAME
    return int(times_ns[int(np.argmax(apart.any(axis=1)))]) if apart.any() else NEVER
