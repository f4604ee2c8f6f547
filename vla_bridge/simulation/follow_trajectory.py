# SPDX-License-Identifier: Apache-2.0
"""What control_msgs adds to a trajectory controller: its action, and its state."""

from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance, JointTrajectoryControllerState
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from vla_bridge.simulation.action_goals import ActionGoals
from vla_bridge.simulation.conversion import (
    duration_ns,
    to_doubles,
    to_time,
    trajectory_message,
    trajectory_point,
)
from vla_bridge.simulation.trajectory_interface import Access
from vla_bridge.topics import COMMAND
from vla_sim.controllers.goal import GoalHandle, TrajectoryGoal
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.motion import Motion


class ControllerState:
    """Publishes the controller's last cycle, from whatever thread runs the cycles."""

    def __init__(
        self, node: LifecycleNode, topic: str, controller: JointTrajectoryController
    ) -> None:
        """Open the topic."""
        self._controller = controller
        self._publisher = node.create_lifecycle_publisher(
            JointTrajectoryControllerState, topic, COMMAND
        )

    def publish(self) -> None:
        """Publish, if there was a cycle."""
        state = self._controller.state
        if state is None:
            return
        self._publisher.publish(
            JointTrajectoryControllerState(
                header=Header(stamp=to_time(state.stamp_ns)),
                joint_names=list(self._controller.joints),
                reference=trajectory_point(state.reference),
                feedback=trajectory_point(state.feedback),
                error=trajectory_point(Motion(state.error)),
                output=trajectory_point(Motion(state.output)),
                speed_scaling_factor=1.0,
            )
        )


class FollowTrajectory:
    """The action of a trajectory controller."""

    def __init__(
        self, node: LifecycleNode, name: str, controller: JointTrajectoryController, access: Access
    ) -> None:
        """Open the action."""
        self._name, self._controller = name, controller
        self._lock, self._now_ns = access.lock, access.now_ns
        self._goals = ActionGoals(
            node,
            FollowJointTrajectory,
            name,
            submit=self._submit,
            cancel=self._cancel,
            result=_result,
            feedback=self._feedback,
        )

    def _submit(self, request: FollowJointTrajectory.Goal) -> GoalHandle:
        goal = TrajectoryGoal(
            trajectory_message(request.trajectory, self._name),
            _tolerances(request.path_tolerance),
            _tolerances(request.goal_tolerance),
            duration_ns(request.goal_time_tolerance) * 1e-9,
        )
        with self._lock:
            return self._controller.submit_goal(goal, self._now_ns())

    def _cancel(self, goal: GoalHandle) -> None:
        with self._lock:
            self._controller.cancel(goal)

    def _feedback(self) -> FollowJointTrajectory.Feedback:
        feedback = FollowJointTrajectory.Feedback(joint_names=list(self._controller.joints))
        state = self._controller.state
        if state is not None:
            feedback.header.stamp = to_time(state.stamp_ns)
            feedback.desired = trajectory_point(state.reference)
            feedback.actual = trajectory_point(state.feedback)
            feedback.error.positions = to_doubles(state.error)
        return feedback


def _result(goal: GoalHandle) -> FollowJointTrajectory.Result:
    return FollowJointTrajectory.Result(error_code=int(goal.code), error_string=goal.text)


def _tolerances(given: list[JointTolerance]) -> dict[str, float]:
    """Position tolerances by joint; a position controller knows no other errors."""
    return {tolerance.name: float(tolerance.position) for tolerance in given}
