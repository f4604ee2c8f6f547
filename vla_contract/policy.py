# SPDX-License-Identifier: Apache-2.0
"""The policy file: what a policy sees, what it answers, and how its answer is executed."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vla_contract.action import GRIPPER, POSE_COLUMNS, POSE_DELTA_COLUMNS, ActionSpace
from vla_contract.document import Document
from vla_contract.robot import Name, Positive


class PolicyKind(StrEnum):
    """Where the actions come from."""

    HOLD = 'hold'
    REPLAY = 'replay'
    DEMONSTRATOR = 'demonstrator'


class AngleUnit(StrEnum):
    """Unit in which a policy speaks of revolute joints; sliding joints are in metres."""

    RADIAN = 'rad'
    DEGREE = 'deg'


class ImageInput(Document):
    """One image the policy takes.

    Attributes:
        key: The policy's name for it, for example ``observation.images.wrist``.
        camera: The robot's name of the camera.
        width: Columns after resizing [px].
        height: Rows after resizing [px].
    """

    key: Name
    camera: Name
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class GripperConvention(Document):
    """The policy's numbers for an open and a closed gripper."""

    open: float = 1.0
    closed: float = 0.0

    @model_validator(mode='after')
    def _differ(self) -> Self:
        if self.open == self.closed:
            raise ValueError(f'open and closed are both {self.open}')
        return self

    def to_opening(self, value: float) -> float:
        """The policy's number as 0 (closed) to 1 (open)."""
        return (value - self.closed) / (self.open - self.closed)

    def from_opening(self, opening: float) -> float:
        """0 (closed) to 1 (open) as the policy's number."""
        return self.closed + opening * (self.open - self.closed)


class StateLayout(Document):
    """Joint positions the policy takes, in order; ``gripper`` for the gripper."""

    columns: tuple[Name, ...] = ()
    unit: AngleUnit = AngleUnit.RADIAN
    gripper: GripperConvention = GripperConvention()


class ActionLayout(Document):
    """Columns of the policy's rows, in order; ``gripper`` last if there is one."""

    space: ActionSpace
    columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    unit: AngleUnit = AngleUnit.RADIAN
    gripper: GripperConvention = GripperConvention()

    @property
    def motion_columns(self) -> tuple[str, ...]:
        """Columns that move the arm."""
        return tuple(name for name in self.columns if name != GRIPPER)

    @model_validator(mode='after')
    def _columns_fit(self) -> Self:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f'columns repeat a name: {", ".join(self.columns)}')
        if GRIPPER in self.columns[:-1]:
            raise ValueError('the gripper column must be the last')
        needed = {
            ActionSpace.POSE: POSE_COLUMNS,
            ActionSpace.POSE_DELTA: POSE_DELTA_COLUMNS,
        }.get(self.space)
        if needed is not None and self.motion_columns != needed:
            raise ValueError(f'space {self.space} needs the columns {", ".join(needed)}')
        return self


class Execution(Document):
    """How chunks become motion.

    Attributes:
        strategy: ``synchronous``: the next chunk is asked for when the last has run out;
            ``asynchronous``: it is asked for while the last still runs.
        refill_below: Asynchronous: ask when this fraction of the chunk is left, 0 to 1.
    """

    strategy: Literal['synchronous', 'asynchronous'] = 'asynchronous'
    refill_below: Annotated[float, Field(gt=0, le=1)] = 0.5


class Policy(Document):
    """A policy: what it needs from the robot and what it answers.

    Attributes:
        name: Short and unique.
        kind: Where the actions come from.
        trained_for: Names of the robots it knows; empty: any with the same joints.
        episode: For ``replay``: the file to replay, beside this file.
        images: What it sees.
        state: What it feels.
        ground_truth: It reads the simulator's ground truth, so it cannot run on a real robot.
        action: What it answers.
        rate_hz: Rows a second.
        rows: Rows a chunk.
        execution: How chunks become motion.
    """

    name: Name
    kind: PolicyKind
    trained_for: tuple[Name, ...] = ()
    episode: str = ''
    images: tuple[ImageInput, ...] = ()
    state: StateLayout = StateLayout()
    ground_truth: bool = False
    action: ActionLayout
    rate_hz: Positive
    rows: Annotated[int, Field(gt=0)]
    execution: Execution = Execution()

    @property
    def step_s(self) -> float:
        """Time between rows [s]."""
        return 1.0 / self.rate_hz

    @model_validator(mode='after')
    def _consistent(self) -> Self:
        keys = [image.key for image in self.images]
        if len(set(keys)) != len(keys):
            raise ValueError(f'image keys repeat: {", ".join(keys)}')
        if (self.kind is PolicyKind.REPLAY) != bool(self.episode):
            raise ValueError('episode belongs to kind replay, and to no other kind')
        return self
