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
from dataclasses import dataclass
from pathlib import Path

from tools.errors import SetupError

PYTHON_OLDEST = (3, 11)
PYTHON_NEWEST = {'wheels': (3, 13), 'sourced': (3, 14)}
MACHINES = {'wheels': ('x86_64',), 'sourced': ('x86_64', 'aarch64')}
"""By where ROS comes from: the wheels are published for less than what ROS runs on."""
DISK_GB = 3.0


@dataclass(frozen=True)
class Lack:
    """Something the machine lacks."""

    what: str
    packages: str = ''
    """Debian packages that bring it; empty if none does."""

    def __str__(self) -> str:
        """Name it, and what to install."""
        return f'{self.what}: apt install {self.packages}' if self.packages else self.what


def check(root: Path, distro: str) -> None:
    """Raise SetupError that lists all that is missing.

    Args:
        root: Folder of the checkout.
        distro: The sourced ROS distribution; empty if ROS comes as wheels.
    """
    lacks = all_lacks(root, distro)
    if lacks:
        lines = ''.join(f'\n  - {lack}' for lack in lacks)
        raise SetupError(f'this machine lacks what the set-up needs:{lines}')


def all_lacks(root: Path, distro: str) -> list[Lack]:
    """List all that is missing."""
    source = 'sourced' if distro else 'wheels'
    include = sysconfig.get_paths()['include']
    return [
        *python_lacks(sys.version_info[:2], PYTHON_NEWEST[source], include),
        *platform_lacks(platform.system(), platform.machine(), MACHINES[source]),
        *compiler_lacks(),
        *graphics_lacks(root),
        *disk_lacks(shutil.disk_usage(root).free),
    ]


def python_lacks(version: tuple[int, ...], newest: tuple[int, ...], include: str) -> list[Lack]:
    """Check the interpreter: its version, the venv module and the header for C extensions."""
    if not PYTHON_OLDEST <= version <= newest:
        names = [f'python3.{minor}' for minor in range(PYTHON_OLDEST[1], newest[1] + 1)]
        found = [name for name in names if shutil.which(name)]
        bounds = ' to '.join('.'.join(map(str, bound)) for bound in (PYTHON_OLDEST, newest))
        here = f'Python {bounds}: this is {".".join(map(str, version))}'
        return [Lack(f'{here}; make … PYTHON={found[0]}') if found else Lack(here, names[0])]
    name = f'python{version[0]}.{version[1]}'
    lacks = []
    if not all(map(importlib.util.find_spec, ('venv', 'ensurepip'))):
        lacks.append(Lack(f'the modules venv and ensurepip of {name}', f'{name}-venv'))
    if not Path(include, 'Python.h').is_file():
        lacks.append(Lack(f'Python.h of {name} in {include}', f'{name}-dev'))
    return lacks


def platform_lacks(system: str, machine: str, machines: Iterable[str]) -> list[Lack]:
    """Check the operating system and the processor."""
    if system == 'Linux' and machine in machines:
        return []
    wanted = ' or '.join(machines)
    return [Lack(f'Linux on {wanted}: this is {system} on {machine}, where ROS must be sourced')]


def compiler_lacks() -> list[Lack]:
    """Check the C and C++ compilers, which build the ROS interfaces."""
    compilers = (
        ('C', ('cc', 'gcc', 'clang'), 'gcc libc6-dev'),
        ('C++', ('c++', 'g++', 'clang++'), 'g++'),
    )
    return [
        Lack(f'a {language} compiler ({", ".join(names)})', packages)
        for language, names, packages in compilers
        if not any(map(shutil.which, names))
    ]


def graphics_lacks(root: Path) -> list[Lack]:
    """Check headless OpenGL in a process of its own: a broken driver may crash it."""
    done = subprocess.run(
        [sys.executable, '-m', 'tools.graphics'],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'MESA_SHADER_CACHE_DISABLE': 'true'},
        check=False,
    )
    if done.returncode == 0:
        return []
    cause = f'EGL crashed with signal {-done.returncode}' if done.returncode < 0 else 'none starts'
    what = f'OpenGL with EGL, to draw the simulated cameras without a screen ({cause})'
    return [Lack(what, 'libegl1 libopengl0 libgl1-mesa-dri')]


def disk_lacks(free: int) -> list[Lack]:
    """Check the free space in bytes where the checkout is."""
    if free >= DISK_GB * 1e9:
        return []
    return [Lack(f'{DISK_GB:.0f} GB of free disk space: {free / 1e9:.1f} GB are free')]


if __name__ == '__main__':
    # For .ci/run: the Debian packages that are missing, and nothing else.
    print(' '.join(lack.packages for lack in all_lacks(Path.cwd(), '')))
