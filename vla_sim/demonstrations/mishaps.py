# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a demonstration, drawn from a seed.

A policy that only ever saw success does not know how to come back from an error of its own. So
arms are pulled aside, things are dropped and moved away, and the demonstrator shows how to go on.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import World
from vla_contract.robot import Robot
from vla_sim.demonstrations.driver import Pull
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.planning.tool_path import pointing_down
from vla_sim.scene import FINGER_GAP, REACH, TABLE, footprint
from vla_sim.tasks.push import Push
from vla_sim.tasks.split import shown_tasks
from vla_sim.tasks.task import Task

Array = NDArray[np.float64]


class Mishap(StrEnum):
    """Kinds, at most one an episode, beside an unusual start."""

    NONE = 'none'
    NUDGES = 'nudges'
    PULLED = 'pulled'
    DROPPED = 'dropped'
    MOVED = 'moved'
    CHANGED = 'changed'


SHARES = {
    Mishap.NONE: 0.35,
    Mishap.NUDGES: 0.25,
    Mishap.PULLED: 0.12,
    Mishap.DROPPED: 0.10,
    Mishap.MOVED: 0.08,
    Mishap.CHANGED: 0.10,
}
"""How often each is drawn."""
ELSEWHERE_SHARE = 0.4
"""So many episodes begin with the arm away from home."""
_NUDGE_RAD = (0.02, 0.06)
_PULL_RAD = (0.10, 0.25)
_HAPPENS_S = (0.4, 6.0)
"""When arms are pulled; the usual task takes eight seconds."""
_SOON_S = (0.3, 2.0)
"""When things are moved, while the arm is still on its way to them."""
_CHANGE_S = (0.5, 5.0)
_DROP_S = (0.0, 1.2)
"""After the fingers have closed on something."""
_AWAY_RAD = 0.35
_LOWEST_M, _NEAREST_M, _FARTHEST_M, _WIDEST_M = 0.15, 0.25, 0.62, 0.35
"""Where the tool may begin, over the table."""
_ABOVE_M, _BESIDE_M, _TURNED_RAD = (0.08, 0.22), 0.04, 0.9
"""Where the tool looks at a thing from nearby: height, and how far beside and turned at most."""
_ATTEMPTS = 100


@dataclass(frozen=True)
class Course:
    """What happens in one episode.

    Attributes:
        mishap: The kind.
        time_s: When things are moved or the instruction changes; for a drop, after the grasp.
        pulls: At the arm.
        start: Joint positions to begin at [rad]; None for home.
        opening: Of the gripper at the start, 0 closed to 1 open.
    """

    mishap: Mishap
    time_s: float
    pulls: tuple[Pull, ...]
    start: Array | None
    opening: float


def draw_course(rng: Generator, robot: Robot, kinematics: InverseKinematics) -> Course:
    """What happens in an episode."""
    kinds = list(SHARES)
    mishap = kinds[int(rng.choice(len(kinds), p=list(SHARES.values())))]
    start, opening = draw_start(rng, robot, kinematics)
    window = {Mishap.DROPPED: _DROP_S, Mishap.MOVED: _SOON_S}.get(mishap, _CHANGE_S)
    time_s = float(rng.uniform(*window))
    return Course(mishap, time_s, _pulls(rng, mishap, robot, kinematics), start, opening)


def draw_start(
    rng: Generator, robot: Robot, kinematics: InverseKinematics
) -> tuple[Array | None, float]:
    """Where the arm begins, None for home, and how far its gripper is open."""
    start = _elsewhere(rng, robot, kinematics) if rng.random() < ELSEWHERE_SHARE else None
    return start, 1.0 if start is None else float(rng.uniform(0.2, 1.0))


def above_something(
    rng: Generator, world: World, robot: Robot, kinematics: InverseKinematics
) -> Array | None:
    """A posture with the gripper not far above a thing, nor quite over it; None if out of reach.

    Only from nearby does the wrist camera show how a thing is turned.
    """
    body = world.bodies[int(rng.integers(len(world.bodies)))]
    x, y = body.position[:2] + rng.uniform(-_BESIDE_M, _BESIDE_M, 2)
    height, yaw = rng.uniform(*_ABOVE_M), rng.uniform(-_TURNED_RAD, _TURNED_RAD)
    try:
        return kinematics.solve(pointing_down((x, y, height), yaw), np.array(robot.home))
    except VlaError:
        return None


def somewhere_else(rng: Generator, world: World, name: str) -> tuple[float, float] | None:
    """A free place on the table for an object; None where none was found."""
    shape = next(body.shape for body in world.bodies if body.name == name)
    for _ in range(_ATTEMPTS):
        x, y = TABLE.draw(rng)
        others = (body for body in world.bodies if body.name != name)
        free = all(
            np.hypot(x - body.position[0], y - body.position[1])
            >= footprint(shape) + footprint(body.shape) + FINGER_GAP
            for body in others
        )
        if free and REACH[0] <= np.hypot(x, y) <= REACH[1]:
            return x, y
    return None


def another_task(rng: Generator, world: World, task: Task) -> Task | None:
    """Something else that can be done on this table and is shown in demonstrations.

    No push: it needs a free lane, which the scene was not laid out for.
    """
    fitting = [each for each in shown_tasks(world) if each != task and not isinstance(each, Push)]
    return fitting[int(rng.integers(len(fitting)))] if fitting else None


def _pulls(
    rng: Generator, mishap: Mishap, robot: Robot, kinematics: InverseKinematics
) -> tuple[Pull, ...]:
    if mishap is Mishap.NUDGES:
        return tuple(
            _pull(rng, robot, kinematics, _NUDGE_RAD) for _ in range(int(rng.integers(2, 6)))
        )
    if mishap is Mishap.PULLED:
        return tuple(
            _pull(rng, robot, kinematics, _PULL_RAD) for _ in range(int(rng.integers(1, 3)))
        )
    return ()


def _pull(
    rng: Generator, robot: Robot, kinematics: InverseKinematics, reach: tuple[float, float]
) -> Pull:
    """Somewhere, but never down: the table is there."""
    way = rng.normal(size=len(robot.joints))
    way *= rng.uniform(*reach) / np.abs(way).max()
    if kinematics.jacobian(np.array(robot.home))[2] @ way < 0.0:
        way = -way
    return Pull(float(rng.uniform(*_HAPPENS_S)), float(rng.uniform(0.3, 0.8)), way)


def _elsewhere(rng: Generator, robot: Robot, kinematics: InverseKinematics) -> Array:
    """A posture over the table, not far from home; home itself where none was found."""
    home = np.array(robot.home)
    for _ in range(_ATTEMPTS):
        joints = home + rng.uniform(-_AWAY_RAD, _AWAY_RAD, len(home))
        x, y, z = kinematics.forward(joints).position
        inside = (kinematics.lower <= joints).all() and (joints <= kinematics.upper).all()
        if inside and z > _LOWEST_M and _NEAREST_M < x < _FARTHEST_M and abs(y) < _WIDEST_M:
            return joints
    return home
