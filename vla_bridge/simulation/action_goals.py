# SPDX-License-Identifier: Apache-2.0
"""Goals of an action that a controller works on, cycle by cycle, in another thread.

rclpy's executor would spin without pause on a callback that waits for such a goal. So nothing
waits: a timer looks, and a goal is called executed only when it has ended. Until then its status
is ACCEPTED, where the real controller says EXECUTING.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from rclpy.lifecycle import LifecycleNode

from vla_bridge.simulation.quiet import QUIET_S
from vla_contract.errors import VlaError
from vla_sim.controllers.goal import GoalStatus

MONITOR_PERIOD_S = 0.05
"""As the real controllers' ``action_monitor_rate`` of 20 Hz."""
RESULT_TIMEOUT_S = 10
"""How long ended goals are remembered, as by servers in C++; rclpy's own 900 s make long lists."""


class Progress(Protocol):
    """A goal inside a controller."""

    @property
    def status(self) -> GoalStatus:
        """How far it is."""


GoalT = TypeVar('GoalT', bound=Progress)


class ActionGoals(Generic[GoalT]):
    """An action server whose goals a controller works on.

    Args:
        node: Whose action it is.
        action_type: Of the action.
        name: Of the action.
        submit: Gives a goal message to the controller, or raises VlaError.
        cancel: Cancels a goal in the controller.
        result: Makes the result message of an ended goal.
        feedback: Makes a feedback message; None for none.
    """

    def __init__(
        self,
        node: LifecycleNode,
        action_type: Any,  # noqa: ANN401 - as rclpy's
        name: str,
        *,
        submit: Callable[[Any], GoalT],
        cancel: Callable[[GoalT], None],
        result: Callable[[GoalT], Any],
        feedback: Callable[[], Any] | None = None,
    ) -> None:
        """Open the action."""
        self._node, self._name = node, name
        self._submit, self._cancel = submit, cancel
        self._result, self._feedback = result, feedback
        self._accepted: GoalT | None = None
        self._running: dict[bytes, tuple[ServerGoalHandle, GoalT]] = {}
        self._ended: dict[bytes, GoalT] = {}
        self._server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=self._finish,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT_S,
        )
        self._timer = node.create_timer(MONITOR_PERIOD_S, self._monitor)

    def _on_goal(self, request: Any) -> GoalResponse:  # noqa: ANN401 - a goal message
        try:
            self._accepted = self._submit(request)
        except VlaError as error:
            self._node.get_logger().error(
                f'{self._name}: goal rejected: {error}', throttle_duration_sec=QUIET_S
            )
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        """Follows _on_goal at once, in the same callback of rclpy."""
        if self._accepted is not None:
            self._running[_key(handle)] = (handle, self._accepted)
            self._accepted = None

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        _, goal = self._running.get(_key(handle), (None, None))
        if goal is not None:
            self._cancel(goal)
        return CancelResponse.ACCEPT

    def _monitor(self) -> None:
        for key, (handle, goal) in list(self._running.items()):
            if goal.status is not GoalStatus.EXECUTING:
                del self._running[key]
                self._ended[key] = goal
                handle.execute()
            elif self._feedback is not None:
                handle.publish_feedback(self._feedback())

    def _finish(self, handle: ServerGoalHandle) -> Any:  # noqa: ANN401 - a result message
        goal = self._ended.pop(_key(handle))
        if goal.status is GoalStatus.SUCCEEDED:
            handle.succeed()
        elif goal.status is GoalStatus.CANCELED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return self._result(goal)


def _key(handle: ServerGoalHandle) -> bytes:
    return bytes(handle.goal_id.uuid)
