# SPDX-License-Identifier: Apache-2.0
"""Asks a policy as its execution strategy wants it, in simulated time: what the live worker does.

Every answer takes the same simulated time, however long it really takes; that is measured beside.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from vla_bridge.evaluation.timeline import Timeline
from vla_contract.errors import InstructionError, VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_policy.execution.dialogue import Dialogue
from vla_policy.policy import Policy, Rows
from vla_policy.worker import RETRY_S, Answer, Assignment


@dataclass(frozen=True)
class _Question:
    """What the policy thinks about.

    Attributes:
        task: What it is about.
        seen: The observation.
        answer: Known here already; nobody may have it before it is due.
        until_ns: When that is.
    """

    task: Assignment
    seen: Observation
    answer: Rows
    until_ns: int


class Asker:
    """One policy at work on one episode.

    Attributes:
        refusal: Why the policy cannot do its task; empty as long as it may.
        errors: Questions without an answer that could be used, by what was wrong.
        inference_s: How long each answer really took [s].
    """

    def __init__(
        self,
        policy: Policy,
        contract: PolicyFile,
        timeline: Timeline,
        latency_s: float,
        deliver: Callable[[Answer], None],
    ) -> None:
        """Wait for a task.

        Args:
            policy: Asked by nobody else meanwhile.
            contract: Its policy file.
            timeline: Of the episode.
            latency_s: From a question until its answer.
            deliver: Takes answers.
        """
        self._dialogue = Dialogue(policy, contract)
        self._timeline, self._latency_s, self._deliver = timeline, latency_s, deliver
        self._task: Assignment | None = None
        self._begun: Assignment | None = None
        self._doubted: Assignment | None = None
        self._question: _Question | None = None
        self._newest: Observation | None = None
        self._offered = False
        self._rest_until_ns = 0
        self.refusal = ''
        self.errors: list[str] = []
        self.inference_s: list[float] = []

    def assign(self, task: Assignment | None) -> None:
        """Work on another task, or on none. No answer to the old one is delivered after this."""
        self._task = task
        self.refusal = ''
        self._rest_until_ns = 0
        self._go_on()

    def wants(self, arrival_ns: int, next_ns: int) -> bool:
        """May an observation be asked about that arrives at a time, the next one later?

        Never false where it will be; to make one that nobody looks at costs time alone.
        """
        if self._task is None:
            return True  # one may begin before the next
        if self._question is not None:
            return self._question.until_ns <= next_ns
        fresh = self._begun is not self._task
        return fresh or self._dialogue.due(arrival_ns)

    def offer(self, seen: Observation) -> None:
        """An observation has arrived."""
        self._newest, self._offered = seen, True
        self._go_on()

    def _go_on(self) -> None:
        """Ask, where there is something to ask and nothing is being thought about."""
        task, now_ns = self._task, self._timeline.now_ns
        ready = self._question is None and now_ns >= self._rest_until_ns
        if task is None or self._newest is None or not (ready and self._offered):
            return
        self._offered = False
        try:
            seen = replace(self._newest, instruction=task.instruction, task_id=task.task_id)
            self._ask(task, seen)
        except InstructionError as error:
            if self._begun is not task or self._doubted is task:
                self.refusal = str(error)
            self._doubted = task
            self._fail(error)
        except VlaError as error:
            self._fail(error)

    def _ask(self, task: Assignment, seen: Observation) -> None:
        if task is not self._begun:
            self._dialogue.begin(task.instruction)
            self._begun = task
        if not self._dialogue.due(self._timeline.now_ns) or not self._dialogue.is_new(seen):
            return
        with self._timed():
            answer = self._dialogue.ask(seen)
        until_ns = self._timeline.now_ns + round(self._latency_s * 1e9)
        self._question = _Question(task, seen, answer, until_ns)
        self._timeline.at(until_ns, self._answer)

    def _answer(self) -> None:
        """The answer is there; perhaps nobody wants it any more."""
        question, self._question = self._question, None
        if question is not None and question.task is self._task:
            now_ns = self._timeline.now_ns
            plan = self._dialogue.take(question.answer, question.seen, now_ns)
            task_id = question.task.task_id
            self._deliver(Answer(task_id, plan.rows, question.seen, plan.start_ns))
        self._go_on()

    def _fail(self, error: VlaError) -> None:
        """Leave a policy alone that has just failed, as long as it would have thought and more."""
        self.errors.append(str(error))
        rest_s = self._latency_s + RETRY_S
        self._rest_until_ns = self._timeline.now_ns + round(rest_s * 1e9)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.inference_s.append(time.perf_counter() - began)
