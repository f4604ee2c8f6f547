# SPDX-License-Identifier: Apache-2.0
"""What the motion filter answers: what is to be sent, and when that was decided."""

from dataclasses import dataclass

from vla_safety.motion import Motion


@dataclass(frozen=True)
class Command:
    """What to send after a tick.

    Attributes:
        motion: For the arm, from a little before now to rest; None where nothing is to be sent.
        gripper: Joint position for the gripper; None where nothing is to be sent.
        latest_ns: Until when it may be sent, by the steady clock. Later the controller has left
            the motion that this one continues: who is so late says unsent() instead.
    """

    motion: Motion | None = None
    gripper: float | None = None
    latest_ns: int = 0
