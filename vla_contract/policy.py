# SPDX-License-Identifier: Apache-2.0
"""The policy file: what a policy sees, what it answers, and how its answer is executed."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from vla_contract.action import (
    GRIPPER,
    MOST_ROWS,
    POSE_COLUMNS,
    POSE_DELTA_COLUMNS,
    ActionSpace,
)
from vla_contract.document import Contradiction, Document
from vla_contract.execution import (
    Asynchronous,
    Continuing,
    DualRate,
    Execution,
    Synchronous,
    TemporalEnsembling,
)
from vla_contract.fields import Name, Positive


def _repeated(columns: tuple[str, ...]) -> Iterator[Contradiction]:
    for index, name in enumerate(columns):
        if columns.index(name) < index:
            yield Contradiction(('columns', index), f'{name} is also column {columns.index(name)}')


class PolicyKind(StrEnum):
    """Where the actions come from."""

    HOLD = 'hold'
    REPLAY = 'replay'
    DEMONSTRATOR = 'demonstrator'
    VLA = 'vla'


class AngleUnit(StrEnum):
    """Unit in which a policy speaks of revolute joints; sliding joints are in metres."""

    RADIAN = 'rad'
    DEGREE = 'deg'


class ImageInput(Document):
    """One image the policy takes.

    Attributes:
        key: The policy's name for it, for example ``observation.images.wrist``.
        camera: The robot's name of the camera.
        kind: ``colour`` (rgb; a mono camera gives three equal channels) or ``depth``.
        width: Columns after resizing [px].
        height: Rows after resizing [px].
    """

    key: Name
    camera: Name
    kind: Literal['colour', 'depth'] = 'colour'
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class GripperConvention(Document):
    """The policy's numbers for an open and a closed gripper.

    Attributes:
        open: Its number for fully open.
        closed: Its number for fully closed.
    """

    open: float = 1.0
    closed: float = 0.0

    def contradictions(self) -> Iterator[Contradiction]:
        """Open and closed differ."""
        if self.open == self.closed:
            yield Contradiction(('closed',), f'{self.closed:g}, like open; give two numbers')

    def to_opening(self, value: float) -> float:
        """The policy's number as 0 (closed) to 1 (open)."""
        return (value - self.closed) / (self.open - self.closed)

    def from_opening(self, opening: float) -> float:
        """0 (closed) to 1 (open) as the policy's number."""
        return self.closed + opening * (self.open - self.closed)


class StateLayout(Document):
    """Joint positions the policy takes.

    Attributes:
        columns: The robot's joints in the robot's order, and ``gripper`` last if it is taken.
        unit: Of revolute joints: ``rad`` or ``deg``.
        gripper: The policy's numbers for the gripper column.
    """

    columns: tuple[Name, ...] = ()
    unit: AngleUnit = AngleUnit.RADIAN
    gripper: GripperConvention = GripperConvention()

    def contradictions(self) -> Iterator[Contradiction]:
        """Each column once."""
        yield from _repeated(self.columns)


class ActionLayout(Document):
    """Columns of the policy's rows.

    Attributes:
        space: What the columns mean.
        columns: Joint spaces: the robot's joints in the robot's order; ``pose``: x, y, z, qx, qy,
            qz, qw; ``pose_delta``: dx, dy, dz, rx, ry, rz; ``gripper`` last if there is one.
        unit: Of revolute joints: ``rad`` or ``deg``.
        gripper: The policy's numbers for the gripper column.
    """

    space: ActionSpace
    columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    unit: AngleUnit = AngleUnit.RADIAN
    gripper: GripperConvention = GripperConvention()

    @property
    def motion_columns(self) -> tuple[str, ...]:
        """Columns that move the arm."""
        return tuple(name for name in self.columns if name != GRIPPER)

    def contradictions(self) -> Iterator[Contradiction]:
        """Each column once, the gripper last, and poses complete."""
        yield from _repeated(self.columns)
        if GRIPPER in self.columns[:-1]:
            index = self.columns.index(GRIPPER)
            yield Contradiction(
                ('columns', index),
                f'{GRIPPER} is column {index} of {len(self.columns)}; it must be the last',
            )
        needed = {
            ActionSpace.POSE: POSE_COLUMNS,
            ActionSpace.POSE_DELTA: POSE_DELTA_COLUMNS,
        }.get(self.space)
        if needed is not None and self.motion_columns != needed:
            found = ', '.join(self.motion_columns)
            yield Contradiction(
                ('columns',), f'{found}; space {self.space} needs {", ".join(needed)}'
            )


class Policy(Document):
    """A policy: what it needs from the robot and what it answers.

    Attributes:
        name: Short and unique.
        kind: Where the actions come from.
        trained_for: Names of the robots it knows; empty: any with the same joints.
        episode: For ``replay``: the file to replay, beside this file.
        checkpoint: For ``vla``: the folder of the model, beside this file.
        images: What it sees.
        state: What it feels.
        ground_truth: It reads the simulator's ground truth, so it cannot run on a real robot.
        action: What it answers.
        rate_hz: Rows a second.
        rows: Rows a chunk.
        execution: How chunks become motion; ``asynchronous`` where no strategy is named.
    """

    name: Name
    kind: PolicyKind
    trained_for: tuple[Name, ...] = ()
    episode: str = ''
    checkpoint: str = ''
    images: tuple[ImageInput, ...] = ()
    state: StateLayout = StateLayout()
    ground_truth: bool = False
    action: ActionLayout
    rate_hz: Positive
    rows: Annotated[int, Field(gt=0, le=MOST_ROWS)]
    execution: Execution = Asynchronous()

    @property
    def step_s(self) -> float:
        """Time between rows [s]."""
        return 1.0 / self.rate_hz

    @property
    def period_s(self) -> float:
        """Time between uses of a new image [s], at the soonest.

        What one chunk plays before the next is due; of two rates, the period of the slow trunk.
        """
        execution = self.execution
        match execution:
            case Synchronous():
                played = 1.0
            case DualRate():
                return 1.0 / execution.encode_hz
            case _:
                played = 1.0 - execution.refill_below
        return max(1.0, played * self.rows) * self.step_s

    def contradictions(self) -> Iterator[Contradiction]:
        """Image keys are unique, an episode is given where one is replayed, rows overlap."""
        keys = [image.key for image in self.images]
        for index, key in enumerate(keys):
            if keys.index(key) < index:
                yield Contradiction(
                    ('images', index, 'key'), f'{key} is also images.{keys.index(key)}.key'
                )
        for kind, key, named in (
            (PolicyKind.REPLAY, 'episode', self.episode),
            (PolicyKind.VLA, 'checkpoint', self.checkpoint),
        ):
            if self.kind is kind and not named:
                yield Contradiction((key,), f'empty, while kind is {kind}; name its file or folder')
            if self.kind is not kind and named:
                yield Contradiction(
                    (key,), f'{named}, while kind is {self.kind}; only {kind} has one'
                )
        yield from _execution(self)


def _execution(policy: Policy) -> Iterator[Contradiction]:
    """What a strategy asks of rows and columns."""
    execution = policy.execution
    if not isinstance(execution, Continuing):
        return
    if execution.refill_below * policy.rows < 1:
        yield Contradiction(
            ('execution', 'refill_below'),
            f'{execution.refill_below:g} of rows {policy.rows} leaves no row to agree with, as '
            f'{execution.strategy} does',
        )
    if isinstance(execution, TemporalEnsembling) and policy.action.space is ActionSpace.POSE:
        yield Contradiction(
            ('execution', 'strategy'),
            f'{execution.strategy} takes means of columns; action.space {ActionSpace.POSE} has '
            'quaternions, whose mean that is not',
        )
