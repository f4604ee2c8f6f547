# SPDX-License-Identifier: Apache-2.0
"""How what a process says gets to others of its machine: with room for pictures, or unhindered."""

import ctypes
import os
import platform

from vla_bridge.resources import share

_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Fast DDS 2 (Jazzy) reads the first, Fast DDS 3 (Kilted) the second."""
_RANGE, _PEERS = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS'
_LOOPBACK = {'', '127.0.0.1', 'localhost'}
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's mallopt(3)."""
_PICTURES_BYTES = 32 * 1024 * 1024
"""Freed memory that a process keeps; also the most that glibc allows for the second."""


def make_room() -> None:
    """Have Fast DDS use config/dds/camera.xml in this process; to be called before rclpy.init().

    A profile that the user chose stays. Other DDS implementations do not look at these variables.
    """
    if _ours_to_choose():
        os.environ.update(dict.fromkeys(_VARIABLES, _profile('camera.xml')))


def share_no_memory() -> None:
    """Have this process wait for no other when it publishes; to be called before rclpy.init().

    Fast DDS hands messages to the processes of a machine through shared memory with locks. Who
    publishes to a process that was suspended in the middle of such a lock waits for a second, and
    again: whoever listens to a safety node could suspend it thus. Sockets have no such locks. A
    profile that the user chose stays.
    """
    if not _ours_to_choose():
        return
    if os.environ.get(_RANGE) == 'LOCALHOST' and os.environ.get(_PEERS, '') in _LOOPBACK:
        # Within this range rclpy adds shared memory to every profile, so it is said otherwise.
        os.environ.update(dict.fromkeys(_VARIABLES, _profile('loopback.xml')))
        os.environ[_RANGE] = 'SYSTEM_DEFAULT'
    else:
        os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')


def _ours_to_choose() -> bool:
    """The user has chosen no profile."""
    return all(os.environ.get(name) in {None, '', _profile('local.xml')} for name in _VARIABLES)


def _profile(name: str) -> str:
    return str(share() / 'config' / 'dds' / name)


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
