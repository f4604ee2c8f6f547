# SPDX-License-Identifier: Apache-2.0
"""What ends a task and what does not, without a graph."""

import math
from typing import Any

import pytest
from vla_control.action import Execute

from vla_bridge.task_run import (
    Companion,
    Ending,
    Judgement,
    Outcome,
    SafetyReport,
    TaskRun,
    check_request,
)
from vla_contract.errors import VlaError

S = 10**9
POLICY = Companion('policy_node', Outcome.POLICY_LOST, 2.0)


def task(timeout_s: float = 0.0, accepted: int | None = 7) -> TaskRun:
    """A task accepted at 100 s, after 7 chunks of the one before."""
    safety = None if accepted is None else report(accepted)
    return TaskRun('id', 'Put it there', timeout_s, 'topic', 100 * S, 50 * S, safety)


def report(accepted: int = 7, latched: bool = False) -> SafetyReport:
    """What the safety node says."""
    return SafetyReport('STATE', latched, 'CODE', 'in words', 1.0, accepted)


def said(**changes: object) -> Judgement:
    """A judgement of this task, with changes."""
    values: dict[str, Any] = {
        'stamp_ns': 101 * S,
        'task_id': 'id',
        'instruction': 'Put it there',
        'progress': 0.5,
        'success': True,
        'source': 'judge',
    }
    return Judgement(**(values | changes))


def test_outcomes_are_those_of_the_action() -> None:
    """Name by name and number by number."""
    assert all(getattr(Execute.Result, outcome.name) == outcome for outcome in Outcome)


def test_success_comes_from_a_judge_of_this_task() -> None:
    """Progress is kept on the way."""
    run = task()
    assert run.judged(said(success=False)) is None
    assert run.progress == 0.5
    assert run.judged(said()) == Ending(Outcome.SUCCEEDED, 'judge judges that it is done')


@pytest.mark.parametrize(
    'changes',
    [
        {'task_id': 'another'},
        {'task_id': '', 'instruction': 'put that there'},
        {'task_id': '', 'stamp_ns': 99 * S},
    ],
)
def test_success_of_something_else_does_not_count(changes: dict[str, object]) -> None:
    """Another task, another instruction, or the same one before this task began."""
    run = task()
    assert run.judged(said(**changes)) is None
    assert math.isnan(run.progress)


def test_a_refusal_ends_the_task_with_its_reason() -> None:
    """Whatever else is said; the refusal of another task does not."""
    refused = said(source='policy', refusal='what is that?')
    assert task().judged(refused) == Ending(Outcome.REJECTED, 'policy refuses: what is that?')
    assert task().judged(said(task_id='another', refusal='what is that?')) is None


def test_a_judge_who_knows_only_the_words_is_believed() -> None:
    """Case and spaces do not matter."""
    assert task().judged(said(task_id='', instruction=' put IT  there')) is not None


def test_a_latched_safety_state_ends_any_task() -> None:
    """And says why."""
    assert task().heard_safety(report()) is None
    ending = task().heard_safety(report(latched=True))
    assert ending == Ending(Outcome.SAFETY_STOP, 'the safety node is in STATE: CODE in words')


def test_chunks_are_those_of_this_task() -> None:
    """Also when the safety node was armed anew, and begins to count again."""
    run = task()
    for accepted in (8, 10, 2):
        run.heard_safety(report(accepted))
    assert run.chunks == 5
    unheard = task(accepted=None)
    for accepted in (50, 51):
        unheard.heard_safety(report(accepted))
    assert unheard.chunks == 1


def test_time_is_up_only_where_there_is_a_limit() -> None:
    """And not when the clock was set back."""
    assert task().timed(10**6 * S) is None
    limited = task(timeout_s=5.0)
    assert limited.timed(105 * S) is None
    assert limited.timed(1 * S) is None
    ending = limited.timed(105 * S + 1)
    assert ending == Ending(Outcome.TIMEOUT, 'not done within 5 s')


def test_a_companion_gets_time_to_start_and_no_more() -> None:
    """Silence counts from the last beat, or from the beginning of the task."""
    assert task().missed(POLICY, 0, 52 * S) is None
    assert task().missed(POLICY, 55 * S, 57 * S) is None
    ending = task().missed(POLICY, 55 * S, 58 * S)
    assert ending is not None
    assert ending.outcome is Outcome.POLICY_LOST
    assert ending.message == 'policy_node has been silent for 3.0 s, longer than 2 s'


@pytest.mark.parametrize('timeout_s', [-1.0, math.nan, math.inf])
def test_a_timeout_that_is_none_is_refused(timeout_s: float) -> None:
    """With its value."""
    with pytest.raises(VlaError, match=f'timeout is {timeout_s:g} s; expected 0'):
        check_request('do it', timeout_s)


def test_an_empty_instruction_is_no_task() -> None:
    """Nor are spaces."""
    with pytest.raises(VlaError, match='an empty instruction is no task'):
        check_request('  ', 0.0)
