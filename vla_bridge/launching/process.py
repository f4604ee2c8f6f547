# SPDX-License-Identifier: Apache-2.0
"""One node as a process: the command line made of its specification, and its end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from vla_bridge.launching.graph import OURS, NodeSpec
from vla_bridge.launching.tied import tied

Program = Callable[[NodeSpec], list[str] | None]
"""The program of a node, or None where its package is not installed."""


def program(spec: NodeSpec) -> list[str] | None:
    """Our nodes run with this interpreter, those of other packages from where ROS has them."""
    if spec.package == OURS:
        return [sys.executable, '-m', f'vla_bridge.nodes.{spec.executable}']
    try:
        prefix = get_package_prefix(spec.package)
    except PackageNotFoundError:
        return None
    return [str(Path(prefix) / 'lib' / spec.package / spec.executable)]


def write_parameters(spec: NodeSpec, folder: Path) -> Path:
    """Write a node's parameters as a ROS parameter file: long values do not fit a command line."""
    path = folder / f'{spec.name}.yaml'
    value = {'/**': {'ros__parameters': dict(spec.parameters)}}
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding='utf-8')
    return path


def ros_arguments(spec: NodeSpec, parameters: Path) -> list[str]:
    """What follows the program: names, remappings, parameter files, log level."""
    rules = [f'__node:={spec.name}', f'__ns:=/{spec.namespace.strip("/")}']
    rules += [f'{old}:={new}' for old, new in spec.remappings]
    files = [str(parameters), *([spec.params_file] if spec.params_file else [])]
    return [
        '--ros-args',
        *(part for rule in rules for part in ('-r', rule)),
        *(part for file in files for part in ('--params-file', file)),
        '--log-level',
        spec.log_level,
    ]


@dataclass
class NodeProcess:
    """A running node, leader of a process group of its own.

    Attributes:
        spec: What it was started from.
        popen: The process.
        escalated: It took more than SIGINT to end it.
    """

    spec: NodeSpec
    popen: subprocess.Popen[bytes]
    escalated: bool = False

    @classmethod
    def start(
        cls, spec: NodeSpec, command: list[str], environment: dict[str, str]
    ) -> 'NodeProcess':
        """Start a node, tied to the life of the calling thread."""
        with _interrupts_held():
            popen = subprocess.Popen(
                [*tied(spec.niceness, hold=spec.package == OURS), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment | spec.environment,
                process_group=0,
            )
        return cls(spec, popen)

    @property
    def code(self) -> int | None:
        """Exit code, negative for a signal, None while it runs."""
        return self.popen.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the node and to whatever it started."""
        if self.code is None:
            os.killpg(self.popen.pid, number)

    def sweep(self) -> None:
        """Kill what the node may have left behind in its process group."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started meanwhile is born with SIGINT held; child.py lets it in where it may."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_end(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f'exit code {code}'
    try:
        return f'signal {signal.Signals(-code).name}'
    except ValueError:
        return f'signal {-code}'
