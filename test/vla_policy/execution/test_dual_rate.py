# SPDX-License-Identifier: Apache-2.0
"""A slow trunk and a fast head: the head waits for nobody, and acts on the newest latent."""

import queue
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from vla_contract.errors import InstructionError, VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_policy.execution.dual_rate import DualRateRunner
from vla_policy.policy import DualRatePolicy, Rows

WAIT_S = 20.0
MS = 1_000_000
NONE = np.empty((0, 3))


def seen(image_ms: int, state_ms: int | None = None) -> Observation:
    """An observation with an image and a state of these times."""
    state_ns = (image_ms if state_ms is None else state_ms) * MS
    return Observation(image_ms * MS, {}, {}, np.zeros(3), state_ns, 'do it', 'task')


class FakePolicy:
    """A trunk that looks when the test lets it; the latent is what it was told to say."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.looked: queue.Queue[int] = queue.Queue()
        self.sights: queue.Queue[str | Exception] = queue.Queue()
        self.acted: list[tuple[str, int, int]] = []
        self.instructions: list[str] = []
        self.encoding = False
        self.head_fails = False

    def reset(self, instruction: str) -> None:
        """Must not be called while the trunk works."""
        assert not self.encoding
        self.instructions.append(instruction)

    def encode(self, observation: Observation) -> str:
        """Wait for the test."""
        self.encoding = True
        self.looked.put(observation.stamp_ns // MS)
        sight = self.sights.get(timeout=WAIT_S)
        self.encoding = False
        if isinstance(sight, Exception):
            raise sight
        return sight

    def act(self, latent: str, seen_ns: int, observation: Observation) -> Rows:
        """Note what it was done with."""
        self.acted.append((latent, seen_ns // MS, observation.state_stamp_ns // MS))
        if self.head_fails:
            raise VlaError('the head fails')
        return Rows(np.full((4, 3), len(self.acted)), finished=latent == 'done')


class Bench:
    """A runner, and a trunk that waits for what the test lets it see."""

    def __init__(self) -> None:
        """Twice a second, and no latent older than a second."""
        self.policy = FakePolicy()
        execution = DualRate(encode_hz=2.0, act_hz=100.0, latent_max_age_s=1.0)
        self.runner = DualRateRunner(self.policy, execution)
        self.runner.reset('do it')

    def look(self, sight: str | Exception) -> None:
        """Let the trunk see this."""
        self.policy.sights.put(sight)

    def looks_at(self) -> int:
        """The image the trunk is given, waited for [ms]."""
        return self.policy.looked.get(timeout=WAIT_S)

    def first(self, sight: str = 'one') -> Rows:
        """The first answer, to an image of time 0."""
        self.look(sight)
        rows = self.runner.infer(seen(0), NONE)
        assert self.looks_at() == 0
        return rows

    def until_acts_on(self, latent: str, observation: Observation) -> None:
        """Ask until the answer is made of this latent."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            self.runner.infer(observation, NONE)
            if self.policy.acted[-1][0] == latent:
                return
            time.sleep(0.002)
        pytest.fail(f'never acted on {latent}')


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A runner whose thread is ended."""
    bench = Bench()
    yield bench
    bench.look('end')
    bench.runner.close()


def test_the_fake_speaks_the_protocol() -> None:
    """So that what is tested here is what is asked of a model."""
    assert isinstance(FakePolicy(), DualRatePolicy)


def test_the_first_answer_waits_for_the_trunk(bench: Bench) -> None:
    """There is nothing to act on before; the answer says of when its image is."""
    rows = bench.first()
    assert bench.policy.acted == [('one', 0, 0)]
    assert rows.image_ns == 0
    assert not rows.finished


def test_the_head_goes_on_while_the_trunk_looks(bench: Bench) -> None:
    """A hundred answers on the last latent, each with the newest state, during one look."""
    bench.first()
    for index in range(100):
        rows = bench.runner.infer(seen(500, 500 + index), NONE)
        assert rows.image_ns == 0
    assert bench.looks_at() == 500
    assert bench.policy.acted[1:] == [('one', 0, 500 + index) for index in range(100)]
    bench.look('two')
    bench.until_acts_on('two', seen(510, 610))
    assert bench.policy.acted[-1] == ('two', 500, 610)


def test_the_trunk_looks_no_more_often_than_it_should(bench: Bench) -> None:
    """Twice a second of the time that images are stamped with."""
    bench.first()
    for image in range(10, 500, 10):
        bench.runner.infer(seen(image), NONE)
    assert bench.policy.looked.empty()
    bench.runner.infer(seen(500), NONE)
    assert bench.looks_at() == 500


def test_a_trunk_that_is_late_gets_the_newest_image(bench: Bench) -> None:
    """What came while it looked is not queued."""
    bench.first()
    bench.runner.infer(seen(500), NONE)
    assert bench.looks_at() == 500
    for image in (700, 800, 990, 1000):
        bench.runner.infer(seen(image, 900), NONE)
    bench.look('two')
    assert bench.looks_at() == 1000


def test_a_new_task_acts_on_nothing_that_was_seen_for_the_old_one(bench: Bench) -> None:
    """Not even on what the trunk is looking at just now; and reset waits for it."""
    bench.first()
    bench.runner.infer(seen(500), NONE)
    assert bench.looks_at() == 500
    resetting = threading.Thread(target=bench.runner.reset, args=('something else',))
    resetting.start()
    bench.look('for the old task')
    resetting.join(WAIT_S)
    assert bench.policy.instructions == ['do it', 'something else']
    bench.look('for the new task')
    bench.runner.infer(seen(510), NONE)
    assert bench.policy.acted[-1] == ('for the new task', 510, 510)


def test_what_the_trunk_cannot_do_is_told_once(bench: Bench) -> None:
    """As an error of the next answer, and the next observation gets a new look."""
    bench.look(InstructionError('there is no cube'))
    with pytest.raises(InstructionError, match='there is no cube'):
        bench.runner.infer(seen(0), NONE)
    assert bench.looks_at() == 0
    bench.look('one')
    bench.runner.infer(seen(1), NONE)
    assert bench.policy.acted == [('one', 1, 1)]


def test_the_head_does_not_act_on_what_is_too_old(bench: Bench) -> None:
    """Images stay away or the trunk hangs: the arm must not go on as if it saw."""
    bench.first()
    bench.runner.infer(seen(400, 1000), NONE)
    with pytest.raises(VlaError, match=r'seen 1\.001 s ago, at most 1 s is allowed'):
        bench.runner.infer(seen(400, 1001), NONE)


def test_after_the_clock_went_back_it_looks_again(bench: Bench) -> None:
    """What was seen is from a world that was reset."""
    bench.look('one')
    bench.runner.infer(seen(9000), NONE)
    bench.look('two')
    bench.runner.infer(seen(10), NONE)
    assert bench.policy.acted[-1] == ('two', 10, 10)


def test_a_head_that_fails_is_heard(bench: Bench) -> None:
    """Its error is that of the answer."""
    bench.policy.head_fails = True
    with pytest.raises(VlaError, match='the head fails'):
        bench.first()


def test_a_trunk_that_breaks_breaks_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect is not survived: who asks gets an error that is nobody's plan."""
    printed = threading.Event()
    monkeypatch.setattr(threading, 'excepthook', lambda _: printed.set())
    bench = Bench()
    bench.look(ZeroDivisionError())
    with pytest.raises(RuntimeError, match='the trunk of the policy broke'):
        bench.runner.infer(seen(0), NONE)
    assert printed.wait(WAIT_S)
    bench.runner.close()


def test_closing_before_the_first_task_is_no_trouble() -> None:
    """The thread is not started before it is needed."""
    DualRateRunner(FakePolicy(), DualRate()).close()
