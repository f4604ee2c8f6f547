# SPDX-License-Identifier: Apache-2.0
"""One episode played and judged, as a worker process hands it back."""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.fuzz.episode import run_episode
from benchmarks.fuzz.oracle import Oracle, Violation
from benchmarks.fuzz.record import NS, Record
from benchmarks.fuzz.rig import START_NS

CHUNKS = 40
"""Chunks of an episode."""
_TAILS = 20
"""Messages between two whose whole tails are swept for collisions."""
_REPLAYS = 25
"""Episodes between two that are played twice."""


class Found(NamedTuple):
    """A violation, and the kind of the chunk before it."""

    check: str
    time_s: float
    text: str
    kind: str


@dataclass(frozen=True)
class Outcome:
    """An episode in numbers.

    Attributes:
        seed: Of the campaign, and the episode's index.
        robot: Its name.
        chunks: Offered.
        verdicts: Kind, reason and whether it was followed, of each chunk.
        stops: How often the arm came to hold for each reason.
        violations: What the oracle found.
        messages: Sent to the controller.
        simulated_s: Length.
        moved: Way of the joint that moved farthest [rad].
        replayed: It was played twice, and was the same.
        cpu_s: Time that all of this took, of a processor.
    """

    seed: tuple[int, int]
    robot: str
    chunks: int
    verdicts: tuple[tuple[str, str, bool], ...]
    stops: Mapping[str, int]
    violations: tuple[Found, ...]
    messages: int
    simulated_s: float
    moved: float
    replayed: bool
    cpu_s: float


def judge(seed: tuple[int, int]) -> Outcome:
    """Play an episode, judge it, and now and then play it again."""
    started = time.process_time()
    episode = run_episode(seed, CHUNKS)
    record = episode.record
    tails = tuple(range(0, len(record.sent), _TAILS))
    violations = Oracle(episode.robot, episode.bodies).judge(record, tails)
    replayed = seed[1] % _REPLAYS == 0
    if replayed and _digest(run_episode(seed, CHUNKS).record) != _digest(record):
        violations.append(Violation('replay', START_NS, 'the same episode went another way'))
    commands = np.array([cycle.command for cycle in record.cycles])
    return Outcome(
        seed=seed,
        robot=episode.robot.name,
        chunks=len(record.verdicts),
        verdicts=tuple((v.kind, v.reason, v.followed) for v in record.verdicts),
        stops=Counter(record.stops),
        violations=tuple(_found(violation, record) for violation in violations),
        messages=len(record.sent),
        simulated_s=len(record.cycles) * (record.cycles[1].time_ns - record.cycles[0].time_ns) / NS,
        moved=float(np.abs(np.diff(commands, axis=0)).sum(axis=0).max()),
        replayed=replayed,
        cpu_s=time.process_time() - started,
    )


def _found(violation: Violation, record: Record) -> Found:
    before = [v.kind for v in record.verdicts if v.time_ns <= violation.time_ns]
    time_s = (violation.time_ns - START_NS) / NS
    return Found(violation.check, time_s, violation.text, before[-1] if before else '')


def _digest(record: Record) -> str:
    """Everything that was answered and sent."""
    digest = hashlib.sha256()
    for sent in record.sent:
        for part in (sent.times_ns, sent.q, sent.v, sent.a):
            digest.update(part.tobytes())
    digest.update(repr((record.verdicts, record.gripper, record.faults)).encode())
    return digest.hexdigest()
