# SPDX-License-Identifier: Apache-2.0
"""A guest in a running graph: waits for nodes, arms, resets, records, instructs."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import rclpy
from lifecycle_msgs.srv import GetState
from rclpy.action.client import ActionClient, ClientGoalHandle
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger
from vla_control.action import Execute, RecordEpisode
from vla_control.srv import ResetSimulation

from vla_bridge import topics
from vla_bridge.launching.graph import OURS, NodeSpec
from vla_bridge.launching.options import check_namespace
from vla_contract.errors import VlaError

LOADED_WITHIN_S = 300.0
"""A large model takes minutes to come from a slow disk; a node that dies is noticed at once."""
PULSE_S = 0.04
"""How often a wait looks at the world: interrupts, dead nodes, the screen."""

ANSWER_S = 1.0
"""A service that has just met us may lose its first answer: then it is asked again."""
SETTLE_S = 0.2
STARTING, ACTIVE = 'starting', 'active'

Pulse = Callable[[], None]
Feedback = Callable[[Any], None]


class StateWatch:
    """Asks one node for the state of its lifecycle, one question at a time."""

    def __init__(self, node: Node, spec: NodeSpec) -> None:
        """Prepare to ask."""
        self.name, self.state = spec.name, STARTING
        self._node = node
        self._client = node.create_client(GetState, f'{spec.full_name}/get_state')
        self._question: Future | None = None
        self._asked = 0.0
        self._seen = time.monotonic()

    def ask(self) -> str:
        """The newest answer; asks again unless the node is active."""
        now = time.monotonic()
        if self._question is not None and self._question.done():
            self.state = str(self._question.result().current_state.label)
            self._question = None
        lost = now - self._asked > ANSWER_S
        if self.state != ACTIVE and (self._question is None or lost) and self._is_ready():
            self._question, self._asked = self._client.call_async(GetState.Request()), now
        return self.state

    def _is_ready(self) -> bool:
        """In sight for a moment: a service that sees us later than we see it loses its answer."""
        now = time.monotonic()
        if not self._client.service_is_ready():
            self._seen = now
        return now - self._seen > SETTLE_S

    def close(self) -> None:
        """Ask no more."""
        self._node.destroy_client(self._client)


class GraphClient:
    """A node with a thread of its own that serves its callbacks.

    Every wait calls ``pulse``, which may raise to end the wait.
    """

    def __init__(self, namespace: str = '', pulse: Pulse = lambda: None) -> None:
        """Join the graph in the domain of the environment."""
        check_namespace(namespace)
        self.pulse = pulse
        self._context = Context()
        try:
            rclpy.init(args=[], context=self._context)
        except RuntimeError as error:
            domain = os.environ.get('ROS_DOMAIN_ID', '0')
            raise VlaError(f'ROS domain {domain} cannot be joined: {error}') from error
        self.node = Node(
            f'vla_client_{os.getpid()}',
            namespace=namespace.rstrip('/'),
            context=self._context,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name='graph client', daemon=True)
        self._reset = self.node.create_client(ResetSimulation, topics.RESET_SIMULATION)
        self._arm = self.node.create_client(Trigger, topics.SAFETY_ARM)
        self._disarm = self.node.create_client(Trigger, topics.SAFETY_DISARM)
        self._execute = ActionClient(self.node, Execute, topics.EXECUTE)
        self._record = ActionClient(self.node, RecordEpisode, topics.RECORD_EPISODE)

    def __enter__(self) -> 'GraphClient':
        """Begin to serve callbacks."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(2.0)
        self.node.destroy_node()
        self._context.try_shutdown()

    def nodes(self) -> set[str]:
        """Full names of the nodes in sight."""
        pairs = self.node.get_node_names_and_namespaces()
        return {f'{namespace.rstrip("/")}/{name}' for name, namespace in pairs}

    def finds(self, name: str, look_s: float) -> bool:
        """Look for a node of the graph for a while; false if it is not there."""
        full = self.node.get_namespace().rstrip('/') + f'/{name}'
        return self.appears(lambda: full in self.nodes(), look_s)

    def refuse_neighbours(self, specs: Sequence[NodeSpec], look_s: float = 1.0) -> None:
        """Raise if a node of the same name runs already: two safety nodes would fight."""
        self.sleep(look_s)
        taken = sorted({spec.full_name for spec in specs} & self.nodes())
        if taken:
            domain = os.environ.get('ROS_DOMAIN_ID', '0')
            raise VlaError(
                f'ROS domain {domain} already has {", ".join(taken)}: a graph runs there. '
                'Stop it, choose another ROS_DOMAIN_ID, or another namespace'
            )

    def wait_active(
        self,
        specs: Sequence[NodeSpec],
        show: Callable[[dict[str, str]], None] = lambda _: None,
        timeout_s: float = LOADED_WITHIN_S,
    ) -> None:
        """Wait until every node of ours is active; ``show`` gets the states by name."""
        end = time.monotonic() + timeout_s
        watches = [StateWatch(self.node, spec) for spec in specs if spec.package == OURS]
        try:
            while True:
                late = {w.name: w.state for w in watches if w.ask() != ACTIVE}
                show({watch.name: watch.state for watch in watches})
                if not late:
                    return
                if time.monotonic() > end:
                    said = ', '.join(f'{name} is {state}' for name, state in late.items())
                    raise VlaError(f'after {timeout_s:g} s not every node is active: {said}')
                self.sleep(0.1)
        finally:
            for watch in watches:
                watch.close()

    def reset(self, seed: int, instruction: str, timeout_s: float = 10.0) -> str:
        """Lay out the simulated scene; the answer is the instruction it was laid out for."""
        request = ResetSimulation.Request(seed=seed, instruction=instruction)
        answer = self._call(self._reset, request, timeout_s)
        if not answer.success:
            raise VlaError(f'the simulator cannot lay out seed {seed}: {answer.message}')
        return str(answer.instruction)

    def arm(self, timeout_s: float = 10.0) -> None:
        """Allow motion, trying again while the safety node finds something missing."""
        end = time.monotonic() + timeout_s
        while True:
            answer = self._call(self._arm, Trigger.Request(), timeout_s)
            if answer.success:
                return
            if time.monotonic() > end:
                raise VlaError(f'the safety node does not arm: {answer.message}')
            self.sleep(0.2)

    def disarm(self, timeout_s: float = 5.0) -> None:
        """Bring the arm to rest and allow no more motion."""
        self._call(self._disarm, Trigger.Request(), timeout_s)

    def instruct(self, instruction: str, timeout_s: float, feedback: Feedback) -> ClientGoalHandle:
        """Send an instruction; it is carried out from now on."""
        goal = Execute.Goal(instruction=instruction, timeout=timeout_s)
        return self._send(self._execute, goal, feedback, f'the instruction "{instruction}"')

    def record(self, name: str, instruction: str, feedback: Feedback) -> ClientGoalHandle:
        """Begin to record an episode."""
        goal = RecordEpisode.Goal(name=name, instruction=instruction)
        return self._send(self._record, goal, feedback, 'the recording')

    def result(self, goal: ClientGoalHandle, timeout_s: float) -> Any:  # noqa: ANN401 - by goal
        """Wait until a goal is over."""
        return self.wait(goal.get_result_async(), 'the result of the action', timeout_s).result

    def cancel(self, goal: ClientGoalHandle) -> None:
        """Ask for the end of a goal."""
        self.wait(goal.cancel_goal_async(), 'the cancellation', 5.0)

    def wait(self, future: Future, what: str, timeout_s: float) -> Any:  # noqa: ANN401 - by future
        """Wait for an answer."""
        end = time.monotonic() + timeout_s
        while not future.done():
            if time.monotonic() > end:
                raise VlaError(f'{what} did not come within {timeout_s:g} s')
            self.sleep(PULSE_S)
        return future.result()

    def appears(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something holds; false if it does not in time."""
        end = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > end:
                return False
            self.sleep(PULSE_S)
        return True

    def sleep(self, seconds: float) -> None:
        """Let time pass, with a pulse."""
        end = time.monotonic() + seconds
        while True:
            self.pulse()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(PULSE_S, left))

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _call(self, client: Client, request: object, timeout_s: float) -> Any:  # noqa: ANN401
        """The answer of a service that may be asked more than once."""
        end = time.monotonic() + timeout_s
        if not self.appears(client.service_is_ready, timeout_s):
            raise VlaError(
                f'nobody offers the service {client.service_name}; is the graph running?'
            )
        while True:
            future = client.call_async(request)
            if self.appears(future.done, ANSWER_S):
                return future.result()
            if time.monotonic() > end:
                raise VlaError(f'{client.service_name} did not answer within {timeout_s:g} s')

    def _send(
        self, client: ActionClient, goal: object, feedback: Feedback, what: str
    ) -> ClientGoalHandle:
        if not self.appears(client.server_is_ready, 10.0):
            raise VlaError(f'nobody offers the action for {what}; is the graph running?')

        def unpack(message: Any) -> None:  # noqa: ANN401 - of a generated class
            feedback(message.feedback)

        future = client.send_goal_async(goal, feedback_callback=unpack)
        handle: ClientGoalHandle = self.wait(future, f'the answer to {what}', 10.0)
        if not handle.accepted:
            raise VlaError(f'{what} was refused; the log of the node says why')
        return handle
