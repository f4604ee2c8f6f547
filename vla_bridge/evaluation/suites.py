# SPDX-License-Identifier: Apache-2.0
"""What is asked of a policy: suites of episodes, each a pure function of suite, seed and number.

Wherever suites ask for the same kind of task, episodes of the same seed and number have the same
task in the same scene, so that they can be compared pair by pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from vla_contract.errors import VlaError
from vla_sim.tasks.instruction import FAMILIES
from vla_sim.tasks.split import draw_phrasing, draw_shown
from vla_sim.tasks.task import Task

SUITES = ('seen',)


@dataclass(frozen=True)
class Episode:
    """What one episode is.

    Attributes:
        suite: It belongs to.
        number: In the suite, from 0.
        family: Of the task that counts.
        layout: Instruction that the scene is laid out for, in plain words.
        scene_seed: Of the scene.
        instruction: Given first.
    """

    suite: str
    number: int
    family: str
    layout: str
    scene_seed: int
    instruction: str


def episode(suite: str, seed: int, number: int) -> Episode:
    """An episode of a suite.

    Raises:
        VlaError: There is no such suite.
    """
    if suite not in SUITES:
        raise VlaError(f'no suite is called {suite}; there are {", ".join(SUITES)}')
    rng = np.random.default_rng([seed, number])
    family = FAMILIES[number % len(FAMILIES)]
    task = _task(suite, rng, family)
    scene_seed = int(rng.integers(2**31))
    return Episode(suite, number, family, task.instruction, scene_seed, draw_phrasing(rng, task))


def _task(suite: str, rng: Generator, family: str) -> Task:
    del suite
    return draw_shown(rng, family)
