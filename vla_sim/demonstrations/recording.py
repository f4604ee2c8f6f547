# SPDX-License-Identifier: Apache-2.0
"""Many demonstrations to a dataset: on all cores, the same for the same seed, and resumable.

Every attempt is an episode of its own random numbers, whoever runs it. Attempts are counted off in
order until enough have succeeded, so that neither the number of processes nor an interruption
changes what the dataset holds.
"""

import json
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator as Draws
from numpy.typing import NDArray

from vla_contract.deployment import load_policy, load_robot
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.yaml_file import dotted
from vla_policy.datasets.layout import ACTION, DONE, HINTS, STATE
from vla_policy.datasets.spec import Codec, DatasetSpec, VectorFeature, spec_of_policy
from vla_policy.datasets.staged import EpisodeWriter, Staged
from vla_policy.datasets.writer import DatasetWriter
from vla_sim.demonstrations.episode import Stage, Take
from vla_sim.demonstrations.hints import NAMES, hints
from vla_sim.demonstrations.mishaps import Mishap
from vla_sim.policy_file import contradictions
from vla_sim.tasks.instruction import parse
from vla_sim.tasks.split import draw_phrasing, shown_tasks

VERSION = 3
"""Of what a seed means: another one makes other episodes."""
GLANCES = 20
"""Scenes of an episode of pairs; each is looked at once."""
_HOPELESS = 20
"""Stop when so many attempts more than thrice the wanted number were not enough."""


@dataclass(frozen=True)
class Order:
    """What is to be recorded.

    Attributes:
        folder: Of the dataset.
        robot: File of the robot.
        policy: File of a policy: images, state, action and rate.
        episodes: How many that succeed.
        seed: Same seed, same demonstrations.
        codec: How pictures are kept.
        sentences: 0: demonstrations. Above: no actions, but scenes looked at once, each paired
            with so many sentences that ask for something that could be done there.
    """

    folder: Path
    robot: Path
    policy: Path
    episodes: int
    seed: int
    codec: Codec = Codec.H264
    sentences: int = 0

    def spec(self) -> DatasetSpec:
        """What each frame holds."""
        robot = load_robot(self.robot)
        spec = spec_of_policy(load_policy(self.policy), robot.name, self.codec)
        known = VectorFeature(HINTS, NAMES), VectorFeature(DONE, ('done',), 'bool')
        if self.sentences:
            felt = tuple(vector for vector in spec.vectors if vector.key != ACTION)
            return replace(spec, vectors=(*felt, known[0]))
        return replace(spec, vectors=(*spec.vectors, *known))

    def check(self) -> None:
        """Refuse what cannot be recorded before anything is written.

        Raises:
            VlaError: No episodes are asked for, or the demonstrator cannot answer in the columns
                of the policy file.
        """
        if self.episodes < 1:
            raise VlaError(f'{self.episodes} episodes; ask for at least 1')
        if self.sentences < 0:
            raise VlaError(f'{self.sentences} sentences; ask for 1 or more, or 0 for actions')
        policy = load_policy(self.policy).model_copy(update={'ground_truth': True})
        for found in contradictions(load_robot(self.robot), policy):
            raise VlaError(f'{self.policy}: {dotted(found.key)}: {found.text}')

    def recipe(self) -> dict[str, object]:
        """What frames depend on, beside their features."""
        robot, policy = load_robot(self.robot), load_policy(self.policy)
        return {
            'version': VERSION,
            'seed': self.seed,
            **({'sentences': self.sentences} if self.sentences else {}),
            'robot': robot.model_dump(mode='json'),
            'policy': policy.model_dump(mode='json', exclude={'execution', 'kind', 'rows'}),
        }


@dataclass(frozen=True)
class Attempt:
    """What became of one attempt.

    Attributes:
        number: From 0.
        reason: Why it is not kept; empty for one that is.
        frames: How many.
        mishap: What happened in it.
    """

    number: int
    reason: str
    frames: int
    mishap: str


@dataclass(frozen=True)
class Harvest:
    """What was recorded.

    Attributes:
        kept: Attempts that are episodes now.
        failed: Those that are not.
    """

    kept: tuple[Attempt, ...]
    failed: tuple[Attempt, ...]

    @property
    def frames(self) -> int:
        """Of all episodes."""
        return sum(attempt.frames for attempt in self.kept)

    def mishaps(self) -> Mapping[str, int]:
        """Episodes by what happened in them."""
        return Counter(attempt.mishap for attempt in self.kept)


def record(
    order: Order,
    processes: int = 0,
    progress: Callable[[Attempt], None] = lambda _: None,
) -> Harvest:
    """Record, or go on where an earlier run of the same order was cut off.

    Args:
        order: What.
        processes: How many at a time; 0 for one a core, 1 for this process alone.
        progress: Told of each attempt, in order.

    Raises:
        VlaError: The folder holds something else, or hardly any attempt succeeds.
    """
    order.check()
    writer = DatasetWriter(order.folder, order.spec(), order.recipe())
    kept: list[Attempt] = []
    failed: list[Attempt] = []
    attempts = _attempts(order, writer.staging, processes or os.cpu_count() or 1)
    try:
        for attempt in attempts:
            (failed if attempt.reason else kept).append(attempt)
            progress(attempt)
            if len(kept) == order.episodes:
                break
            _refuse_hopeless(order, len(kept), failed)
    finally:
        attempts.close()
    writer.finish([_name(attempt.number) for attempt in kept])
    return Harvest(tuple(kept), tuple(failed))


def _refuse_hopeless(order: Order, kept: int, failed: list[Attempt]) -> None:
    if kept + len(failed) >= 3 * order.episodes + _HOPELESS:
        reason, times = Counter(attempt.reason for attempt in failed).most_common(1)[0]
        raise VlaError(
            f'{len(failed)} of {kept + len(failed)} attempts failed, {times} of them because: '
            f'{reason}; the robot or its cell does not suit the tasks'
        )


def _attempts(order: Order, staging: Path, processes: int) -> Generator[Attempt]:
    """Attempt after attempt, some of them ahead of time in other processes."""
    if processes == 1:
        yield from (_attempt(order, staging, number) for number in count())
        return
    pool = ProcessPoolExecutor(processes, get_context('spawn'), _begin_process)
    numbers, kept = count(), 0
    waiting: deque[Future[Attempt]] = deque()
    try:
        while kept < order.episodes:
            # None that is certain not to be needed: it could not be called off once it runs.
            while len(waiting) < min(2 * processes, order.episodes - kept):
                waiting.append(pool.submit(_attempt, order, staging, next(numbers)))
            attempt = _result(waiting.popleft())
            kept += not attempt.reason
            yield attempt
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Attempt]) -> Attempt:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise VlaError(
            'a process that recorded was killed, perhaps for lack of memory; the same command goes '
            'on where it stopped, with fewer processes if need be (--processes)'
        ) from error


def _begin_process() -> None:
    """One core for each, and Ctrl-C is for the process that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ['LP_NUM_THREADS'] = '1'  # of the software renderer
    cv2.setNumThreads(1)


def _attempt(order: Order, staging: Path, number: int) -> Attempt:
    """Make an attempt, unless an earlier run has made it: its episode, or a note, is there."""
    folder = staging / _name(number)
    if folder.is_dir():
        staged = Staged.read(folder)
        return Attempt(number, '', staged.length, staged.labels['mishap'])
    note = folder.with_suffix('.json')
    if note.exists():
        return Attempt(**json.loads(note.read_text(encoding='utf-8')))
    made = _make(order, folder, number)
    if made.reason:
        part = note.with_suffix('.note')
        part.write_text(json.dumps(asdict(made)), encoding='utf-8')
        part.rename(note)
    return made


def _make(order: Order, folder: Path, number: int) -> Attempt:
    """Run an episode, and keep it if it succeeds."""
    writer = EpisodeWriter(folder, order.spec())
    stage = _stage(order.robot, order.policy)
    rng = np.random.default_rng([order.seed, number])
    if order.sentences:
        return _make_pairs(order, writer, stage, rng, number)
    told = stage.run(rng, _demonstration(order, writer))
    frames = len(writer)
    if told.reason:
        writer.discard()
    else:
        writer.save(
            {
                'attempt': str(number),
                'seed': str(order.seed),
                'scene_seed': str(told.scene_seed),
                'mishap': told.mishap,
                'start': 'elsewhere' if told.elsewhere else 'home',
            }
        )
    return Attempt(number, told.reason, frames, told.mishap)


def _demonstration(order: Order, writer: EpisodeWriter) -> Take:
    """Writes every frame down as it is."""
    keys = [vector.key for vector in order.spec().vectors]

    def take(seen: Observation, row: NDArray[np.float64], finished: bool) -> None:
        known = {STATE: seen.state, ACTION: row, DONE: np.array([finished])}
        known[HINTS] = _hints(seen.instruction, seen)
        numbers = {key: known[key] for key in keys}
        writer.add_frame({**numbers, **seen.images}, seen.instruction)

    return take


def _make_pairs(
    order: Order, writer: EpisodeWriter, stage: Stage, rng: Draws, number: int
) -> Attempt:
    """Write down scenes, each with what one might ask for there."""
    for _ in range(GLANCES):
        seen = stage.glance(rng)
        if seen.world is None:
            raise VlaError('pairs need the ground truth of the simulator')
        tasks = shown_tasks(seen.world)
        for index in rng.permutation(len(tasks))[: order.sentences]:
            sentence = draw_phrasing(rng, tasks[index])
            numbers = {STATE: seen.state, HINTS: _hints(sentence, seen)}
            writer.add_frame({**numbers, **seen.images}, sentence)
    labels = {'attempt': number, 'seed': order.seed, 'mishap': Mishap.NONE}
    saved = writer.save({key: str(value) for key, value in labels.items()})
    return Attempt(number, '', saved.length, Mishap.NONE)


def _hints(sentence: str, seen: Observation) -> NDArray[np.float64]:
    if seen.world is None:
        raise VlaError('hints need the ground truth of the simulator')
    return hints(parse(sentence), seen.world)


@cache
def _stage(robot: Path, policy: Path) -> Stage:
    """The one of this process."""
    return Stage(load_robot(robot), robot, load_policy(policy))


def _name(number: int) -> str:
    return f'attempt-{number:06d}'
