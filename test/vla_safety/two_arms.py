# SPDX-License-Identifier: Apache-2.0
"""Two rigs face to face, whose safety nodes hear each other late, sometimes, and out of order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vla_contract.description import find_description
from vla_contract.other_arm import Neighbour, OtherArm
from vla_contract.robot import Robot
from vla_contract.scene import Collision
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import Pose
from vla_safety.neighbours import Neighbours
from vla_safety.shared_plan import SharedPlan

if TYPE_CHECKING:
    from pathlib import Path

    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
MARGIN_M = 0.02
CYCLE_NS, TICK_NS = 10_000_000, 20_000_000
POSITION = (1.0, 0.0, 0.0)
TURNED = (0.0, 0.0, 1.0, 0.0)
"""The other arm stands a metre ahead and looks here, so that each sees the same."""
SIDES = ('left', 'right')
MIDDLE = np.array([-0.15, -1.45, 1.75, -1.87, -1.57, -1.93])
"""Near the middle between both: the arms cannot both be there."""


@dataclass
class Link:
    """The way from one safety node to the other.

    Attributes:
        delay: Cycles that the next message takes; None: it is lost.
    """

    delay: Callable[[], int | None]
    waiting: list[tuple[int, SharedPlan]] = field(default_factory=list)

    def send(self, cycle: int, plan: SharedPlan) -> None:
        """Put a message under way."""
        took = self.delay()
        if took is not None:
            self.waiting.append((cycle + took, plan))

    def arrived(self, cycle: int) -> list[SharedPlan]:
        """What has arrived by now."""
        found = [plan for due, plan in self.waiting if due <= cycle]
        self.waiting = [item for item in self.waiting if item[0] > cycle]
        return found


class Pair:
    """Two arms in one scene."""

    def __init__(
        self,
        make_rig: 'type[Rig]',
        path: 'Path',
        delay: Callable[[], int | None] = lambda: 0,
        skew_cycles: int = 0,
    ) -> None:
        """Put both at home.

        Args:
            make_rig: Makes an arm.
            path: Its robot file.
            delay: Of each message.
            skew_cycles: How far the clocks are apart.
        """
        rule = Collision(margin=MARGIN_M)
        self.cycle = 0
        self.arms = {side: make_rig(collision=rule) for side in SIDES}
        self.links = {side: Link(delay) for side in SIDES}
        self.silent: set[str] = set()
        self.nearest_m = np.inf
        self.distances: list[float] = []
        self.arms['right'].now_ns += skew_cycles * CYCLE_NS
        self._checker = checker_of(path, self.arms['left'].robot)
        for side in SIDES:
            self.join(side, path)
        self.run(0.2)

    def join(self, side: str, path: 'Path') -> None:
        """Start what an arm knows of the other, as a safety node that starts does."""
        rig, session = self.arms[side], int(np.random.default_rng().integers(2**62))
        said = OtherArm(
            name=other(side),
            robot=path.name,
            position=POSITION,
            orientation=TURNED,
            joint_states='/their/joint_states',
            plan='/their/plan',
        )
        checker = among(path, rig.robot, other(side))
        beside = [Neighbour(said, rig.robot, path)]
        rig.avoidance.neighbours = Neighbours(
            rig.robot, rig.filter.limits, checker, beside, session
        )

    def arm(self) -> 'Pair':
        """Arm both."""
        for rig in self.arms.values():
            rig.arm()
        return self.run(0.1)

    def run(self, seconds: float) -> 'Pair':
        """Let time pass for both, a cycle at a time."""
        for _ in range(round(seconds * 1e9 / CYCLE_NS)):
            self.step()
        return self

    def step(self) -> None:
        """One cycle."""
        self.cycle += 1
        for side, rig in self.arms.items():
            neighbours = rig.avoidance.neighbours
            assert neighbours is not None
            for plan in self.links[side].arrived(self.cycle):
                neighbours.meet(other(side), plan, rig.now_ns)
            if other(side) not in self.silent:
                neighbours.feel(other(side), self.arms[other(side)].q, rig.now_ns)
            rig.run(CYCLE_NS / 1e9)
            if rig.ticking and rig.now_ns % TICK_NS == 0 and side not in self.silent:
                told = rig.filter.share(rig.instant)
                if told is not None:
                    self.links[other(side)].send(self.cycle, told)
        self.distances.append(self.distance())

    def distance(self) -> float:
        """Between the arms as they are now, or 0.2 where they are farther apart [m]."""
        layout = self._checker.layout
        posture = layout.posture(self.arms['left'].q, 1.0, {'right': (self.arms['right'].q, 1.0)})
        near = self._checker.contacts(posture, Margin(0.2))
        return near[0].distance_m if near else 0.2

    def send(self, side: str, target: Array, rows: int = 25) -> None:
        """A chunk that goes smoothly from where an arm is to a posture."""
        rig = self.arms[side]
        share = np.linspace(0, 1, rows)[:, None]
        values = rig.q + (target - rig.q) * share**3 * (10 - 15 * share + 6 * share**2)
        rig.filter.on_chunk(rig.chunk(values), rig.instant)


def other(side: str) -> str:
    """The one on the other side."""
    return SIDES[1 - SIDES.index(side)]


@cache
def checker_of(path: 'Path', robot: Robot) -> EmbeddedChecker:
    """What the tests measure with."""
    return among(path, robot, 'right')


def among(path: 'Path', robot: Robot, name: str) -> EmbeddedChecker:
    """Ours against another of the same kind."""
    urdf, srdf = find_description(robot.urdf, path), find_description(robot.srdf, path)
    assert urdf is not None
    facing = Pose(POSITION, TURNED)
    return EmbeddedChecker(
        Arm(robot, urdf, srdf), [Arm(robot, urdf, srdf, name, facing)], among_arms=True
    )
