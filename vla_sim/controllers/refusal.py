# SPDX-License-Identifier: Apache-2.0
"""What a controller says to a command it does not take."""

from vla_contract.errors import VlaError


class CommandRefusedError(VlaError):
    """The command is not taken, and whatever ran before it goes on."""
