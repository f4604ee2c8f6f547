# SPDX-License-Identifier: Apache-2.0
"""What the machine must already have: every lack is named, with the Debian package that mends it.

Knows nothing of what is installed into the checkout.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from tools.errors import SetupError

PYTHON_OLDEST = (3, 11)
PYTHON_NEWEST = {'wheels': (3, 13), 'sourced': (3, 14)}
MACHINES = {'wheels': ('x86_64',), 'sourced': ('x86_64', 'aarch64')}
"""By where ROS comes from: the wheels are published for less than what ROS runs on."""
DISK_GB = 3.0


def check(root: Path, distro: str) -> None:
    """Raise SetupError that lists all that is missing.

    Args:
        root: Folder of the checkout.
        distro: The sourced ROS distribution; empty if ROS comes as wheels.
    """
    source = 'sourced' if distro else 'wheels'
    include = sysconfig.get_paths()['include']
    lacks = python_lacks(sys.version_info[:2], PYTHON_NEWEST[source], include)
    lacks += platform_lacks(platform.system(), platform.machine(), MACHINES[source])
    lacks += compiler_lacks() + graphics_lacks(root)
    lacks += disk_lacks(shutil.disk_usage(root).free)
    if lacks:
        lines = ''.join(f'\n  - {lack}' for lack in lacks)
        raise SetupError(f'this machine lacks what the set-up needs:{lines}')


def python_lacks(version: tuple[int, ...], newest: tuple[int, ...], include: str) -> list[str]:
    """Check the interpreter: its version, the venv module and the header for C extensions."""
    if not PYTHON_OLDEST <= version <= newest:
        names = [f'python3.{minor}' for minor in range(PYTHON_OLDEST[1], newest[1] + 1)]
        found = [name for name in names if shutil.which(name)]
        advice = f'make … PYTHON={found[0]}' if found else f'install {names[0]}'
        bounds = ' to '.join('.'.join(map(str, bound)) for bound in (PYTHON_OLDEST, newest))
        return [f'Python {bounds}: this is {".".join(map(str, version))}; {advice}']
    name = f'python{version[0]}.{version[1]}'
    lacks = []
    if not all(map(importlib.util.find_spec, ('venv', 'ensurepip'))):
        lacks.append(f'the venv module of {name}: Debian package {name}-venv')
    if not Path(include, 'Python.h').is_file():
        lacks.append(f'Python.h of {name} in {include}: Debian package {name}-dev')
    return lacks


def platform_lacks(system: str, machine: str, machines: Iterable[str]) -> list[str]:
    """Check the operating system and the processor."""
    if system == 'Linux' and machine in machines:
        return []
    wanted = ' or '.join(machines)
    return [f'Linux on {wanted}: this is {system} on {machine}, where ROS must be sourced']


def compiler_lacks() -> list[str]:
    """Check the C and C++ compilers, which build the ROS interfaces."""
    lacks = []
    for language, names, package in (
        ('C', ('cc', 'gcc', 'clang'), 'gcc'),
        ('C++', ('c++', 'g++', 'clang++'), 'g++'),
    ):
        if not any(map(shutil.which, names)):
            lacks.append(f'a {language} compiler ({", ".join(names)}): Debian package {package}')
    return lacks


def graphics_lacks(root: Path) -> list[str]:
    """Check headless OpenGL in a process of its own: a broken driver may crash it."""
    done = subprocess.run(
        [sys.executable, '-m', 'tools.graphics'],
        cwd=root,
        text=True,
        stderr=subprocess.PIPE,
        env=os.environ | {'MESA_SHADER_CACHE_DISABLE': 'true'},
        check=False,
    )
    if done.returncode == 0:
        return []
    if done.returncode < 0:
        return [f'a graphics driver that starts: EGL crashed with signal {-done.returncode}']
    return done.stderr.splitlines()[-1:]


def disk_lacks(free: int) -> list[str]:
    """Check the free space in bytes where the checkout is."""
    if free >= DISK_GB * 1e9:
        return []
    return [f'{DISK_GB:.0f} GB of free disk space: {free / 1e9:.1f} GB are free']
