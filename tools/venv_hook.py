# SPDX-License-Identifier: Apache-2.0
"""Runs at the start of every Python of the virtual environment, which carries a copy of this file.

Three things must hold before anything is imported, however the process was started: the dynamic
linker finds the libraries of our interfaces, no other ROS installation is mixed in with the wheels,
and caches and logs stay inside the checkout. The first needs the process to start again, once.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import MutableMapping

WHEELS_ARE_SET_UP = '_ROS_WHEELS_BOOTSTRAP_COMPLETE'
# The process that has done so: the linker drops its path for a Python with capabilities, each time.
STARTED_AGAIN = '_VLA_CONTROL_STARTED_AGAIN'
OUTPUTS = {
    'ROS_HOME': 'out/log/ros',
    'ROS_LOG_DIR': 'out/log/ros',
    'MPLCONFIGDIR': 'out/cache/matplotlib',
    'MESA_SHADER_CACHE_DIR': 'out/cache/mesa',
}


def enter(root: str, sourced: bool) -> None:
    """Prepare this process, or start it again with the right environment.

    Args:
        root: Folder of the checkout.
        sourced: Whether ROS is the sourced installation and not the wheels.
    """
    process = str(os.getpid())  # stays the same
    if prepare(os.environ, sys.prefix, root, sourced) and os.environ.get(STARTED_AGAIN) != process:
        os.environ[STARTED_AGAIN] = process
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def prepare(environ: MutableMapping[str, str], prefix: str, root: str, sourced: bool) -> bool:
    """Change the environment to what our processes need.

    Returns:
        Whether the process must start again: the linker has read its path already.
    """
    for name, folder in OUTPUTS.items():
        environ.setdefault(name, os.path.join(root, folder))
    own = [os.path.join(prefix, 'lib')]
    own += sorted(glob.glob(os.path.join(prefix, 'lib', 'python3*', 'site-packages', 'ros_*.libs')))
    libraries = parts(environ, 'LD_LIBRARY_PATH')
    if libraries[: len(own)] == own or (sourced and own[0] in libraries):
        return False
    if sourced:  # what is built from the same sources by colcon comes first
        join(environ, 'LD_LIBRARY_PATH', [*libraries, *own])
        join(environ, 'AMENT_PREFIX_PATH', [*parts(environ, 'AMENT_PREFIX_PATH'), prefix])
        return True
    leave_other_installations(environ, prefix)
    join(environ, 'LD_LIBRARY_PATH', [*own, *parts(environ, 'LD_LIBRARY_PATH')])
    environ['AMENT_PREFIX_PATH'] = prefix
    environ[WHEELS_ARE_SET_UP] = '1'
    return True


def leave_other_installations(environ: MutableMapping[str, str], prefix: str) -> None:
    """Take a sourced ROS installation out of the environment: its libraries do not mix."""
    foreign = [part for part in parts(environ, 'AMENT_PREFIX_PATH') if part != prefix]
    for name in ('LD_LIBRARY_PATH', 'PYTHONPATH', 'CMAKE_PREFIX_PATH'):
        kept = [
            part
            for part in parts(environ, name)
            if not any(part == other or part.startswith(other + os.sep) for other in foreign)
        ]
        join(environ, name, kept)
    for name in ('AMENT_PREFIX_PATH', 'COLCON_PREFIX_PATH', 'ROS_DISTRO', 'ROS_PYTHON_VERSION'):
        environ.pop(name, None)


def parts(environ: MutableMapping[str, str], name: str) -> list[str]:
    """Split a path variable; an unset one has no parts."""
    return [part for part in environ.get(name, '').split(os.pathsep) if part]


def join(environ: MutableMapping[str, str], name: str, values: list[str]) -> None:
    """Set a path variable, each part once; without parts it is unset."""
    environ.pop(name, None)
    if values:
        environ[name] = os.pathsep.join(dict.fromkeys(values))
