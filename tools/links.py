# SPDX-License-Identifier: Apache-2.0
"""Makes the checkout importable and its commands available: an edit needs no installation."""

from __future__ import annotations

import configparser
import importlib.util
import shutil
from pathlib import Path

from tools import venv_hook
from tools.checkout import Checkout

HOOK = '_vla_control_hook'
SHARED = ('config', 'urdf')
COMMAND = """\
import sys

from {module} import {function}

if __name__ == '__main__':  # a process that the command starts imports this, too
    sys.exit({function}())
"""
LONGEST_SHEBANG = 127


def make(checkout: Checkout) -> None:
    """Write what differs; all of it is cheap, so there is no stamp."""
    packages = next((checkout.venv / 'lib').glob('python3*/site-packages'))
    write(packages / f'{HOOK}.py', Path(venv_hook.__file__).read_text())
    call = f'{HOOK}.enter({str(checkout.root)!r}, sourced={bool(checkout.distro)})'
    write(packages / f'{HOOK}.pth', f'{checkout.root}\nimport {HOOK}; {call}\n')
    node_folder = checkout.venv / 'lib' / 'vla_control'
    node_folder.mkdir(exist_ok=True)
    for name, target in entry_points(checkout.root / 'setup.cfg').items():
        write_command(checkout, name, target)
        link(node_folder / name, checkout.venv / 'bin' / name)
    if checkout.distro and importlib.util.find_spec('ros2cli'):
        # That of the system runs in the system's Python, which lacks what our launch files import.
        write_command(checkout, 'ros2', 'ros2cli.cli:main')
    for folder in venv_hook.OUTPUTS.values():
        (checkout.root / folder).mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        link(checkout.venv / 'share' / 'vla_control' / name, checkout.root / name)
    share_launch_files(checkout.venv / 'share' / 'vla_control' / 'launch', checkout.root / 'launch')


def share_launch_files(folder: Path, launch: Path) -> None:
    """Link file by file: `ros2 launch PACKAGE FILE` does not look into a linked folder."""
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(exist_ok=True)
    for stale in set(folder.iterdir()) - {folder / file.name for file in launch.glob('*.py')}:
        stale.unlink()
    for file in launch.glob('*.py'):
        link(folder / file.name, file)


def write_command(checkout: Checkout, name: str, target: str) -> None:
    """Write a script into the virtual environment that calls `module:function`."""
    module, function = target.split(':')
    text = COMMAND.format(module=module, function=function)
    write(checkout.venv / 'bin' / name, shebang(checkout.python) + text, mode=0o755)


def entry_points(setup_cfg: Path) -> dict[str, str]:
    """Read the commands from the one place that lists them: name to `module:function`."""
    parser = configparser.ConfigParser()
    parser.read_string(setup_cfg.read_text())
    lines = parser['options.entry_points']['console_scripts'].split('\n')
    pairs = (line.split('=') for line in lines if line)
    return {name.strip(): target.strip() for name, target in pairs}


def shebang(python: Path) -> str:
    """First line of a script; a path that the kernel would not take goes through sh."""
    if ' ' in str(python) or len(str(python)) > LONGEST_SHEBANG - 3:
        return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n'''\n"
    return f'#!{python}\n'


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file if its text differs."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
        path.chmod(mode)


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in place of whatever is there."""
    if path.is_symlink() and path.readlink() == target:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
