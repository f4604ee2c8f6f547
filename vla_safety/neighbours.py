# SPDX-License-Identifier: Apache-2.0
"""Other arms beside ours: what they say they may still do, and whether that can be relied on.

Ours keeps clear of everywhere they may still be, and its motion grows only while it is our turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vla_contract.errors import VlaError
from vla_contract.other_arm import Neighbour
from vla_contract.robot import Robot
from vla_safety.collision.apart import ApartCheck
from vla_safety.collision.checker import Clearance, Contact, Margin, colliding
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import AttachedObject
from vla_safety.collision.swept import OtherMotion
from vla_safety.early_stop import stop_deviation
from vla_safety.limits import Limits
from vla_safety.measured import Instant
from vla_safety.motion import NS, Array, Motion
from vla_safety.other_arm import KnownArm, OtherSeen
from vla_safety.reasons import Finding
from vla_safety.shared_plan import Path, SharedPlan
from vla_safety.turns import Turns

_TICK_S = 0.02
_STILL_KEPT = 0.5
"""Part of the distance that a motion under way must still keep; who keeps the rules never tries."""


class Neighbours:
    """A ``MotionCheck`` against other arms.

    Attributes:
        checker: Compares arms with each other.
        opening: Least and greatest opening of our gripper.
        kept_m: Least distance between arms that do not move [m].
    """

    def __init__(
        self,
        robot: Robot,
        limits: Limits,
        checker: EmbeddedChecker,
        others: Sequence[Neighbour],
        session: int,
    ) -> None:
        """Nothing is known of any of them: nothing moves.

        Args:
            robot: Ours.
            limits: Of our arm's stops.
            checker: Compares these arms with each other.
            others: The other arms, named as in the checker.
            session: Drawn by chance, new at every start.
        """
        self.opening = (0.0, 1.0)
        self.checker = checker
        self._robot, self._limits = robot, limits
        self._turns = Turns(session, tuple(other.said.name for other in others))
        self._others = {other.said.name: KnownArm(other, self._turns) for other in others}
        self._apart = ApartCheck(checker)
        self._path = Path(round(robot.timing.history_s * NS))
        self._radii = checker.radii[checker.layout.own.joints]
        self._carried: tuple[AttachedObject, ...] = ()
        self._overhang_m = 0.0
        self._sequence = 0
        self._changed = True
        rules = [robot.collision, *(other.robot.collision for other in others)]
        margin_m = max(rule.margin for rule in rules)
        self.kept_m = margin_m + robot.collision.tracking + max(rule.tracking for rule in rules[1:])

    @property
    def our_turn(self) -> bool:
        """Whether our motion may grow now."""
        return self._turns.mine

    @property
    def others(self) -> Mapping[str, KnownArm]:
        """What each is known to do, by name."""
        return self._others

    @property
    def motions(self) -> dict[str, OtherMotion]:
        """Where those may still be that said so."""
        known = self._others.items()
        return {name: other.plan.motion for name, other in known if other.plan is not None}

    def meet(self, name: str, plan: SharedPlan, steady_ns: int) -> None:
        """Another arm says where it may still be."""
        if self._others[name].meet(plan, steady_ns):
            self._changed = True

    def feel(self, name: str, q: Array, steady_ns: int) -> None:
        """Another arm's joints were measured."""
        self._others[name].feel(q, steady_ns)

    @property
    def seen(self) -> dict[str, OtherSeen]:
        """All that verdicts depend on."""
        return {name: other.seen for name, other in self._others.items()}

    def recall(self, seen: Mapping[str, OtherSeen]) -> None:
        """Take this for what the others say and do."""
        for name, one in seen.items():
            if name not in self._others:
                raise VlaError(f'arm {name} is not among {", ".join(self._others)}')
            self._others[name].recall(one)
        self._changed = True

    def carry(self, items: Sequence[AttachedObject]) -> None:
        """What our links carry from now on. The others are told by how much it makes us larger."""
        if tuple(items) == self._carried:
            return
        for item in self._carried:
            self.checker.detach(item.name)
        self._carried = ()
        for item in items:
            self.checker.attach(item)
            self._carried = (*self._carried, item)
        self._overhang_m = self.checker.overhang_m
        self._radii = self.checker.radii[self.checker.layout.own.joints]
        self._changed = True

    def find(self, motion: Motion) -> Finding | None:
        """The first place on a motion where another arm is too near, or may be."""
        return self._apart.find(self._ours(motion, motion.start_ns), self.motions, self.kept_m)

    def look(self, executing: Motion, ahead_ns: int) -> Finding | None:
        """Whether a motion under way is still free, where another arm says something new."""
        if not self._changed:
            return None
        self._changed = False
        rest = OtherMotion(executing.since(ahead_ns), self.opening)
        others = {
            name: OtherMotion(other.motion, other.opening) for name, other in self.motions.items()
        }
        if len(others) < len(self._others):
            return None
        return self._apart.find(rest, others, _STILL_KEPT * self.kept_m)

    def share(
        self, plan: Motion | None, lasts: bool, measured: Array | None, now: Instant
    ) -> SharedPlan | None:
        """What to tell the others after a tick; it passes the turn on.

        Args:
            plan: In execution.
            lasts: Whether the arm is held where its plan ends.
            measured: Joints; None where they are not known.
            now: The present.
        """
        motion = self._path.at(plan, lasts, measured, now.ros_ns)
        if motion is None:
            return None
        self._turns.pass_on()
        self._sequence += 1
        sessions = {name: self._turns.session_of(name) for name in self._others}
        poses = {
            session: self._others[name].pose
            for name, session in sessions.items()
            if session is not None
        }
        ours = self._ours(motion, now.ros_ns)
        told = replace(ours, aside_m=ours.aside_m + self._overhang_m)
        return SharedPlan(self._turns.session, self._sequence, self._turns.numbers, poses, told)

    def finding(self, steady_ns: int) -> Finding | None:
        """Why one of the others cannot be relied on, or None."""
        found = (other.finding(steady_ns) for other in self._others.values())
        return next((finding for finding in found if finding is not None), None)

    def nearest(self, q: Array) -> Clearance | None:
        """How near another arm comes to a place, at the end of its motion."""
        posture = self._posture(q)
        return None if posture is None else self.checker.clearance(posture)

    def touching(self, q: Array) -> Contact | None:
        """What of another arm overlaps ours."""
        posture = self._posture(q)
        return None if posture is None else colliding(self.checker, posture)

    def distance_m(self, q: Array, most_m: float) -> float:
        """To the nearest other arm; infinite beyond a distance."""
        posture = self._posture(q)
        near = () if posture is None else self.checker.contacts(posture, Margin(most_m))
        return min((contact.distance_m for contact in near), default=np.inf)

    def _ours(self, motion: Motion, since_ns: int) -> OtherMotion:
        timing = self._robot.timing
        until_ns = since_ns + round((timing.lead_s + timing.commit_s + _TICK_S) * NS)
        aside_m = stop_deviation(motion, since_ns, until_ns, self._limits, self._radii)
        return OtherMotion(motion, self.opening, aside_m)

    def _posture(self, q: Array) -> Array | None:
        motions = self.motions
        if len(motions) < len(self._others):
            return None
        others = {name: (other.motion.q[-1], other.opening[1]) for name, other in motions.items()}
        return self.checker.layout.posture(q, self.opening[1], others)
