# SPDX-License-Identifier: Apache-2.0
"""The instruction node over real DDS: one task at a time, and every one ends with a reason."""

import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from action_msgs.msg import GoalStatus
from rclpy.action.client import ActionClient, ClientGoalHandle
from std_msgs.msg import Header, String
from vla_control.action import Execute
from vla_control.msg import SafetyStatus, Task, TaskProgress
from vla_control.srv import SetInstruction

from test.vla_bridge.node_bench import WAIT_S, NodeBench
from vla_bridge import topics
from vla_bridge.lifecycle_node import VlaNode
from vla_bridge.nodes.instruction_node import InstructionNode

SETTLE_S = 1.0
"""A server in another process has to find us too, or cannot answer."""
Outcome = Execute.Result


class Bench(NodeBench[VlaNode]):
    """An instruction node; the test is those who instruct it, and its companions."""

    def __init__(
        self, domain: int, *parameters: str, make: Callable[[], VlaNode] = InstructionNode
    ) -> None:
        """Start the node, unless another is made because it has its own process, and join it."""
        super().__init__(domain, make, *parameters)
        self.safety = SafetyStatus(state=SafetyStatus.ARMED, state_name='ARMED', speed_scale=1.0)
        self.policy_on = True
        self.tasks: list[Task] = self.hear(Task, topics.TASK, topics.LATCHED)
        self.feedback: list[Execute.Feedback] = []
        self._status = self.probe.create_publisher(
            SafetyStatus, topics.SAFETY_STATUS, topics.COMMAND
        )
        self._beats = self.probe.create_publisher(Header, topics.POLICY_HEARTBEAT, topics.SENSOR)
        self._progress = self.probe.create_publisher(
            TaskProgress, topics.TASK_PROGRESS, topics.COMMAND
        )
        self._instructions = self.probe.create_publisher(String, topics.INSTRUCTION, topics.COMMAND)
        self._service = self.probe.create_client(SetInstruction, topics.SET_INSTRUCTION)
        self.action = ActionClient(self.probe, Execute, topics.EXECUTE)
        self.probe.create_timer(0.05, self._live)
        self.until(self._connected)

    @property
    def current(self) -> Task:
        """The task as the rest of the graph knows it."""
        return self.tasks[-1]

    def say(self, instruction: str) -> None:
        """Publish an instruction."""
        self._instructions.publish(String(data=instruction))

    def set(self, instruction: str, timeout: float = 0.0) -> SetInstruction.Response:
        """Call the service."""
        request = SetInstruction.Request(instruction=instruction, timeout=timeout)
        return self.answer(self._service.call_async(request))

    def send(self, instruction: str, timeout: float = 0.0) -> ClientGoalHandle:
        """Send a goal, and wait until it is accepted and, if it can be, begun."""
        goal = Execute.Goal(instruction=instruction, timeout=timeout)
        handle: ClientGoalHandle = self.answer(
            self.action.send_goal_async(goal, lambda it: self.feedback.append(it.feedback))
        )
        assert handle.accepted
        return handle

    def begin(self, instruction: str, timeout: float = 0.0) -> ClientGoalHandle:
        """Send a goal and wait until its task is in hand."""
        handle = self.send(instruction, timeout)
        self.until(lambda: self.current.active and self.current.instruction == instruction)
        return handle

    def ending(self, goal: ClientGoalHandle) -> tuple[int, Execute.Result]:
        """How a goal ended: its status and its result."""
        answer = self.answer(goal.get_result_async())
        return answer.status, answer.result

    def judge(
        self, success: bool, progress: float = 1.0, source: str = 'judge', refusal: str = ''
    ) -> None:
        """Say how far the task in hand is."""
        message = TaskProgress(
            task_id=self.current.id,
            instruction=self.current.instruction,
            progress=progress,
            success=success,
            source=source,
            refusal=refusal,
        )
        message.header.stamp = self.probe.get_clock().now().to_msg()
        self._progress.publish(message)

    def _live(self) -> None:
        self._status.publish(self.safety)
        if self.policy_on:
            self._beats.publish(Header())

    def _connected(self) -> bool:
        return (
            bool(self.tasks)
            and self.action.server_is_ready()
            and self._service.service_is_ready()
            and self._instructions.get_subscription_count() == 1
            and self._progress.get_subscription_count() == 1
            and not (isinstance(self.node, InstructionNode) and self.node._safety is None)
        )


@pytest.fixture
def bench(ros_domain: int, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A node that is active, and a graph about it."""
    bench = Bench(ros_domain, *getattr(request, 'param', ()))
    yield bench
    bench.close()


def test_it_begins_with_no_task(bench: Bench) -> None:
    """Whoever kept one from before is told."""
    assert not bench.current.active


def test_a_topic_makes_a_task(bench: Bench) -> None:
    """A topic that repeats itself does not begin again; an empty one stops."""
    bench.say('put it there')
    bench.until(lambda: bench.current.active)
    task = bench.current
    assert (task.instruction, task.source, task.timeout) == ('put it there', 'topic', 0.0)
    assert task.id
    bench.say('put it there')
    bench.say('')
    bench.until(lambda: not bench.current.active)
    assert [found.id for found in bench.tasks] == ['', task.id, task.id]
    assert bench.current.ending == 'CANCELED: an empty instruction came by topic'


def test_a_service_makes_a_task_and_says_which(bench: Bench) -> None:
    """An empty one stops, and what cannot be is refused in words."""
    answer = bench.set('put it there', 30.0)
    assert (answer.accepted, answer.message) == (True, '')
    bench.until(lambda: bench.current.id == answer.task_id)
    assert (bench.current.active, bench.current.timeout) == (True, 30.0)
    refused = bench.set('put it there', math.nan)
    assert (refused.accepted, refused.task_id) == (False, '')
    assert 'timeout is nan' in refused.message
    assert bench.current.active
    assert bench.set('').accepted
    bench.until(lambda: not bench.current.active)


def test_a_goal_succeeds_when_a_judge_says_so(bench: Bench) -> None:
    """With feedback on the way: progress, safety and chunks."""
    goal = bench.begin('put it there')
    bench.safety.accepted = 3
    bench.safety.reason = 'OK'
    bench.judge(success=False, progress=0.25)
    bench.until(lambda: any(it.progress == 0.25 and it.chunks == 3 for it in bench.feedback))
    feedback = bench.feedback[-1]
    assert feedback.task_id == bench.current.id
    assert (feedback.safety_state, feedback.reason, feedback.speed_scale) == ('ARMED', 'OK', 1.0)
    bench.judge(success=True)
    status, result = bench.ending(goal)
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (result.success, result.outcome) == (True, Outcome.SUCCEEDED)
    assert (result.task_id, result.chunks) == (bench.current.id, 3)
    assert result.duration > 0
    assert not bench.current.active


def test_a_policys_own_claim_is_no_success(bench: Bench) -> None:
    """Unless it is trusted: the one who does the work is not the judge."""
    bench.begin('put it there')
    bench.judge(success=True, source='policy')
    bench.spin(0.3)
    assert bench.current.active


@pytest.mark.parametrize('bench', [('trust_policy_success:=true',)], indirect=True)
def test_a_trusted_policys_claim_is_success(bench: Bench) -> None:
    """For a robot that nobody else can judge."""
    goal = bench.begin('put it there')
    bench.judge(success=True, source='policy')
    assert bench.ending(goal)[1].outcome == Outcome.SUCCEEDED


def test_a_task_that_the_policy_refuses_ends_at_once(bench: Bench) -> None:
    """With its reason, for the client and for who only listens; a refusal needs no trust."""
    goal = bench.begin('dance')
    bench.judge(success=False, progress=0.0, source='policy', refusal='what is to dance?')
    status, result = bench.ending(goal)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Outcome.REJECTED)
    assert result.message == 'policy refuses: what is to dance?'
    assert not bench.current.active
    assert bench.current.ending == 'REJECTED: policy refuses: what is to dance?'
    bench.begin('put it there')
    assert bench.current.ending == ''


def test_a_new_goal_ends_the_one_before(bench: Bench) -> None:
    """The graph hears of the new task only: it ends the old one."""
    first = bench.begin('first')
    second = bench.begin('second')
    status, result = bench.ending(first)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Outcome.PREEMPTED)
    assert '"second" came by action' in result.message
    assert [task.active for task in bench.tasks] == [False, True, True]
    bench.judge(success=True)
    assert bench.ending(second)[1].success


def test_an_instruction_by_topic_ends_a_goal(bench: Bench) -> None:
    """The newest instruction counts, however it came."""
    goal = bench.begin('first')
    bench.say('second')
    assert bench.ending(goal)[1].outcome == Outcome.PREEMPTED
    assert bench.current.instruction == 'second'


def test_a_cancelled_goal_ends_at_once(bench: Bench) -> None:
    """And the graph is told that there is nothing to do."""
    goal = bench.begin('put it there')
    bench.answer(goal.cancel_goal_async())
    status, result = bench.ending(goal)
    assert (status, result.outcome) == (GoalStatus.STATUS_CANCELED, Outcome.CANCELED)
    assert not bench.current.active


def test_a_goal_that_takes_too_long_ends(bench: Bench) -> None:
    """By its own timeout."""
    status, result = bench.ending(bench.begin('put it there', timeout=0.3))
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Outcome.TIMEOUT)
    assert result.message == 'not done within 0.3 s'


@pytest.mark.parametrize(
    'state', [SafetyStatus.PROTECTIVE_STOP, SafetyStatus.ESTOP, SafetyStatus.FAULT]
)
def test_a_safety_stop_ends_the_task(bench: Bench, state: int) -> None:
    """And while it lasts, none is begun, with the reason said."""
    goal = bench.begin('put it there')
    bench.safety.state, bench.safety.state_name, bench.safety.reason = state, 'STOPPED', 'WHY'
    result = bench.ending(goal)[1]
    assert result.outcome == Outcome.SAFETY_STOP
    assert result.message == 'the safety node is in STOPPED: WHY'
    assert not bench.current.active
    assert bench.set('again').message == 'the safety node is in STOPPED: WHY'
    assert bench.ending(bench.send('again'))[1].outcome == Outcome.SAFETY_STOP
    bench.safety.state = SafetyStatus.ARMED
    bench.until(lambda: bench.set('again').accepted)


@pytest.mark.parametrize('bench', [('companion_timeout:=0.3',)], indirect=True)
def test_a_policy_that_is_gone_ends_the_task(bench: Bench) -> None:
    """Nobody waits for chunks that will not come."""
    goal = bench.begin('put it there')
    bench.policy_on = False
    result = bench.ending(goal)[1]
    assert result.outcome == Outcome.POLICY_LOST
    assert 'policy_node has been silent' in result.message


@pytest.mark.parametrize(('instruction', 'timeout'), [('', 0.0), ('put it there', -1.0)])
def test_a_goal_that_is_none_is_rejected_with_a_reason(
    bench: Bench, instruction: str, timeout: float
) -> None:
    """In its result, where there is room for words."""
    status, result = bench.ending(bench.send(instruction, timeout))
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Outcome.REJECTED)
    assert 'empty instruction' in result.message or 'timeout is -1 s' in result.message


def test_a_client_that_dies_leaves_the_task_going(bench: Bench) -> None:
    """The node serves others as before, and the task ends as it would have."""
    bench.begin('put it there')
    bench.action.destroy()
    bench.spin(0.5)
    assert bench.current.active
    bench.judge(success=True)
    bench.until(lambda: not bench.current.active)
    assert bench.set('next').accepted


def test_a_running_goal_keeps_the_executor_free(bench: Bench) -> None:
    """Waiting for the end of a task takes neither callbacks nor the processor."""
    bench.begin('put it there')
    bench.spin(0.2)
    used = time.process_time()
    for _ in range(5):
        assert not bench.set('put it there', -1.0).accepted
    bench.spin(1.0)
    assert time.process_time() - used < 0.8


def test_stopping_the_node_ends_the_task(bench: Bench) -> None:
    """The graph and the client are told before the node is gone."""
    goal = bench.begin('put it there')
    bench.node.trigger_deactivate()
    bench.until(lambda: not bench.current.active)
    status, result = bench.ending(goal)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, Outcome.CANCELED)
    assert result.message == 'the instruction node is stopping'


@pytest.mark.parametrize('by', [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_told_to_stop_answers_its_client_first(
    ros_domain: int, by: signal.Signals
) -> None:
    """A client that waits for a result gets one, with the reason."""
    process = subprocess.Popen([sys.executable, '-m', 'vla_bridge.nodes.instruction_node'])
    bench = Bench(ros_domain, make=lambda: VlaNode('bystander'))
    try:
        bench.spin(SETTLE_S)
        goal = bench.begin('put it there')
        result = goal.get_result_async()
        bench.until(lambda: bench.feedback)
        process.send_signal(by)
        answer = bench.answer(result)
        assert answer.status == GoalStatus.STATUS_ABORTED
        assert answer.result.message == 'the instruction node is stopping'
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait()
        bench.close()
