# SPDX-License-Identifier: Apache-2.0
"""The gripper of the robot file: its controller, and what its joint's positions mean."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, OptionalTopic, Positive, Topic
from vla_contract.joint import JointUnit


def _still(opened: float, closed: float) -> Iterator[Contradiction]:
    if opened == closed:
        yield Contradiction(('closed',), f'{closed:g}, like open: the gripper could not move')


class GripperKind(StrEnum):
    """How the gripper takes commands."""

    JOINT_TRAJECTORY = 'joint_trajectory'
    FORWARD_POSITION = 'forward_position'
    GRIPPER_COMMAND = 'gripper_command'
    PARALLEL_GRIPPER_COMMAND = 'parallel_gripper_command'


class GripperModel(Document):
    """The URDF's own gripper, where it stands for a real one of another make.

    Attributes:
        joint: Joint of the URDF that shows the opening.
        open: Its position when open [its own unit].
        closed: Its position when closed [its own unit].
    """

    joint: Name
    open: float
    closed: float

    def contradictions(self) -> Iterator[Contradiction]:
        """It moves."""
        yield from _still(self.open, self.closed)


class Gripper(Document):
    """The gripper and the meaning of its joint.

    Attributes:
        kind: What its controller understands.
        target: Topic or action name, relative.
        joint: As in joint_states, and in the URDF unless ``model`` names another.
        unit: Unit of the joint: ``rad`` or ``m``.
        open: Joint position when open [unit].
        closed: Joint position when closed [unit].
        speed: Greatest speed of the joint [unit/s].
        max_effort: Effort sent with action commands [N or Nm], 0 for the controller's default.
        hysteresis: Change of opening, 0 to 1, below which no new command is sent.
        joint_states: Topic of the joint, where it is not among the robot's joint states.
        model: The URDF's gripper, where it is of another make; absent: ``joint`` is in the URDF.
    """

    kind: GripperKind
    target: Topic
    joint: Name
    unit: JointUnit = JointUnit.METRE
    open: float
    closed: float
    speed: Positive
    max_effort: Annotated[float, Field(ge=0)] = 0.0
    hysteresis: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    joint_states: OptionalTopic = ''
    model: GripperModel | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        """It moves."""
        yield from _still(self.open, self.closed)

    def to_joint(self, opening: float) -> float:
        """Joint position [unit] of an opening from 0 (closed) to 1 (open)."""
        return self.closed + opening * (self.open - self.closed)

    def to_opening(self, position: float) -> float:
        """Opening from 0 (closed) to 1 (open) of a joint position [unit]."""
        return (position - self.closed) / (self.open - self.closed)
