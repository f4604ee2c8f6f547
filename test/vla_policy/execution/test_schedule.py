# SPDX-License-Identifier: Apache-2.0
"""When the next question is due, and which rows are spoken for while it is answered."""

from collections.abc import Callable

import numpy as np
import pytest

from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy.execution.schedule import Schedule

STEP_NS = 100_000_000
ROWS = np.arange(12, dtype=float).reshape(4, 3)


def asynchronous(policy_file: Callable[..., Policy], refill_below: float = 0.5) -> Schedule:
    """Four rows, 0.1 s apart, refilled while they run."""
    execution = {'strategy': 'asynchronous', 'refill_below': refill_below}
    return Schedule(policy_file(execution=execution))


def test_asynchronous_asks_when_half_the_rows_are_left(
    policy_file: Callable[..., Policy],
) -> None:
    """Row 0 applies at the observation, not when the answer arrives."""
    schedule = asynchronous(policy_file)
    assert schedule.due(0)
    assert schedule.answered(ROWS, 10 * STEP_NS, 11 * STEP_NS) == 10 * STEP_NS
    assert not schedule.due(12 * STEP_NS - 1)
    assert schedule.due(12 * STEP_NS)


def test_synchronous_asks_when_the_rows_have_run_out(policy_file: Callable[..., Policy]) -> None:
    """Row 0 applies when the answer is there, and nothing is spoken for."""
    schedule = Schedule(policy_file(execution={'strategy': 'synchronous'}))
    assert schedule.answered(ROWS, 10 * STEP_NS, 11 * STEP_NS) == 11 * STEP_NS
    assert not schedule.due(15 * STEP_NS - 1)
    assert schedule.due(15 * STEP_NS)
    assert schedule.prefix(15 * STEP_NS).shape == (0, 3)


def test_a_restart_asks_at_once(policy_file: Callable[..., Policy]) -> None:
    """A new task waits for no rows of the old one."""
    schedule = asynchronous(policy_file)
    schedule.answered(ROWS, 0, 0)
    schedule.restart()
    assert schedule.due(1)
    assert len(schedule.prefix(1)) == 0


def test_the_delay_is_the_most_of_the_last_ten_without_the_first(
    policy_file: Callable[..., Policy],
) -> None:
    """The warm-up is dropped, and a slow answer is forgotten after ten others."""
    schedule = asynchronous(policy_file)
    schedule.answered(ROWS, 0, 30 * STEP_NS)
    assert schedule.delay_rows == 0
    schedule.answered(ROWS, 0, 3 * STEP_NS)
    assert schedule.delay_rows == 3
    for _ in range(9):
        schedule.answered(ROWS, 0, STEP_NS // 2)
    assert schedule.delay_rows == 3
    schedule.answered(ROWS, 0, STEP_NS // 2)
    assert schedule.delay_rows == 1


def test_the_prefix_is_what_runs_until_the_answer(policy_file: Callable[..., Policy]) -> None:
    """It begins at the observation, is as long as the delay, and is never padded."""
    schedule = asynchronous(policy_file)
    schedule.answered(ROWS, 0, 0)
    schedule.answered(ROWS, 10 * STEP_NS, 12 * STEP_NS)
    np.testing.assert_array_equal(schedule.prefix(11 * STEP_NS), ROWS[1:3])
    np.testing.assert_array_equal(schedule.prefix(13 * STEP_NS), ROWS[3:])
    assert len(schedule.prefix(20 * STEP_NS)) == 0


def test_a_clock_that_goes_back_does_not_stall_it(policy_file: Callable[..., Policy]) -> None:
    """After the simulation is reset, the old answer counts for nothing."""
    schedule = asynchronous(policy_file)
    schedule.answered(ROWS, 100 * STEP_NS, 101 * STEP_NS)
    assert schedule.due(STEP_NS)
    assert len(schedule.prefix(STEP_NS)) == 0


@pytest.mark.parametrize('latency', [0, 1, 3])
@pytest.mark.parametrize('strategy', ['asynchronous', 'real_time_chunking'])
def test_the_delay_is_what_a_robot_consumes(
    policy_file: Callable[..., Policy], strategy: str, latency: int
) -> None:
    """A robot that takes one action a tick, and a policy that answers some ticks later."""
    schedule = Schedule(policy_file(execution={'strategy': strategy}, rows=12))
    rows = np.arange(36, dtype=float).reshape(12, 3)
    taken = asked = 0
    consumed = list[int]()
    answer_at: int | None = None
    for tick in range(100):
        if answer_at is None and schedule.due(tick * STEP_NS):
            asked, answer_at, before = tick, tick + latency, taken
        if answer_at == tick:
            schedule.answered(rows, asked * STEP_NS, tick * STEP_NS)
            consumed.append(taken - before)
            answer_at = None
        taken += bool(consumed)
    assert set(consumed[1:]) == {latency}
    assert consumed[0] == 0
    assert schedule.delay_rows == latency


def chunking(policy_file: Callable[..., Policy], **changes: object) -> Schedule:
    """Ten rows, with a measured delay of two."""
    execution = {'strategy': 'real_time_chunking'} | changes
    schedule = Schedule(policy_file(execution=execution, rows=10))
    for _ in range(3):
        schedule.answered(TEN, 0, 2 * STEP_NS)
    return schedule


TEN = np.arange(30, dtype=float).reshape(10, 3)


def test_real_time_chunking_agrees_with_all_that_is_left(
    policy_file: Callable[..., Policy],
) -> None:
    """From the observation to the end of the last answer; what is gone on arrival weighs 1."""
    guidance = chunking(policy_file, weights='linear', beta=3.0).guidance(6 * STEP_NS)
    assert guidance is not None
    np.testing.assert_array_equal(guidance.target, TEN[6:])
    np.testing.assert_allclose(guidance.weights, [1, 1, 2 / 3, 1 / 3])
    assert (guidance.delay_rows, guidance.beta) == (2, 3.0)


def test_there_is_no_guidance_where_nothing_is_left(policy_file: Callable[..., Policy]) -> None:
    """Nor before the first answer, after a restart, or with another strategy."""
    schedule = chunking(policy_file)
    assert schedule.guidance(9 * STEP_NS) is not None
    assert schedule.guidance(9 * STEP_NS + 1) is None
    assert schedule.guidance(-1) is None
    schedule.restart()
    assert schedule.guidance(STEP_NS) is None
    other = asynchronous(policy_file)
    other.answered(ROWS, 0, 0)
    assert other.guidance(STEP_NS) is None


def test_guidance_knows_that_the_first_guided_answer_is_slow_too(
    policy_file: Callable[..., Policy],
) -> None:
    """Its path through the model was not used before: the first two answers are warm-up."""
    schedule = Schedule(policy_file(execution={'strategy': 'real_time_chunking'}))
    for delay, expected in ((9, 0), (8, 0), (1, 1)):
        schedule.answered(ROWS, 0, delay * STEP_NS)
        assert schedule.delay_rows == expected


def test_a_prefix_is_as_long_as_the_delay(policy_file: Callable[..., Policy]) -> None:
    """At the end of the rows it is shorter, and at the first question it is empty."""
    schedule = Schedule(policy_file(execution={'strategy': 'prefix_conditioning'}))
    assert schedule.prefix(0).shape == (0, 3)
    for _ in range(3):
        schedule.answered(ROWS, 0, 2 * STEP_NS)
    np.testing.assert_array_equal(schedule.prefix(STEP_NS), ROWS[1:3])
    np.testing.assert_array_equal(schedule.prefix(3 * STEP_NS), ROWS[3:])


def test_ensembling_asks_with_every_observation(policy_file: Callable[..., Policy]) -> None:
    """And answers with the mean; a new task begins with what is said of it alone."""
    schedule = Schedule(policy_file(execution={'strategy': 'temporal_ensembling', 'decay': 0.0}))
    schedule.answered(schedule.blended(ROWS * 0, 0), 0, 0)
    assert schedule.due(1)
    half = schedule.blended(ROWS * 0 + 1, 2 * STEP_NS)
    np.testing.assert_array_equal(half, np.repeat([[0.5], [0.5], [1], [1]], 3, axis=1))
    schedule.restart()
    np.testing.assert_array_equal(schedule.blended(ROWS, 2 * STEP_NS), ROWS)


def test_two_rates_ask_at_the_rate_of_the_head(policy_file: Callable[..., Policy]) -> None:
    """Row 0 applies at the time of the state, whatever the age of the image."""
    schedule = Schedule(policy_file(execution={'strategy': 'dual_rate', 'act_hz': 100.0}))
    seen = Observation(1000, {}, {}, np.zeros(3), 5000, 'do it', 'task')
    assert schedule.applies_ns(seen) == 5000
    assert schedule.answered(ROWS, 5000, 6000) == 5000
    assert not schedule.due(5000 + 9_999_999)
    assert schedule.due(5000 + 10_000_000)
