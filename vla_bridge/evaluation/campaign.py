# SPDX-License-Identifier: Apache-2.0
"""Many episodes on all cores: in order, the same for any number of processes, and resumable."""

import os
import signal
import statistics
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from math import ceil
from multiprocessing import get_context
from pathlib import Path

import cv2

from vla_bridge.evaluation.cell import Cell, check
from vla_bridge.evaluation.film import write_film
from vla_bridge.evaluation.order import Order, key
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.results import Results, latencies
from vla_bridge.evaluation.suites import check_suites, episode
from vla_contract.deployment import Deployment
from vla_contract.errors import VlaError
from vla_contract.policy import PolicyKind
from vla_policy.loading import load_policy_model
from vla_sim.arm import PHYSICS_STEP_S

_WARM_UP = 2
"""Answers that do not count when the latency is measured."""
_FIRST_LATENCY_S = 0.05
"""Simulated latency while the real one is measured [s]."""


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
    results = Results(_lines_of(order, suite), key(order), order.latency_s)
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


def known_latency(order: Order, suites: Iterable[str]) -> float | None:
    """The latency that earlier outcomes of the same order have; None where there are none."""
    for suite in suites:
        for recipe, latency_s in latencies(_lines_of(order, suite)):
            if key(order.at(latency_s)) == recipe:
                return latency_s
    return None


def _lines_of(order: Order, suite: str) -> Path:
    return order.folder / f'{suite}.jsonl'


def film_path(order: Order, suite: str, number: int) -> Path:
    """Where the film of an episode is kept; another recipe has other films."""
    return order.folder / 'films' / key(order) / f'{suite}-{number:04d}.mp4'


def measure_latency(deployment: Deployment, seed: int, answers: int = 20) -> float:
    """How long a policy takes for an answer on this machine [s].

    The median over its first answers in closed loop, rounded up to a whole physics step. Everything
    else that an answer needs on its way is not in it.
    """
    cell = Cell(deployment, load_policy_model(deployment), _FIRST_LATENCY_S)
    taken: list[float] = []
    number = 0
    while len(taken) < answers and number < answers:
        taken += cell.run(episode('seen', seed, number)).inference_ms[_WARM_UP:]
        number += 1
    if not taken:
        raise VlaError(f'policy {deployment.policy.name} gave no answer; its latency is not known')
    steps = statistics.median(taken) * 1e-3 / PHYSICS_STEP_S
    return ceil(steps) * PHYSICS_STEP_S


def _outcomes(
    order: Order, suite: str, numbers: list[int], processes: int
) -> Generator[Outcome, None, None]:
    """Outcome after outcome, some of them ahead of time in other processes."""
    if processes == 1:
        _calm(order)
        yield from (_run(order, suite, number) for number in numbers)
        return
    if not numbers:
        return
    most = min(processes, len(numbers))
    pool = ProcessPoolExecutor(most, get_context('spawn'), _begin_process, (order,))
    left, waiting = iter(numbers), deque[Future[Outcome]]()
    try:
        for number in left:
            waiting.append(pool.submit(_run, order, suite, number))
            if len(waiting) == 2 * most:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


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
    _calm(order)


def _calm(order: Order) -> None:
    """Threads make sums in another order, and processes slow each other down."""
    cv2.setNumThreads(1)
    if order.load().policy.kind is PolicyKind.VLA:
        import torch

        torch.set_num_threads(1)


def _run(order: Order, suite: str, number: int) -> Outcome:
    """Run one episode, and film it where that is wanted."""
    cell = _cell(order)
    path = film_path(order, suite, number)
    if number >= order.filmed:
        return cell.run(episode(suite, order.seed, number))
    frames, outcome = cell.film(episode(suite, order.seed, number))
    write_film(frames, path)
    return outcome


@cache
def _cell(order: Order) -> Cell:
    """The one of this process."""
    deployment = order.load()
    return Cell(deployment, load_policy_model(deployment), order.latency_s)
