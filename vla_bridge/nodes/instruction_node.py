# SPDX-License-Identifier: Apache-2.0
"""Instructions in, one task at a time out: by topic, by service and by action.

Every task ends exactly once, with an outcome and a reason, and the policy and the safety node are
told. A newer instruction ends the task in hand; an empty one ends it and begins none.
"""

import sys
import time
import uuid
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.action.server import ActionServer, CancelResponse, GoalResponse, ServerGoalHandle
from rclpy.task import Future
from rclpy.time import Time
from std_msgs.msg import Header, String
from typing_extensions import override
from vla_control.action import Execute
from vla_control.msg import SafetyStatus, Task, TaskProgress
from vla_control.srv import SetInstruction

from vla_bridge import topics
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.lifecycle_node import VlaNode, run
from vla_bridge.task_run import (
    POLICY_SOURCE,
    Companion,
    Ending,
    Judgement,
    Outcome,
    SafetyReport,
    TaskRun,
    check_request,
)
from vla_bridge.transport import share_no_memory
from vla_contract.errors import VlaError

_FEEDBACK_HZ = 5.0
_WATCH_HZ = 10.0
_LATCHED = (SafetyStatus.PROTECTIVE_STOP, SafetyStatus.ESTOP, SafetyStatus.FAULT)


@dataclass(frozen=True)
class _Current:
    """The task in hand, who waits for its end, and the goal it came with."""

    run: TaskRun
    goal: ServerGoalHandle | None
    ended: Future = field(default_factory=Future)


class InstructionNode(VlaNode):
    """Keeps the task in hand and says how each one ended."""

    def __init__(self) -> None:
        """Declare parameters; everything else waits for configure()."""
        super().__init__('instruction_node')
        self.describe(
            'companion_timeout',
            2.0,
            'Silence of the policy or the safety node that ends a task [s].',
            (0.1, 60.0),
        )
        self.describe(
            'trust_policy_success',
            False,
            'Let a policy that says it is done end its task in success.',
        )
        self._current: _Current | None = None
        self._safety: SafetyReport | None = None
        self._heard_ns = {'policy_node': 0, 'safety_node': 0}
        self._last = 'no task yet'
        self._goals = 0
        self._heartbeat: Heartbeat | None = None

    @override
    def configure(self) -> None:
        """Open the topic, the service and the action, and listen to the others."""
        silence_s = self.value('companion_timeout')
        self._companions = (
            Companion('policy_node', Outcome.POLICY_LOST, silence_s),
            Companion('safety_node', Outcome.SAFETY_STOP, silence_s),
        )
        self._tasks = self.create_lifecycle_publisher(Task, topics.TASK, topics.LATCHED)
        for kind, topic, heard, qos in (
            (String, topics.INSTRUCTION, self._on_instruction, topics.COMMAND),
            (TaskProgress, topics.TASK_PROGRESS, self._on_progress, topics.COMMAND),
            (SafetyStatus, topics.SAFETY_STATUS, self._on_safety, topics.COMMAND),
            (Header, topics.POLICY_HEARTBEAT, self._on_policy_heartbeat, topics.SENSOR),
        ):
            self.create_subscription(kind, topic, heard, qos)
        self.create_service(SetInstruction, topics.SET_INSTRUCTION, self._on_service)
        ActionServer(
            self,
            Execute,
            topics.EXECUTE,
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    @override
    def activate(self) -> None:
        """Begin with no task, whatever an earlier instance may have left behind."""
        self._publish(Task(active=False))
        self._heartbeat = Heartbeat(self, topics.INSTRUCTION_HEARTBEAT)
        self._cycles = [
            self.create_timer(1.0 / _WATCH_HZ, self._watch),
            self.create_timer(1.0 / _FEEDBACK_HZ, self._give_feedback),
        ]

    @override
    def deactivate(self) -> None:
        """End the task in hand."""
        if self._heartbeat is None:
            return
        self._end(Ending(Outcome.CANCELED, 'the instruction node is stopping'))
        for timer in self._cycles:
            self.destroy_timer(timer)
        self._heartbeat.close()
        self._heartbeat = None

    @override
    def owes_answers(self) -> bool:
        """Whether a goal has no result yet."""
        return self._goals > 0

    @override
    def diagnostics(self) -> DiagnosticStatus | None:
        """The task in hand, and how the last one ended."""
        text, task_id = 'no task', ''
        if self._current is not None:
            run = self._current.run
            text, task_id = f'"{run.instruction}" by {run.source}', run.task_id
        return self.status(DiagnosticStatus.OK, text, task=task_id, last=self._last)

    def _begin(
        self, instruction: str, timeout_s: float, source: str, goal: ServerGoalHandle | None = None
    ) -> Ending | None:
        """Begin a task in place of the one in hand; the answer is why it could not be begun."""
        if not instruction.strip():
            self._end(Ending(Outcome.CANCELED, f'an empty instruction came by {source}'))
        try:
            check_request(instruction, timeout_s)
        except VlaError as error:
            return Ending(Outcome.REJECTED, str(error))
        if self._heartbeat is None:
            return Ending(Outcome.REJECTED, 'the instruction node is not active')
        stopped = self._safety.ending() if self._safety is not None else None
        if stopped is not None:
            return stopped
        text = f'"{instruction}" came by {source}'
        self._end(Ending(Outcome.PREEMPTED, text), announce=False)
        now_ns, task_id = self.now_ns(), uuid.uuid4().hex
        task_run = TaskRun(
            task_id, instruction, timeout_s, source, now_ns, time.monotonic_ns(), self._safety
        )
        self._current = _Current(task_run, goal)
        self._publish(self._message(task_run, active=True))
        self.get_logger().info(f'{text}: task {task_id}')
        return None

    def _end(self, ending: Ending | None, announce: bool = True) -> None:
        """End the task in hand, if there is one and there is an ending for it."""
        if self._current is None or ending is None:
            return
        current, self._current = self._current, None
        self._last = f'{ending.outcome.name}: {ending.message}'
        self.get_logger().info(f'"{current.run.instruction}" ended: {self._last}')
        if announce:
            self._publish(self._message(current.run, active=False, ending=self._last))
        current.ended.set_result(ending)

    def _message(self, task_run: TaskRun, active: bool, ending: str = '') -> Task:
        return Task(
            id=task_run.task_id,
            instruction=task_run.instruction,
            active=active,
            timeout=task_run.timeout_s,
            source=task_run.source,
            ending=ending,
        )

    def _publish(self, task: Task) -> None:
        task.header.stamp = Time(nanoseconds=self.now_ns()).to_msg()
        self._tasks.publish(task)

    def _on_instruction(self, message: String) -> None:
        """Begin a task; a topic that repeats itself does not begin it anew each time."""
        repeated = self._current is not None and self._current.run.instruction == message.data
        if repeated:
            return
        refused = self._begin(message.data, 0.0, 'topic')
        if refused is not None and message.data.strip():
            self.get_logger().warning(f'"{message.data}" is not begun: {refused.message}')

    def _on_service(
        self, request: SetInstruction.Request, response: SetInstruction.Response
    ) -> SetInstruction.Response:
        refused = self._begin(request.instruction, request.timeout, 'service')
        stopped = not request.instruction.strip()
        response.accepted = refused is None or stopped
        response.message = 'stopped' if stopped else ''
        if refused is not None and not stopped:
            response.message = refused.message
        elif self._current is not None:
            response.task_id = self._current.run.task_id
        return response

    def _on_goal(self, _: Execute.Goal) -> GoalResponse:
        """Accept every goal while active: what is wrong with one is said in its result."""
        return GoalResponse.REJECT if self._heartbeat is None else GoalResponse.ACCEPT

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        if self._current is not None and self._current.goal is goal:
            self._end(Ending(Outcome.CANCELED, 'canceled by the client'))
        return CancelResponse.ACCEPT

    async def _execute(self, goal: ServerGoalHandle) -> Execute.Result:
        """Carry a goal to its end, and count it until then."""
        self._goals += 1
        try:
            return await self._carry_out(goal)
        finally:
            self._goals -= 1

    async def _carry_out(self, goal: ServerGoalHandle) -> Execute.Result:
        """Wait for the end without keeping the executor from anything else."""
        if goal.is_cancel_requested:
            goal.canceled()
            return Execute.Result(outcome=Outcome.CANCELED, message='canceled by the client')
        request = goal.request
        refused = self._begin(request.instruction, request.timeout, 'action', goal)
        if refused is not None or self._current is None:
            goal.abort()
            return _result(refused or Ending(Outcome.REJECTED, 'not begun'))
        current = self._current
        ending = await current.ended
        if ending.outcome is Outcome.SUCCEEDED:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        result = _result(ending)
        result.task_id = current.run.task_id
        result.duration = current.run.elapsed_s(self.now_ns())
        result.chunks = current.run.chunks
        return result

    def _on_progress(self, message: TaskProgress) -> None:
        by_policy = message.source == POLICY_SOURCE
        if by_policy and not (message.refusal or self.value('trust_policy_success')):
            return
        try:
            judged_ns = stamp_ns(message.header.stamp, topics.TASK_PROGRESS)
        except VlaError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        if self._current is not None:
            said = Judgement(
                judged_ns,
                message.task_id,
                message.instruction,
                message.progress,
                message.success,
                message.source,
                message.refusal,
            )
            self._end(self._current.run.judged(said))

    def _on_safety(self, message: SafetyStatus) -> None:
        self._heard_ns['safety_node'] = time.monotonic_ns()
        self._safety = SafetyReport(
            name=message.state_name,
            latched=message.state in _LATCHED,
            reason=message.reason,
            text=message.text,
            speed_scale=message.speed_scale,
            accepted=message.accepted,
        )
        if self._current is not None:
            self._end(self._current.run.heard_safety(self._safety))

    def _on_policy_heartbeat(self, _: Header) -> None:
        self._heard_ns['policy_node'] = time.monotonic_ns()

    def _watch(self) -> None:
        """End the task that takes too long, or whose companions are gone."""
        if self._current is None:
            return
        task_run, steady_ns = self._current.run, time.monotonic_ns()
        self._end(task_run.timed(self.now_ns()))
        for companion in self._companions:
            self._end(task_run.missed(companion, self._heard_ns[companion.name], steady_ns))

    def _give_feedback(self) -> None:
        if self._current is None or self._current.goal is None:
            return
        task_run, safety = self._current.run, self._safety
        feedback = Execute.Feedback(
            task_id=task_run.task_id,
            progress=task_run.progress,
            elapsed=task_run.elapsed_s(self.now_ns()),
            chunks=task_run.chunks,
        )
        if safety is not None:
            feedback.safety_state = safety.name
            feedback.reason = safety.reason
            feedback.speed_scale = safety.speed_scale
        self._current.goal.publish_feedback(feedback)


def _result(ending: Ending) -> Execute.Result:
    return Execute.Result(
        success=ending.outcome is Outcome.SUCCEEDED,
        outcome=int(ending.outcome),
        message=ending.message,
    )


def main() -> None:
    """Run the node."""
    share_no_memory()
    sys.exit(run(InstructionNode))


if __name__ == '__main__':
    main()
