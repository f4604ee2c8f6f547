# SPDX-License-Identifier: Apache-2.0
"""Many episodes on all cores: in order, the same for any number of processes, and resumable."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path

import cv2

from vla_bridge.evaluation.cell import Cell, check
from vla_bridge.evaluation.dual_rate import TimedDualRate
from vla_bridge.evaluation.film import write_film
from vla_bridge.evaluation.latency import Latency, measure_latency
from vla_bridge.evaluation.order import Order, key
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.results import Results, latencies
from vla_bridge.evaluation.suites import check_suites, episode
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_contract.policy import PolicyKind
from vla_policy.loading import load_policy_model
from vla_policy.policy import Policy


def run_suite(
    order: Order,
    suite: str,
    episodes: int,
    processes: int = 0,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Run a suite, or go on where an earlier run of the same order was cut off.

    Args:
        order: What.
        suite: Which.
        episodes: How many.
        processes: At a time; 0 for one a core, 1 for this process alone.
        progress: Told of each outcome, in order.

    Raises:
        VlaError: There is no such suite, or the policy cannot be evaluated.
    """
    check_suites((suite,))
    if episodes < 1:
        raise VlaError(f'{episodes} episodes; ask for at least 1')
    check(order.load())
    results = Results(_lines_of(order, suite), key(order), order.latency)
    wanted = [
        number
        for number in range(episodes)
        if number not in results.known
        or (number < order.filmed and not film_path(order, suite, number).exists())
    ]
    for number in sorted(set(range(episodes)) - set(wanted)):
        progress(results.known[number])
    outcomes = _outcomes(order, suite, wanted, processes or os.cpu_count() or 1)
    try:
        for outcome in outcomes:
            if outcome.number not in results.known:
                results.add(outcome)
            progress(outcome)
    finally:
        outcomes.close()
    return [results.known[number] for number in range(episodes)]


def known_latency(order: Order, suites: Iterable[str]) -> Latency | None:
    """The latency that earlier outcomes of the same order have; None where there are none."""
    for suite in suites:
        for recipe, latency in latencies(_lines_of(order, suite)):
            if key(order.at(latency)) == recipe:
                return latency
    return None


def _lines_of(order: Order, suite: str) -> Path:
    return order.folder / f'{suite}.jsonl'


def film_path(order: Order, suite: str, number: int) -> Path:
    """Where the film of an episode is kept; another recipe has other films."""
    return order.folder / 'films' / key(order) / f'{suite}-{number:04d}.mp4'


def own_latency(order: Order) -> Latency:
    """What the order's policy takes here, alone on one core.

    Raises:
        VlaError: It gives none.
    """
    calm(order)
    deployment = order.load()
    return measure_latency(deployment, _policy(order, deployment), order.seed)


def _outcomes(
    order: Order, suite: str, numbers: list[int], processes: int
) -> Generator[Outcome, None, None]:
    """Outcome after outcome, some of them ahead of time in other processes."""
    jobs = [
        (number, film_path(order, suite, number) if number < order.filmed else None)
        for number in numbers
    ]
    if processes == 1:
        calm(order)
        yield from (_run(order, suite, *each) for each in jobs)
        return
    if not numbers:
        return
    most = min(processes, len(numbers))
    pool = ProcessPoolExecutor(most, get_context('spawn'), _begin_process, (order,))
    waiting, whole = deque[Future[Outcome]](), False
    try:
        for each in jobs:
            waiting.append(pool.submit(_run, order, suite, *each))
            if len(waiting) == 2 * most:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
        whole = True
    finally:
        if not whole:
            _end_processes()
        pool.shutdown(cancel_futures=True)


def _end_processes() -> None:
    """At once: nobody waits for what they are at."""
    for process in active_children():
        process.terminate()


def _result(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise VlaError(
            'a process that ran episodes was killed, perhaps for lack of memory; the same command '
            'goes on where it stopped, with fewer processes if need be (--processes)'
        ) from error


def _begin_process(order: Order) -> None:
    """One core for each, and Ctrl-C is for the process that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ['LP_NUM_THREADS'] = '1'  # of the software renderer
    calm(order)


def calm(order: Order) -> None:
    """Threads make sums in another order, and processes slow each other down."""
    cv2.setNumThreads(1)
    if order.load().policy.kind is PolicyKind.VLA:
        import torch

        torch.set_num_threads(1)


def _run(order: Order, suite: str, number: int, film: Path | None) -> Outcome:
    """Run one episode, and film it where that is wanted."""
    asked = episode(suite, order.seed, number)
    if film is None:
        return _cell(order).run(asked)
    frames, outcome = _cell(order).film(asked)
    write_film(frames, film)
    return outcome


@cache
def _cell(order: Order) -> Cell:
    """The one of this process."""
    deployment = order.load()
    return Cell(deployment, _policy(order, deployment), order.latency.answer_s)


def _policy(order: Order, deployment: Deployment) -> Policy:
    """The policy, its trunk in simulated time where it has one of its own."""
    trunk_s = order.latency.trunk_s
    return load_policy_model(
        deployment, lambda parts, execution: TimedDualRate(parts, execution, trunk_s)
    )
