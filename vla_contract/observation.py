# SPDX-License-Identifier: Apache-2.0
"""What a policy sees at one moment, with the time each part of it was captured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Body:
    """An object of the simulated world, as the simulator knows it.

    Attributes:
        name: Unique, for example ``green_cube``.
        shape: ``cube``, ``cylinder`` or ``bowl``.
        colour: Colour word used in instructions.
        position: Centre in the robot's base frame [m].
        orientation: Quaternion x y z w in the robot's base frame.
        size: Full extents [m].
    """

    name: str
    shape: str
    colour: str
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    size: NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Ground truth of a simulated scene. No real robot has this.

    Attributes:
        stamp_ns: Time it held.
        bodies: All movable objects and bowls.
        gripper: Measured opening, 0 closed to 1 open.
        held: Name of the object in the gripper, empty for none.
    """

    stamp_ns: int
    bodies: tuple[Body, ...]
    gripper: float
    held: str


@dataclass(frozen=True)
class Observation:
    """One complete, time-consistent set of inputs.

    Attributes:
        stamp_ns: Capture time of the newest image, or of the state where there is no image.
        images: By the policy's image key; rgb HxWx3 uint8, or depth HxW uint16 [mm].
        image_stamps_ns: Capture time by image key.
        state: In the policy's state layout, in the policy's units.
        state_stamp_ns: Time of the joint state.
        instruction: Plain language.
        task_id: The task the instruction belongs to.
        world: Ground truth, only in simulation and only for policies that ask for it.
    """

    stamp_ns: int
    images: Mapping[str, NDArray[Any]]
    image_stamps_ns: Mapping[str, int]
    state: NDArray[np.float64]
    state_stamp_ns: int
    instruction: str
    task_id: str
    world: World | None = None
