# SPDX-License-Identifier: Apache-2.0
"""What the simulator knows beside: where the object is that is spoken of, and where it shall go.

No policy gets to see this. A model that has to name it in training learns to look for it.
"""

import numpy as np
from numpy.typing import NDArray

from vla_contract.observation import World
from vla_sim.tasks.place import PlaceInBowl
from vla_sim.tasks.push import Push
from vla_sim.tasks.stack import Stack
from vla_sim.tasks.task import Task, find

NAMES = ('subject_x', 'subject_y', 'subject_z', 'target_x', 'target_y', 'target_z', 'held')
"""Centres in the robot's base frame [m]; held is 1 while the subject is in the gripper, else 0."""


def hints(task: Task, world: World) -> NDArray[np.float64]:
    """In the order of the names.

    Raises:
        InstructionError: An object of the task is missing.
    """
    subject = find(world, task.subject)
    held = float(world.held == subject.name)
    return np.array([*subject.position, *_target(task, world), held])


def _target(task: Task, world: World) -> NDArray[np.float64]:
    """Where the subject shall go: centre of bowl or base, or where its side of the table begins."""
    if isinstance(task, PlaceInBowl):
        return find(world, task.bowl).position
    if isinstance(task, Stack):
        return find(world, task.base).position
    subject = find(world, task.subject)
    if isinstance(task, Push):
        goal_y = task.direction * task.goal_y(subject.size)
        return np.array([subject.position[0], goal_y, subject.position[2]])
    return subject.position
