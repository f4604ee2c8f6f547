# SPDX-License-Identifier: Apache-2.0
"""The modes of the motion filter and what leads from one to another."""

from enum import IntEnum


class Mode(IntEnum):
    """Numbered as in SafetyStatus.msg."""

    UNCONFIGURED = 0
    DISARMED = 1
    ARMED = 2
    ACTIVE = 3
    SCALED = 4
    HOLD = 5
    PROTECTIVE_STOP = 6
    ESTOP = 7
    FAULT = 8

    @property
    def latched(self) -> bool:
        """Only a person leads out of it."""
        return self in (Mode.PROTECTIVE_STOP, Mode.ESTOP, Mode.FAULT)

    @property
    def takes_chunks(self) -> bool:
        """A good chunk makes the arm move."""
        return self in (Mode.ARMED, Mode.ACTIVE, Mode.SCALED, Mode.HOLD)

    @property
    def moving(self) -> bool:
        """A chunk is in execution."""
        return self in (Mode.ACTIVE, Mode.SCALED)
