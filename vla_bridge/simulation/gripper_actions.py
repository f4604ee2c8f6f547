# SPDX-License-Identifier: Apache-2.0
"""The gripper controllers' actions, of which control_msgs has an older and a newer one."""

from control_msgs.action import GripperCommand, ParallelGripperCommand
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import JointState

from vla_bridge.simulation.action_goals import ActionGoals
from vla_bridge.simulation.trajectory_interface import Access
from vla_sim.controllers.gripper import GripperController, GripperGoal


class GripperAction:
    """The older action, of one number; the newer one differs in its messages only."""

    action_type = GripperCommand

    def __init__(
        self,
        node: LifecycleNode,
        name: str,
        joint: str,
        controller: GripperController,
        access: Access,
    ) -> None:
        """Open the action."""
        self._joint, self._controller = joint, controller
        self._lock, self._now_ns = access.lock, access.now_ns
        self._goals = ActionGoals(
            node,
            self.action_type,
            name,
            submit=self._submit,
            cancel=self._cancel,
            result=self._result,
        )

    def _positions(self, request: GripperCommand.Goal) -> list[float]:
        return [request.command.position]

    def _result(self, goal: GripperGoal) -> GripperCommand.Result:
        return GripperCommand.Result(
            position=goal.position, stalled=goal.stalled, reached_goal=goal.reached_goal
        )

    def _submit(self, request: GripperCommand.Goal | ParallelGripperCommand.Goal) -> GripperGoal:
        with self._lock:
            return self._controller.submit_goal(self._positions(request), self._now_ns())

    def _cancel(self, goal: GripperGoal) -> None:
        with self._lock:
            self._controller.cancel(goal)


class ParallelGripperAction(GripperAction):
    """The newer action, of joint states."""

    action_type = ParallelGripperCommand

    def _positions(self, request: ParallelGripperCommand.Goal) -> list[float]:
        return list(request.command.position)

    def _result(self, goal: GripperGoal) -> ParallelGripperCommand.Result:
        state = JointState(name=[self._joint], position=[goal.position])
        return ParallelGripperCommand.Result(
            state=state, stalled=goal.stalled, reached_goal=goal.reached_goal
        )
