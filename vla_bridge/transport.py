# SPDX-License-Identifier: Apache-2.0
"""Room for pictures on their way from one process of this machine to another."""

import os

from vla_bridge.resources import share

_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Fast DDS 2 (Jazzy) reads the first, Fast DDS 3 (Kilted) the second."""


def make_room() -> None:
    """Have Fast DDS use config/dds/camera.xml in this process; to be called before rclpy.init().

    A profile that the user chose stays. Other DDS implementations do not look at these variables.
    """
    folder = share() / 'config' / 'dds'
    ours = {None, '', str(folder / 'local.xml')}
    if all(os.environ.get(variable) in ours for variable in _VARIABLES):
        os.environ.update(dict.fromkeys(_VARIABLES, str(folder / 'camera.xml')))
