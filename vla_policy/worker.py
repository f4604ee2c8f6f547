# SPDX-License-Identifier: Apache-2.0
"""One thread that asks the policy, so that nothing else ever waits for an answer.

There is no queue: each question is put with the newest observation at that moment, and an answer
to a task that has since changed is thrown away. Knows nothing of where observations come from and
where answers go.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vla_contract.errors import InstructionError, VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy as PolicyFile
from vla_policy.execution.dialogue import Dialogue
from vla_policy.policy import Policy, Rows

THREAD_NAME = 'policy'
RETRY_S = 0.5
"""Pause after an answer that could not be used [s]."""


@dataclass(frozen=True)
class Assignment:
    """What the policy works on: a task's id and its instruction."""

    task_id: str
    instruction: str


@dataclass(frozen=True)
class Answer:
    """Rows that were checked, and where they belong.

    Attributes:
        task_id: The task that was worked on.
        rows: As they are to be executed.
        observation: What the policy was asked about.
        start_ns: Time at which row 0 applies [ns].
    """

    task_id: str
    rows: Rows
    observation: Observation
    start_ns: int

    @property
    def image_ns(self) -> int:
        """Capture time of the newest image used [ns]."""
        own = self.rows.image_ns
        return self.observation.stamp_ns if own is None else own


@dataclass(frozen=True)
class WorkerStatus:
    """What the worker is doing, for diagnostics.

    Attributes:
        asking_s: How long the question in progress has taken [s], None while there is none.
        inference_s: How long the last answer took [s], None before the first.
        delay_rows: Actions consumed while an answer is made: the most of the last ten.
        answers: Answers delivered.
        discarded: Answers to a task that had changed meanwhile.
        trouble: Why the last attempt failed, None when it did not.
    """

    asking_s: float | None
    inference_s: float | None
    delay_rows: int
    answers: int
    discarded: int
    trouble: VlaError | None


class Worker:
    """Asks one policy in a thread of its own.

    Args:
        policy: Used by the thread only.
        contract: Its policy file.
        observe: Makes the newest observation for a task, or raises VlaError. Called by the thread.
        deliver: Takes an answer. Called by the thread; the task cannot change meanwhile.
        report: Takes what went wrong. Called by the thread.
        refuse: Takes a task that the policy cannot do, and why. Called by the thread, now and
            then for as long as the task stays; it cannot change meanwhile.
        now_ns: The clock of observations [ns].
        niceness: Added to the thread's nice value, so that callbacks and other processes win.
    """

    def __init__(
        self,
        policy: Policy,
        contract: PolicyFile,
        observe: Callable[[Assignment], Observation],
        deliver: Callable[[Answer], None],
        report: Callable[[VlaError], None],
        refuse: Callable[[Assignment, InstructionError], None],
        now_ns: Callable[[], int],
        niceness: int = 0,
    ) -> None:
        """Prepare; ``start`` begins.

        Raises:
            VlaError: The policy cannot do what its file's execution strategy asks of it.
        """
        self._dialogue = Dialogue(policy, contract)
        self._observe = observe
        self._deliver = deliver
        self._report = report
        self._refuse = refuse
        self._now_ns = now_ns
        self._niceness = niceness
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._stopping = False
        self._offered = False
        self._task: Assignment | None = None
        self._asking_since: float | None = None
        self._inference_s: float | None = None
        self._answers = 0
        self._discarded = 0
        self._trouble: VlaError | None = None

    @property
    def alive(self) -> bool:
        """False before start, after stop, and when the policy broke in a way it should not."""
        return self._thread.is_alive()

    @property
    def status(self) -> WorkerStatus:
        """What it is doing now."""
        with self._changed:
            since = self._asking_since
            return WorkerStatus(
                asking_s=None if since is None else time.monotonic() - since,
                inference_s=self._inference_s,
                delay_rows=self._dialogue.delay_rows,
                answers=self._answers,
                discarded=self._discarded,
                trouble=self._trouble,
            )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, patience_s: float) -> bool:
        """Deliver nothing from now on, and wait for the thread.

        Returns:
            Whether it ended. A policy that does not answer keeps it; it is then left behind.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def assign(self, task: Assignment | None) -> None:
        """Work on another task, or on none. No answer to the old one is delivered after this."""
        with self._changed:
            self._task = task
            self._trouble = None
            self._changed.notify()

    def offer(self) -> None:
        """Say that a newer observation can be made."""
        with self._changed:
            self._offered = True
            self._changed.notify()

    def _run(self) -> None:
        if self._niceness:
            # On Linux a thread has a nice value of its own, and threads it starts inherit it.
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + self._niceness)
        begun: Assignment | None = None
        doubted: Assignment | None = None
        while (task := self._next_task()) is not None:
            try:
                if task is not begun:
                    self._begin(task)
                    begun = task
                self._ask(task)
            except InstructionError as error:
                self._complain(error)
                # What the policy first saw may be from before the task: it gets a second look.
                if begun is not task or doubted is task:
                    self._refuse_if_wanted(task, error)
                doubted = task
                self._pause(task)
            except VlaError as error:
                self._complain(error)
                self._pause(task)

    def _next_task(self) -> Assignment | None:
        """Wait until there is a task and perhaps a new observation for it; None to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or (self._task and self._offered))
            self._offered = False
            return None if self._stopping else self._task

    def _pause(self, task: Assignment) -> None:
        """Leave a policy alone that has just failed, unless there is something else to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._task is not task, RETRY_S)

    def _begin(self, task: Assignment) -> None:
        """Put the policy to a new task."""
        with self._timed():
            self._dialogue.begin(task.instruction)

    def _ask(self, task: Assignment) -> None:
        """Put one question, if it is time, and deliver the answer, if it is still wanted."""
        if not self._dialogue.due(self._now_ns()):
            return
        try:
            observation = self._observe(task)
        except VlaError as error:
            self._complain(error)
            return
        if not self._dialogue.is_new(observation):
            return
        with self._timed():
            answer = self._dialogue.ask(observation)
        with self._changed:
            if self._stopping or self._task is not task:
                self._discarded += 1
                return
            plan = self._dialogue.take(answer, observation, self._now_ns())
            self._deliver(Answer(task.task_id, plan.rows, observation, plan.start_ns))
            self._answers += 1
            self._trouble = None

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Time the policy, and let others see that it is busy."""
        began = time.monotonic()
        with self._changed:
            self._asking_since = began
        try:
            yield
        finally:
            with self._changed:
                self._asking_since = None
                self._inference_s = time.monotonic() - began

    def _refuse_if_wanted(self, task: Assignment, error: InstructionError) -> None:
        with self._changed:
            if self._task is task and not self._stopping:
                self._refuse(task, error)

    def _complain(self, error: VlaError) -> None:
        with self._changed:
            self._trouble = error
        self._report(error)
