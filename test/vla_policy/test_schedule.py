# SPDX-License-Identifier: Apache-2.0
"""When the next question is due, and which rows are spoken for while it is answered."""

from collections.abc import Callable

import numpy as np

from vla_contract.policy import Policy
from vla_policy.schedule import Schedule

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
