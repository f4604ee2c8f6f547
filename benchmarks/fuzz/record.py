# SPDX-License-Identifier: Apache-2.0
"""What happened in an episode, as plain data: all that the oracle is told."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NS = 1_000_000_000


@dataclass(frozen=True)
class Thing:
    """Something to hit.

    Attributes:
        name: Unique.
        kind: ``box``, ``sphere`` or ``cylinder`` (along z).
        size: Full lengths; radius; radius and length [m].
        position: Of its middle in the base frame [m].
        orientation: Quaternion x, y, z, w.
        excused: It came where the arm could no longer avoid it.
    """

    name: str
    kind: str
    size: tuple[float, ...]
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    excused: bool = False


@dataclass(frozen=True)
class Sent:
    """A trajectory message.

    Attributes:
        sent_ns: When the filter gave it away.
        names: Joints.
        times_ns: Of each point.
        q: Positions, points by joints.
        v: Velocities.
        a: Accelerations.
        scene: Index of the scene that was known then, in ``Record.scenes``.
    """

    sent_ns: int
    names: tuple[str, ...]
    times_ns: NDArray[np.int64]
    q: Array
    v: Array
    a: Array
    scene: int


@dataclass(frozen=True)
class Cycle:
    """One cycle of the controller.

    Attributes:
        time_ns: When.
        message: Index of the message that it follows, -1 before the first.
        command: Positions that it commands for the next cycle.
        opening: Of the gripper, as it really is.
        scene: Index of the scene, in ``Record.scenes``.
    """

    time_ns: int
    message: int
    command: Array
    opening: float
    scene: int


@dataclass(frozen=True)
class Scene:
    """All things, from a time on."""

    from_ns: int
    things: tuple[Thing, ...]


@dataclass(frozen=True)
class Verdict:
    """How a chunk was answered.

    Attributes:
        time_ns: When.
        kind: Of chunk.
        reason: Given.
        followed: It was not refused.
    """

    time_ns: int
    kind: str
    reason: str
    followed: bool


@dataclass(frozen=True)
class Fault:
    """Something raised that must not be, or a command that the controller refused."""

    time_ns: int
    text: str


@dataclass
class Record:
    """An episode.

    Attributes:
        start: Where the arm stood.
        kept_m: Distance that was to be kept from the scene [m].
        tool_speed: Greatest speed of the tool and of every joint's origin [m/s].
        late: Messages were lost, or came later than the filter's lead allows.
        carried: What the gripper held.
        rest_by_ns: When the arm had to stand at the latest, after the end of the chunks.
        faults: Exceptions and refused commands.
        verdicts: On each chunk, in order.
        gripper: Positions sent to the gripper's joint.
        stops: Why the arm held, once for every hold.
    """

    start: Array
    kept_m: float
    tool_speed: float
    late: bool
    carried: Thing | None
    scenes: list[Scene]
    sent: list[Sent] = field(default_factory=list)
    cycles: list[Cycle] = field(default_factory=list)
    rest_by_ns: int = 0
    faults: list[Fault] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    gripper: list[float] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
