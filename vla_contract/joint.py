# SPDX-License-Identifier: Apache-2.0
"""One arm joint of the robot file, with its limits."""

from collections.abc import Iterator
from enum import StrEnum

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, Positive


class JointUnit(StrEnum):
    """Unit of a joint's position: revolute joints turn, prismatic joints slide."""

    RADIAN = 'rad'
    METRE = 'm'


class Joint(Document):
    """One arm joint, with limits that tighten those of the URDF and never widen them.

    Attributes:
        name: As in the URDF and in joint_states.
        unit: ``rad`` or ``m``.
        position: Lower and upper limit [unit]; absent: the URDF's.
        velocity: Greatest speed [unit/s].
        acceleration: Greatest acceleration [unit/s²].
        jerk: Greatest jerk [unit/s³].
    """

    name: Name
    unit: JointUnit = JointUnit.RADIAN
    position: tuple[float, float] | None = None
    velocity: Positive
    acceleration: Positive
    jerk: Positive

    def contradictions(self) -> Iterator[Contradiction]:
        """The limits are in order."""
        if self.position is not None and self.position[0] >= self.position[1]:
            low, high = self.position
            yield Contradiction(
                ('position',), f'lower {low:g} of {self.name} is not below upper {high:g}'
            )
