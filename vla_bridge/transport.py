# SPDX-License-Identifier: Apache-2.0
"""Room for pictures between the processes of one machine, whichever way a node is started."""

import os

from vla_bridge.resources import share

_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Fast DDS 2 (Jazzy) reads the first, Fast DDS 3 (Kilted) the second."""


def make_room() -> None:
    """Have Fast DDS use config/fastdds.xml from its first participant on, unless the user chose.

    Other DDS implementations do not look at these variables.
    """
    if not any(variable in os.environ for variable in _VARIABLES):
        for variable in _VARIABLES:
            os.environ[variable] = str(share() / 'config' / 'fastdds.xml')
