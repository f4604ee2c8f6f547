# SPDX-License-Identifier: Apache-2.0
"""What the machine must already have: every lack is named, with the Debian package that mends it.

Knows nothing of what is installed into the checkout.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.errors import SetupError

PYTHON_OLDEST = (3, 11)
PYTHON_NEWEST = (3, 13)
MACHINES = ('x86_64', 'aarch64')
DISK_GB = 3.0


def check(root: Path) -> None:
    """Raise SetupError that lists all that is missing to set up the checkout in `root`."""
    lacks = python_lacks(sys.version_info[:2], sysconfig.get_paths()['include'])
    lacks += platform_lacks(platform.system(), platform.machine())
    lacks += compiler_lacks() + graphics_lacks(root)
    lacks += disk_lacks(shutil.disk_usage(root).free)
    if lacks:
        lines = ''.join(f'\n  - {lack}' for lack in lacks)
        raise SetupError(f'this machine lacks what the set-up needs:{lines}')


def python_lacks(version: tuple[int, ...], include: str) -> list[str]:
    """Check the interpreter: its version, the venv module and the header for C extensions."""
    oldest, newest = ('.'.join(map(str, bound)) for bound in (PYTHON_OLDEST, PYTHON_NEWEST))
    if not PYTHON_OLDEST <= version <= PYTHON_NEWEST:
        found = [f'python3.{minor}' for minor in range(PYTHON_OLDEST[1], PYTHON_NEWEST[1] + 1)]
        found = [name for name in found if shutil.which(name)]
        advice = f'make … PYTHON={found[0]}' if found else f'install Python {oldest}'
        return [f'Python {oldest} to {newest}: this is {sys.version.split()[0]}; {advice}']
    name = f'python{version[0]}.{version[1]}'
    lacks = []
    if not all(map(importlib.util.find_spec, ('venv', 'ensurepip'))):
        lacks.append(f'the venv module of {name}: Debian package {name}-venv')
    if not Path(include, 'Python.h').is_file():
        lacks.append(f'Python.h of {name} in {include}: Debian package {name}-dev')
    return lacks


def platform_lacks(system: str, machine: str) -> list[str]:
    """Check the operating system and processor, for which there must be ROS wheels."""
    if system == 'Linux' and machine in MACHINES:
        return []
    return [f'Linux on {" or ".join(MACHINES)}: this is {system} on {machine}']


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
