# SPDX-License-Identifier: Apache-2.0
"""What is asked of a policy: suites of episodes, each a pure function of suite, seed and number.

The families of tasks take turns. Suites that ask for tasks that demonstrations show have the same
task in the same scene for the same seed and number, so that they can be compared pair by pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from vla_contract.errors import VlaError
from vla_sim.scene import Thing, draw_scene
from vla_sim.setting import USUAL, Setting, draw_look
from vla_sim.tasks.instruction import FAMILIES
from vla_sim.tasks.place import MOVABLE, PlaceInBowl
from vla_sim.tasks.split import (
    draw_phrasing,
    draw_shown,
    draw_unseen,
    held_out,
    unseen_phrasings,
)
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task

SUITES = {
    'seen': 'tasks and words that demonstrations show, in scenes of their own',
    'unseen': 'combinations of object and target that no demonstration shows',
    'paraphrases': 'ways to ask that no demonstration has',
    'distractors': 'three more objects on the table than demonstrations ever have',
    'shifts': 'cameras knocked, another light, a table repainted',
    'change': 'another instruction while the arm is on its way',
}
"""Every suite, and what it asks."""
CROWD = 3
"""Objects beside those that demonstrations have, among distractors."""
CHANGE_S = (0.8, 2.0)
"""When the instruction changes: the arm is on its way, and nothing is in the gripper yet [s]."""
_TRIES = 100


@dataclass(frozen=True)
class Change:
    """Another instruction comes.

    Attributes:
        instruction: From then on.
        after_s: Simulated time since the first one [s].
    """

    instruction: str
    after_s: float


@dataclass(frozen=True)
class Episode:
    """What one episode is.

    Attributes:
        suite: It belongs to.
        number: In the suite, from 0.
        family: Of the task that counts, the last one.
        layout: Instruction that the scene is laid out for, in plain words.
        scene_seed: Of the scene.
        instruction: Given first.
        change: What comes after it; None for nothing.
        setting: Of the world.
    """

    suite: str
    number: int
    family: str
    layout: str
    scene_seed: int
    instruction: str
    change: Change | None = None
    setting: Setting = USUAL


def check_suites(names: tuple[str, ...]) -> None:
    """Refuse what is no suite.

    Raises:
        VlaError: With those that there are.
    """
    for name in names:
        if name not in SUITES:
            raise VlaError(f'no suite is called {name}; there are {", ".join(SUITES)}, and all')


def episode(suite: str, seed: int, number: int) -> Episode:
    """An episode of a suite.

    Raises:
        VlaError: There is no such suite.
    """
    check_suites((suite,))
    rng = np.random.default_rng([seed, number])
    own = np.random.default_rng([seed, number, 1 + list(SUITES).index(suite)])
    family = FAMILIES[number % len(FAMILIES)]
    task = draw_unseen(rng, family) if suite == 'unseen' else draw_shown(rng, family)
    scene_seed = int(rng.integers(2**31))
    words = draw_phrasing(rng, task)
    if suite == 'paraphrases':
        words = str(own.choice(np.array(unseen_phrasings(task))))
    change: Change | None = None
    if suite == 'change':
        family = ('place', 'stack')[number % 2]
        scene_seed, other = _another(own, task, scene_seed, family)
        change = Change(draw_phrasing(own, other), float(own.uniform(*CHANGE_S)))
    setting = _setting(suite, own)
    return Episode(suite, number, family, task.instruction, scene_seed, words, change, setting)


def _setting(suite: str, rng: Generator) -> Setting:
    if suite == 'distractors':
        return Setting(crowd=CROWD)
    if suite == 'shifts':
        return Setting(look=draw_look(rng))
    return USUAL


def _another(rng: Generator, task: Task, scene_seed: int, family: str) -> tuple[int, Task]:
    """A scene, and a task that demonstrations show and that asks for another object of it."""
    for _ in range(_TRIES):
        scene = draw_scene(np.random.default_rng(scene_seed), task.needs())
        fitting = _fitting([item.thing for item in scene.items], task, family)
        if fitting:
            return scene_seed, fitting[int(rng.integers(len(fitting)))]
        scene_seed = int(rng.integers(2**31))
    raise VlaError(f'"{task.instruction}" leaves nothing else to do in {_TRIES} scenes')


def _fitting(things: list[Thing], task: Task, family: str) -> list[Task]:
    movable = [each for each in things if each.shape in MOVABLE and each != task.subject]
    found: list[Task]
    if family == 'place':
        bowls = [each for each in things if each.shape == 'bowl']
        found = [PlaceInBowl(subject, bowl) for subject in movable for bowl in bowls]
    else:
        found = [Stack(one, other) for one in movable for other in movable if one != other]
    return [each for each in found if not held_out(each)]
