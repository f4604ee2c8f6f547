# SPDX-License-Identifier: Apache-2.0
"""The virtual environment and the pinned wheels in it."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tools.checkout import Checkout, contents
from tools.errors import SetupError

ALWAYS = ('base', 'build', 'dev')
ON_DEMAND = ('model',)
ALONE = {'model': 'weights'}
"""What comes with a group and without its own dependencies, which that group has already."""
CHANGING = '.changing'
BUILDER_PYTHON = re.compile(r'/opt/python/cp\d+-cp\d+/include/python3\.\d+')
BUILDER_NUMPY = re.compile(
    r'/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_core/include'
)


def install(checkout: Checkout, extra: Iterable[str] = ()) -> None:
    """Bring the virtual environment up to date with the pins."""
    discard_unusable(checkout)
    checkout.step('venv', 'Virtual environment', checkout.identity, lambda: create(checkout))
    add_groups(checkout, 'wheels', groups(checkout.distro))
    for group in extra:
        add_groups(checkout, group, (group,))
        if group in ALONE:
            add_groups(checkout, ALONE[group], (ALONE[group],), '--no-deps')


def groups(distro: str) -> tuple[str, ...]:
    """List the groups of requirements; the ROS wheels only where no ROS is sourced."""
    return ALWAYS if distro else (*ALWAYS, 'ros')


def add_groups(checkout: Checkout, stamp: str, members: tuple[str, ...], *options: str) -> None:
    """Install groups of requirements, with options of pip, unless their pins are installed."""
    files = [checkout.root / 'requirements' / f'{member}.txt' for member in members]
    pins = contents([*files, checkout.root / 'requirements' / 'constraints.txt'])
    checkout.step(
        stamp, f'Wheels ({", ".join(members)})', pins, partial(add, checkout, files, *options)
    )


def discard_unusable(checkout: Checkout) -> None:
    """Remove a virtual environment made elsewhere, by another Python, or left half changed."""
    if not checkout.venv.exists():
        return
    if (checkout.venv / CHANGING).exists():
        reason = 'its installation did not come to an end'
    elif not checkout.is_current('venv', checkout.identity):
        reason = 'it is unfinished, or was made by another Python, for another ROS or elsewhere'
    else:
        return
    print(f'Making {checkout.venv.name} anew: {reason}', flush=True)
    shutil.rmtree(checkout.venv)


def create(checkout: Checkout) -> None:
    """Make an empty virtual environment; with a sourced ROS it sees the system's packages."""
    see_system = ['--system-site-packages'] if checkout.distro else []
    checkout.run('venv', sys.executable, '-m', 'venv', *see_system, checkout.venv)


def add(checkout: Checkout, files: list[Path], *options: str) -> None:
    """Install requirements; a mark tells the next run if this one did not come to its end."""
    mark = checkout.venv / CHANGING
    mark.touch()
    constraints = checkout.root / 'requirements' / 'constraints.txt'
    chosen = [word for file in files for word in ('-r', str(file))]
    # -I: what PYTHONPATH offers does not count as installed.
    pip: tuple[str | Path, ...] = (
        checkout.python,
        '-I',
        '-m',
        'pip',
        'install',
        '--no-compile',
        *options,
    )
    try:
        checkout.run('wheels', *pip, '-c', constraints, *chosen)
    except SetupError as error:
        mark.unlink()  # pip has undone what it began
        raise SetupError(
            f'{error}\npip could not install the wheels. Is the package index reachable? '
            'Its settings: pip config list'
        ) from None
    if not checkout.distro:
        rewrite_include_paths(checkout.venv)
    mark.unlink()


def rewrite_include_paths(venv: Path) -> None:
    """Replace the include folders of the machine that built the ROS wheels by ours.

    The CMake files of the wheels name them absolutely, and CMake refuses folders that do not exist.
    """
    python = sysconfig.get_paths()['include']
    numpy = next(venv.glob('lib/python3*/site-packages/numpy/_core/include'))
    for file in venv.glob('share/*/cmake/*.cmake'):
        text = file.read_text()
        ours = BUILDER_NUMPY.sub(str(numpy), BUILDER_PYTHON.sub(python, text))
        if ours != text:
            file.write_text(ours)
