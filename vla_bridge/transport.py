# SPDX-License-Identifier: Apache-2.0
"""Room for pictures on their way from one process of this machine to another."""

import ctypes
import os
import platform

from vla_bridge.resources import share

_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Fast DDS 2 (Jazzy) reads the first, Fast DDS 3 (Kilted) the second."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's mallopt(3)."""
_PICTURES_BYTES = 32 * 1024 * 1024
"""Freed memory that a process keeps; also the most that glibc allows for the second."""


def make_room() -> None:
    """Have Fast DDS use config/dds/camera.xml in this process; to be called before rclpy.init().

    A profile that the user chose stays. Other DDS implementations do not look at these variables.
    """
    folder = share() / 'config' / 'dds'
    ours = {None, '', str(folder / 'local.xml')}
    if all(os.environ.get(variable) in ours for variable in _VARIABLES):
        os.environ.update(dict.fromkeys(_VARIABLES, str(folder / 'camera.xml')))


def keep_pages() -> None:
    """Have this process reuse the memory of the last picture for the next; at any time.

    By default glibc gives each picture's pages back and fetches them again one fault at a time,
    which takes longer than all copying. Other C libraries are left alone.
    """
    if platform.libc_ver()[0] != 'glibc':
        return
    libc = ctypes.CDLL(None)
    for name in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        libc.mallopt(name, _PICTURES_BYTES)
