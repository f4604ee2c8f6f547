# SPDX-License-Identifier: Apache-2.0
"""The policy's thread: newest question only, no answer to an old task, and it outlives errors."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.errors import InstructionError, VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy import worker as worker_module
from vla_policy.execution.chunking import Guidance
from vla_policy.policy import Rows
from vla_policy.worker import Answer, Assignment, Worker

WAIT_S = 20.0
GOOD = np.zeros((4, 3))


class FakePolicy:
    """Answers what the test puts in, when the test puts it in."""

    def __init__(self) -> None:
        """Nothing asked, nothing to answer."""
        self.asked: queue.Queue[Observation] = queue.Queue()
        self.resets: queue.Queue[str] = queue.Queue()
        self.answers: queue.Queue[NDArray[np.float64] | Rows | Exception] = queue.Queue()
        self.guidances: queue.Queue[Guidance] = queue.Queue()
        self.refuses = ''

    def reset(self, instruction: str) -> None:
        """Note it, or refuse what the test says."""
        self.resets.put(instruction)
        if instruction == self.refuses:
            raise InstructionError(f'what is to {instruction}?')

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Wait for the test's answer."""
        assert prefix.shape[1] == 3
        return self._answer(observation)

    def infer_guided(self, observation: Observation, guidance: Guidance) -> Rows:
        """The same, and note what it was to agree with."""
        self.guidances.put(guidance)
        return self._answer(observation)

    def _answer(self, observation: Observation) -> Rows:
        self.asked.put(observation)
        answer = self.answers.get(timeout=WAIT_S)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Rows) else Rows(answer)


class Bench:
    """A worker with its surroundings; time stands where the test puts it."""

    def __init__(self, contract: Policy, observation: Callable[..., Observation]) -> None:
        """Make the worker, not yet started."""
        self.policy = FakePolicy()
        self.now_ns = 0
        self.blocked: VlaError | None = None
        self.delivered: queue.Queue[Answer] = queue.Queue()
        self.errors: queue.Queue[VlaError] = queue.Queue()
        self.refused: queue.Queue[tuple[Assignment, InstructionError]] = queue.Queue()
        self._observation = observation
        self.worker = Worker(
            self.policy,
            contract,
            self._observe,
            self.delivered.put,
            self.errors.put,
            lambda task, error: self.refused.put((task, error)),
            lambda: self.now_ns,
            niceness=1,
        )

    def _observe(self, _: Assignment) -> Observation:
        if self.blocked is not None:
            raise self.blocked
        return self._observation(self.now_ns / 1e9)

    def at(self, seconds: float) -> None:
        """A new observation can be made at this time."""
        self.now_ns = round(seconds * 1e9)
        self.worker.offer()

    def delivery(self) -> Answer:
        """The next answer."""
        return self.delivered.get(timeout=WAIT_S)


@pytest.fixture
def bench(
    policy_file: Callable[..., Policy],
    observation: Callable[..., Observation],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Bench]:
    """A running worker that retries soon."""
    monkeypatch.setattr(worker_module, 'RETRY_S', 0.01)
    execution = {'strategy': getattr(request, 'param', 'asynchronous')}
    bench = Bench(policy_file(execution=execution), observation)
    bench.worker.start()
    yield bench
    bench.policy.answers.put(GOOD)
    assert bench.worker.stop(WAIT_S)


def test_it_answers_a_task_from_the_newest_observation(bench: Bench) -> None:
    """The policy is reset with the instruction before it is first asked."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.policy.answers.put(GOOD)
    bench.at(1.0)
    answer = bench.delivery()
    assert (answer.task_id, answer.observation.stamp_ns, answer.start_ns) == ('1', 10**9, 10**9)
    assert bench.policy.resets.get_nowait() == 'do it'


def test_an_instruction_that_is_not_understood_is_refused_at_once(bench: Bench) -> None:
    """For its task, and the next task finds a policy that is ready."""
    bench.policy.refuses = 'dance'
    task = Assignment('1', 'dance')
    bench.worker.assign(task)
    bench.at(1.0)
    found, error = bench.refused.get(timeout=WAIT_S)
    assert found is task
    assert str(error) == 'what is to dance?'
    bench.worker.assign(Assignment('2', 'do it'))
    bench.policy.answers.put(GOOD)
    bench.at(2.0)
    assert bench.delivery().task_id == '2'


def test_what_the_first_look_cannot_do_is_refused_only_after_a_second(bench: Bench) -> None:
    """The first observation may be from before the task, when the table lay otherwise."""
    task = Assignment('1', 'do it')
    bench.worker.assign(task)
    for _ in range(2):
        bench.policy.answers.put(InstructionError('there is no cube'))
    bench.at(1.0)
    assert str(bench.errors.get(timeout=WAIT_S)) == 'there is no cube'
    assert bench.refused.empty()
    bench.at(2.0)
    assert bench.refused.get(timeout=WAIT_S)[0] is task


def test_observations_that_come_meanwhile_do_not_queue(bench: Bench) -> None:
    """After a slow answer the next question has the newest observation, not the second."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.at(1.0)
    bench.policy.asked.get(timeout=WAIT_S)
    for seconds in (1.1, 1.2, 1.9):
        bench.at(seconds)
    bench.policy.answers.put(GOOD)
    bench.policy.answers.put(GOOD)
    assert bench.delivery().observation.stamp_ns == 1_000_000_000
    assert bench.delivery().observation.stamp_ns == 1_900_000_000


def test_a_task_change_discards_the_answer_in_flight(bench: Bench) -> None:
    """What was asked for the old task never comes out, not even labelled as old."""
    bench.worker.assign(Assignment('old', 'first'))
    bench.at(1.0)
    bench.policy.asked.get(timeout=WAIT_S)
    bench.worker.assign(Assignment('new', 'second'))
    bench.policy.answers.put(GOOD)
    bench.policy.answers.put(GOOD)
    bench.at(1.1)
    assert bench.delivery().task_id == 'new'
    assert bench.worker.status.discarded == 1


def test_no_task_means_no_question(bench: Bench) -> None:
    """An answer in flight is discarded when the task just ends."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.at(1.0)
    bench.policy.asked.get(timeout=WAIT_S)
    bench.worker.assign(None)
    bench.policy.answers.put(GOOD)
    bench.at(2.0)
    end = time.monotonic() + WAIT_S
    while not bench.worker.status.discarded and time.monotonic() < end:
        time.sleep(0.005)
    bench.worker.assign(Assignment('2', 'again'))
    bench.at(3.0)
    bench.policy.answers.put(GOOD)
    assert bench.delivery().task_id == '2'
    assert bench.policy.asked.qsize() == 1


def test_the_same_instruction_given_again_is_a_new_task(bench: Bench) -> None:
    """The policy starts afresh even if the words are the same."""
    for task in ('1', '2'):
        bench.worker.assign(Assignment(task, 'do it'))
        bench.policy.answers.put(GOOD)
        bench.at(float(task))
        assert bench.delivery().task_id == task
    assert bench.policy.resets.qsize() == 2


@pytest.mark.parametrize(
    ('answer', 'words'),
    [
        (VlaError('no idea'), 'no idea'),
        (np.zeros((4, 2)), r'shape \(4, 2\), expected 1 to 4 rows x 3 columns'),
        (np.zeros((5, 3)), r'shape \(5, 3\)'),
        (np.zeros((0, 3)), r'shape \(0, 3\)'),
        (np.zeros(3), r'shape \(3,\)'),
        (np.array([[0.0, np.nan, 0.0]]), 'nan in row 0, column 1'),
        (np.full((4, 3), np.inf), 'inf in row 0, column 0, and 11 more'),
        (np.zeros((4, 3), dtype=complex), 'type complex128'),
    ],
)
def test_a_bad_answer_is_reported_and_the_next_one_counts(
    bench: Bench, answer: NDArray[np.float64] | VlaError, words: str
) -> None:
    """Nothing is delivered; the worker lives on and asks again."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.policy.answers.put(answer)
    bench.at(1.0)
    error = bench.errors.get(timeout=WAIT_S)
    assert re.search(words, str(error))
    assert bench.worker.status.trouble is error
    bench.policy.answers.put(GOOD)
    bench.at(2.0)
    assert bench.delivery().observation.stamp_ns == 2_000_000_000
    assert bench.worker.status.trouble is None


def test_without_an_observation_the_policy_is_not_asked(bench: Bench) -> None:
    """The reason is reported, and the first observation that can be made is used."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.blocked = VlaError('camera is stale')
    bench.at(1.0)
    assert bench.errors.get(timeout=WAIT_S) is bench.blocked
    bench.blocked = None
    bench.policy.answers.put(GOOD)
    bench.at(1.1)
    assert bench.delivery().observation.stamp_ns == 1_100_000_000


def test_an_observation_is_used_once(bench: Bench) -> None:
    """A policy that failed on an observation is not asked about the same one again."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.policy.answers.put(VlaError('failed'))
    bench.at(1.0)
    bench.errors.get(timeout=WAIT_S)
    bench.at(1.0)
    bench.policy.answers.put(GOOD)
    bench.at(2.0)
    assert bench.delivery().observation.stamp_ns == 2_000_000_000
    assert bench.policy.asked.qsize() == 2


def test_nothing_is_delivered_after_stop(
    policy_file: Callable[..., Policy], observation: Callable[..., Observation]
) -> None:
    """A policy that does not answer is left behind, and its answer, should it come, is dropped."""
    bench = Bench(policy_file(), observation)
    bench.worker.start()
    bench.worker.assign(Assignment('1', 'do it'))
    bench.at(1.0)
    bench.policy.asked.get(timeout=WAIT_S)
    assert bench.worker.status.asking_s is not None
    assert not bench.worker.stop(0.0)
    bench.policy.answers.put(GOOD)
    assert bench.worker.stop(WAIT_S)
    assert bench.delivered.empty()


def test_a_broken_policy_ends_the_thread_and_that_is_seen(
    policy_file: Callable[..., Policy],
    observation: Callable[..., Observation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error that is not ours is not swallowed: it is printed, and the thread is dead."""
    printed = threading.Event()
    monkeypatch.setattr(threading, 'excepthook', lambda _: printed.set())
    bench = Bench(policy_file(), observation)
    bench.worker.start()
    assert bench.worker.alive
    bench.policy.answers.put(ZeroDivisionError())
    bench.worker.assign(Assignment('1', 'do it'))
    bench.at(1.0)
    assert printed.wait(WAIT_S)
    assert bench.worker.stop(WAIT_S)
    assert not bench.worker.alive


@pytest.mark.parametrize('bench', ['real_time_chunking'], indirect=True)
def test_a_guided_policy_is_told_what_is_left(bench: Bench) -> None:
    """The first answer has nothing to agree with; the second has, from its observation on."""
    bench.worker.assign(Assignment('1', 'do it'))
    rows = np.arange(12, dtype=float).reshape(4, 3)
    bench.policy.answers.put(rows)
    bench.at(1.0)
    bench.delivery()
    assert bench.policy.guidances.empty()
    bench.policy.answers.put(rows)
    bench.at(1.2)
    bench.delivery()
    guidance = bench.policy.guidances.get_nowait()
    np.testing.assert_allclose(guidance.target, rows[2:])
    assert guidance.weights.shape == (2,)


@pytest.mark.parametrize('bench', ['temporal_ensembling'], indirect=True)
def test_ensembled_rows_are_what_is_delivered(bench: Bench) -> None:
    """The policy is asked with every observation, and its answers are averaged."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.policy.answers.put(GOOD)
    bench.at(1.0)
    np.testing.assert_array_equal(bench.delivery().rows.values, GOOD)
    bench.policy.answers.put(GOOD + 1.0)
    bench.at(1.2)
    first = 1 / (1 + np.exp(-0.01))
    expected = np.repeat([[1 - first], [1 - first], [1], [1]], 3, axis=1)
    np.testing.assert_allclose(bench.delivery().rows.values, expected)


@pytest.mark.parametrize('bench', ['dual_rate'], indirect=True)
def test_an_answer_tells_the_time_of_its_image(bench: Bench) -> None:
    """Which is not that of the observation where the head acts on something older."""
    bench.worker.assign(Assignment('1', 'do it'))
    bench.policy.answers.put(Rows(GOOD, image_ns=700_000_000))
    bench.at(1.0)
    answer = bench.delivery()
    assert (answer.image_ns, answer.start_ns) == (700_000_000, 1_000_000_000)
    bench.policy.answers.put(GOOD)
    bench.at(1.1)
    assert bench.delivery().image_ns == 1_100_000_000
