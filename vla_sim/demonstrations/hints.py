# SPDX-License-Identifier: Apache-2.0
"""What the simulator knows beside: where and how the object lies that is spoken of, and its target.

No policy gets to see this. A model that has to name it in training learns to look for it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vla_contract.observation import Body, World
from vla_sim.planning.grasp import symmetry
from vla_sim.planning.planner import target_body
from vla_sim.tasks.push import Push
from vla_sim.tasks.task import Task, find

NAMES = (
    'subject_x',
    'subject_y',
    'subject_z',
    'target_x',
    'target_y',
    'target_z',
    'subject_cos',
    'subject_sin',
    'target_cos',
    'target_sin',
    'held',
)
"""Centres in the robot's base frame [m]. Cosine and sine are of the direction in which fingers meet
a body squarely, times the number of turns that look alike; both are 0 for what is round, and for a
target that is no body. Held is 1 while the subject is in the gripper, else 0."""


def hints(task: Task, world: World) -> NDArray[np.float64]:
    """In the order of the names.

    Raises:
        InstructionError: An object of the task is missing.
    """
    subject, target = find(world, task.subject), target_body(task, world)
    places = (*subject.position, *_target(task, world))
    turns = (*_turn(subject), *(_turn(target) if target else (0.0, 0.0)))
    return np.array([*places, *turns, float(world.held == subject.name)])


def _turn(body: Body) -> tuple[float, float]:
    """The same however often the body is turned by what looks alike."""
    yaw, alike = symmetry(body)
    return (math.cos(alike * yaw), math.sin(alike * yaw)) if alike else (0.0, 0.0)


def _target(task: Task, world: World) -> NDArray[np.float64]:
    """Where the subject shall go: centre of bowl or base, or where its side of the table begins."""
    body = target_body(task, world)
    if body is not None:
        return body.position
    subject = find(world, task.subject)
    if isinstance(task, Push):
        goal_y = task.direction * task.goal_y(subject.size)
        return np.array([subject.position[0], goal_y, subject.position[2]])
    return subject.position
