# SPDX-License-Identifier: Apache-2.0
"""One other arm: what it says it may still do, where it is measured, and whether the two agree."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_contract.errors import VlaError
from vla_contract.other_arm import Neighbour
from vla_safety.collision.objects import Pose
from vla_safety.collision.shapes import placement
from vla_safety.collision.swept import OtherMotion
from vla_safety.motion import NS, Array, Motion
from vla_safety.reasons import Finding, Reason
from vla_safety.shared_plan import SharedPlan
from vla_safety.turns import Turns

_POSE_M, _POSE_RAD = 0.002, 0.002
"""How far what two robot files say of one pose may be apart."""


@dataclass(frozen=True)
class OtherSeen:
    """What is known of another arm, times by the steady clock.

    Attributes:
        motion: Where it may still be; None where it never said.
        place: Where it thinks our arm stands; None where it never said.
        plan_ns: When it last said so.
        q: Its joints as measured; None where they never were.
        q_ns: When.
        turn_ns: When it last gave us leave to move.
        echoed: Whether what came from it is our own.
    """

    motion: OtherMotion | None
    place: Pose | None
    plan_ns: int | None
    q: Array | None
    q_ns: int | None
    turn_ns: int | None
    echoed: bool


class KnownArm:
    """What one other arm has said, and where it was measured.

    Attributes:
        said: What our robot file says of it.
        plan: Where it may still be; None where it never said.
    """

    def __init__(self, other: Neighbour, turns: Turns) -> None:
        """Nothing is known of it.

        Args:
            other: The arm.
            turns: Of ours with all others.
        """
        self.said = other.said
        self.plan: SharedPlan | None = None
        self._robot, self._turns = other.robot, turns
        self._plan_ns: int | None = None
        self._q: Array | None = None
        self._q_ns: int | None = None
        self._echoed = False

    @property
    def pose(self) -> Pose:
        """Of its base frame in ours."""
        return Pose(self.said.position, self.said.orientation)

    def meet(self, plan: SharedPlan, steady_ns: int) -> bool:
        """It says where it may still be.

        Returns:
            Whether that is somewhere else than before.
        """
        before = self.plan
        self._refuse_misfit(plan.motion.motion)
        if before and before.session == plan.session and plan.sequence <= before.sequence:
            return False
        self._echoed = plan.session == self._turns.session
        number = plan.turns.get(self._turns.session)
        if not self._turns.hear(self.said.name, plan.session, number, steady_ns):
            return False
        self.plan, self._plan_ns = plan, steady_ns
        return before is None or _differ(before.motion, plan.motion)

    def feel(self, q: Array, steady_ns: int) -> None:
        """Its joints were measured."""
        if np.isfinite(q).all():
            self._q, self._q_ns = q, steady_ns

    @property
    def seen(self) -> OtherSeen:
        """All that verdicts depend on."""
        motion = place = None
        if self.plan is not None:
            motion, place = self.plan.motion, self.plan.poses.get(self._turns.session)
        return OtherSeen(
            motion=motion,
            place=place,
            plan_ns=self._plan_ns,
            q=self._q,
            q_ns=self._q_ns,
            turn_ns=self._turns.mine_ns(self.said.name),
            echoed=self._echoed,
        )

    def recall(self, seen: OtherSeen) -> None:
        """Take this for what it says and does."""
        joints = len(self._robot.joints)
        if seen.q is not None and seen.q.shape != (joints,):
            raise VlaError(f'arm {self.said.name} has {seen.q.size} positions for {joints} joints')
        self.plan = None
        if seen.motion is not None:
            self._refuse_misfit(seen.motion.motion)
            places = {} if seen.place is None else {self._turns.session: seen.place}
            self.plan = SharedPlan(0, 0, {}, places, seen.motion)
        self._plan_ns, self._q, self._q_ns = seen.plan_ns, seen.q, seen.q_ns
        self._echoed = seen.echoed
        self._turns.recall(self.said.name, seen.turn_ns)

    def heard(self) -> Iterator[tuple[str, str, int | None]]:
        """Each thing that it must keep saying, the topic, and when it last did."""
        yield 'plan', self.said.plan, self._plan_ns
        yield 'joint states', self.said.joint_states, self._q_ns
        yield 'leave to move', self.said.plan, self._turns.mine_ns(self.said.name)

    def finding(self, steady_ns: int) -> Finding | None:
        """Why it cannot be relied on, or None."""
        name, said = self.said.name, self.said
        if self._echoed:
            return Finding(Reason.OTHER_ARM_SILENT, f'{said.plan} brings what we say ourselves')
        for what, topic, heard_ns in self.heard():
            if heard_ns is None:
                text = f'no {what} of arm {name} came from {topic}'
                return Finding(Reason.OTHER_ARM_SILENT, text)
            age_s = (steady_ns - heard_ns) / NS
            if age_s > said.max_age_s:
                text = (
                    f'the {what} of arm {name} is {age_s:.2f} s old, at most {said.max_age_s:g} s'
                )
                return Finding(Reason.OTHER_ARM_SILENT, text)
        return self._disagreement()

    def _disagreement(self) -> Finding | None:
        """It is not where it says, or not where we think it stands."""
        name = self.said.name
        if self.plan is None or self._q is None:
            return None
        path, most = self.plan.motion.motion.q, self._robot.margins.tracking
        beyond = np.maximum(path.min(axis=0) - self._q, self._q - path.max(axis=0))
        joint = int(beyond.argmax())
        if beyond[joint] > most:
            text = (
                f'{self._robot.joint_names[joint]} of arm {name} is {beyond[joint]:.4f} from its '
                f'plan, at most {most:g}'
            )
            return Finding(Reason.OTHER_ARM_ASTRAY, text)
        ours = self.plan.poses.get(self._turns.session)
        if ours is None:
            return None
        here = placement(self.pose) * placement(ours)
        shift, turn = np.linalg.norm(here.translation), np.linalg.norm(pin.log3(here.rotation))
        if shift <= _POSE_M and turn <= _POSE_RAD:
            return None
        text = (
            f'the robot files of both arms put arm {name} {shift * 1000:.1f} mm and {turn:.4f} rad '
            'apart; correct the position or orientation of others in one of them'
        )
        return Finding(Reason.OTHER_ARM_ASTRAY, text)

    def _refuse_misfit(self, motion: Motion) -> None:
        name, joints, knots = self.said.name, len(self._robot.joints), len(motion.times_ns)
        shapes = [part.shape for part in (motion.q, motion.v, motion.a)]
        if not knots or any(shape != (knots, joints) for shape in shapes):
            raise VlaError(f'arm {name} says a motion of shapes {shapes}; its {joints} joints move')
        if not (np.diff(motion.times_ns) > 0).all():
            raise VlaError(f'arm {name} says a motion whose times do not increase')
        if not all(np.isfinite(part).all() for part in (motion.q, motion.v, motion.a)):
            raise VlaError(f'arm {name} says a motion that is not finite')


def _differ(one: OtherMotion, two: OtherMotion) -> bool:
    same = one.motion.q.shape == two.motion.q.shape
    return not same or bool((one.motion.q != two.motion.q).any())
