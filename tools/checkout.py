# SPDX-License-Identifier: Apache-2.0
"""The checkout and its virtual environment: where things lie, which ROS it uses, what is done.

A step leaves a stamp, the digest of all that it depends on; a step whose stamp matches is skipped.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import venv_hook
from tools.errors import SetupError

TAIL_LINES = 25


def importable(name: str) -> bool:
    """Tell whether this Python can import a package, in a process of its own."""
    command = [sys.executable, '-c', f'import {name}']
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def sourced_ros(environ: Mapping[str, str], can_import: Callable[[str], bool] = importable) -> str:
    """Name the ROS distribution that is sourced and fits this Python; empty if there is none."""
    distro = environ.get('ROS_DISTRO', '')
    if not distro or can_import('rclpy'):
        return distro
    version = '.'.join(map(str, sys.version_info[:2]))
    print(f'ROS {distro} is sourced, but Python {version} cannot import its rclpy: taking wheels')
    return ''


@dataclass(frozen=True)
class Checkout:
    """A checkout, to be set up with a sourced ROS distribution or, if `distro` is empty, wheels."""

    root: Path
    distro: str = ''
    kept_open: tuple[int, ...] = ()  # the lock: held until the last program we started has ended

    @property
    def venv(self) -> Path:
        """The virtual environment, which is also the prefix our interfaces are installed into."""
        return self.root / '.venv'

    @property
    def python(self) -> Path:
        """The interpreter of the virtual environment."""
        return self.venv / 'bin' / 'python'

    @property
    def identity(self) -> str:
        """All that a virtual environment is bound to: it can neither be moved nor change ROS."""
        version = '.'.join(map(str, sys.version_info[:2]))
        prefixes = os.environ.get('AMENT_PREFIX_PATH', '') if self.distro else ''
        return '\n'.join([str(self.venv), version, self.distro or 'wheels', prefixes])

    @property
    def environ(self) -> dict[str, str]:
        """The environment for the programs that the set-up starts."""
        environ = dict(os.environ)
        venv_hook.prepare(environ, str(self.venv), str(self.root), bool(self.distro))
        prefixes = [str(self.venv), *venv_hook.parts(environ, 'CMAKE_PREFIX_PATH')]
        environ['CMAKE_PREFIX_PATH'] = os.pathsep.join(prefixes)
        environ['PATH'] = os.pathsep.join([str(self.venv / 'bin'), os.environ.get('PATH', '')])
        return environ | {'PIP_NO_CACHE_DIR': '1', 'PIP_USER': '0', 'PIP_NO_INPUT': '1'}

    def run(self, log: str, *command: str | Path) -> None:
        """Run a program with its output in `out/log/setup-<log>.log`; show the end on failure."""
        path = self.root / 'out' / 'log' / f'setup-{log}.log'
        path.parent.mkdir(parents=True, exist_ok=True)
        words = [str(word) for word in command]
        with path.open('a') as file:
            file.write(f'$ {" ".join(words)}\n')
            file.flush()
            done = subprocess.run(
                words,
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=self.kept_open,
                check=False,
            )
        if done.returncode:
            tail = path.read_text(errors='replace').splitlines()[-TAIL_LINES:]
            lines = ''.join(f'\n  | {line}' for line in tail)
            ended = f'{log}: {Path(words[0]).name} ended with {done.returncode}'
            raise SetupError(f'{ended}:{lines}\nAll of it: {path}')

    def step(self, name: str, title: str, inputs: str, action: Callable[[], None]) -> bool:
        """Do a step unless its stamp says that nothing it depends on has changed.

        Args:
            name: Name of the stamp.
            title: What the user reads while it runs.
            inputs: All that the result depends on.
            action: What to do; the stamp is written when it returns.

        Returns:
            Whether there was something to do.
        """
        stamp = self.venv / '.stamps' / name
        if self.is_current(name, inputs):
            return False
        stamp.unlink(missing_ok=True)
        print(f'{title} …', end=' ', flush=True)
        start = time.monotonic()
        action()
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest(inputs))
        print(f'{time.monotonic() - start:.0f} s', flush=True)
        return True

    def is_current(self, name: str, inputs: str) -> bool:
        """Tell whether the result of a step is there and made from these inputs."""
        stamp = self.venv / '.stamps' / name
        return stamp.is_file() and stamp.read_text() == digest(inputs)


def digest(text: str) -> str:
    """Shorten text to what identifies it."""
    return hashlib.sha256(text.encode()).hexdigest()


def contents(paths: Iterable[Path]) -> str:
    """Names and contents of files, in order."""
    return ''.join(f'{path}\n{path.read_text()}\n' for path in sorted(paths))
