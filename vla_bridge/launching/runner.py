# SPDX-License-Identifier: Apache-2.0
"""Runs a graph as processes, on machines where ROS's own launch is not installed.

No process manager from PyPI is used: honcho signals all programs at once and circus is a daemon
with sockets of its own, while an arm needs an order (what asks for motion stops first, what brakes
stops last) and the kernel's promise that nothing outlives the runner. What is left to write is
this file and its three small neighbours.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType

from vla_bridge.launching.graph import NodeSpec
from vla_bridge.launching.output import Output, Show
from vla_bridge.launching.process import (
    NodeProcess,
    Program,
    describe_end,
    program,
    ros_arguments,
    write_parameters,
)
from vla_contract.errors import VlaError

PATIENCE_S = {signal.SIGINT: 5.0, signal.SIGTERM: 1.0, signal.SIGKILL: 2.0}
"""How long a node may take to end after each signal."""


class NodeDeathError(VlaError):
    """A node that the graph cannot do without has ended."""

    def __init__(self, name: str, code: int, tail: list[str], log: Path, *, seen: bool) -> None:
        """Say which node, how it ended and, unless people saw it, what it said last."""
        self.name, self.code = name, code
        lines = ''.join(f'\n  | {line}' for line in tail) or '\n  | (it said nothing)'
        said = f'What it said is above, and in {log}' if seen else f'Its last lines ({log}):{lines}'
        super().__init__(f'{name} ended with {describe_end(code)}; the graph stops. {said}')


@dataclass(frozen=True)
class Ending:
    """How one node ended when the graph was stopped."""

    name: str
    code: int
    escalated: bool

    @property
    def clean(self) -> bool:
        """It stopped when asked, without complaint; some programs end by the signal itself."""
        return self.code in (0, -signal.SIGINT) and not self.escalated


@dataclass
class Runner:
    """Starts nodes on entering, stops them in order on leaving. Enter it in the main thread.

    Attributes:
        nodes: What to run.
        folder: Log and parameter files go here.
        show: Called with every line a node prints.
        hurry: Says that waiting should end; asked while stopping.
        find: Program of each node.
    """

    nodes: tuple[NodeSpec, ...]
    folder: Path
    show: Show
    hurry: Callable[[], bool] = lambda: False
    find: Program = program
    processes: list[NodeProcess] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make the folder, and the readers of what the nodes say."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = Output(self.folder, self._relay)
        self._stopping = False

    def __enter__(self) -> 'Runner':
        """Start every node; if one cannot be started, none stays."""
        if threading.current_thread() is not threading.main_thread():
            raise VlaError('a graph must be started from the main thread: its nodes die with it')
        with ExitStack() as undo:
            undo.callback(self.stop)
            for spec in self.nodes:
                self._start(spec)
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every node."""
        self.stop()

    def check(self) -> None:
        """Raise NodeDeathError if a required node has ended; say so if another has.

        Raises OSError where what the nodes say cannot be shown any more: a graph that nobody
        hears shall not run on.
        """
        if self.output.failure is not None:
            raise self.output.failure
        for process in self.processes:
            code, name = process.code, process.spec.name
            if code is None or name in self._gone:
                continue
            self._gone.add(name)
            process.sweep()
            if process.spec.required:
                time.sleep(0.2)  # its last words are still in the pipe
                tail, seen = self.output.tail(name), self.output.seen(name)
                raise NodeDeathError(name, code, tail, self.folder / f'{name}.log', seen=seen)
            self._say(
                name, 'WARN', f'ended with {describe_end(code)}; the graph goes on without it'
            )

    @property
    def clean(self) -> bool:
        """Every node stopped when asked, without complaint."""
        return all(ending.clean for ending in self.endings)

    def stop(self) -> None:
        """Stop the nodes in order, each with SIGINT, then SIGTERM, then SIGKILL."""
        self._stopping = True
        running, self.processes = self.processes, []
        by_order = sorted(running, key=lambda process: process.spec.stop_order)
        for _, group in groupby(by_order, key=lambda process: process.spec.stop_order):
            self._stop_together(list(group))
        self.output.close()

    def _start(self, spec: NodeSpec) -> None:
        command = self.find(spec)
        if command is None and spec.optional:
            if spec.asked:
                self._say(spec.name, 'WARN', f'left out: {spec.package} is not installed')
            return
        if command is None:
            raise VlaError(f'{spec.name}: the ROS package {spec.package} is not installed')
        arguments = ros_arguments(spec, write_parameters(spec, self.folder))
        process = NodeProcess.start(
            spec, [*command, *spec.arguments, *arguments], self._environment()
        )
        self.processes.append(process)
        if process.popen.stdout is not None:
            self.output.add(spec.name, process.popen.stdout)

    def _relay(self, name: str, line: str) -> bool:
        """Show a line, but not the traceback of a node stopped while it still started."""
        return (not self._stopping or line.startswith('[')) and self.show(name, line)

    def _say(self, name: str, level: str, text: str) -> None:
        """Speak for a node, in the form that nodes speak in."""
        self.show(name, f'[{level}] [{time.time():.9f}] [{name}]: {text}')

    def _environment(self) -> dict[str, str]:
        """Ours, with unbuffered output and ROS's own log files inside our folder.

        Our nodes run with our interpreter, so the library path that the ROS wheels set for it
        (see the bootstrapper's .pth file) is right for them too, and spares them an exec.
        """
        return dict(os.environ) | {
            'PYTHONUNBUFFERED': '1',
            'RCUTILS_COLORIZED_OUTPUT': '0',
            'ROS_LOG_DIR': str(self.folder / 'ros'),
        }

    def _stop_together(self, group: list[NodeProcess]) -> None:
        for number, patience_s in PATIENCE_S.items():
            waiting = [process for process in group if process.code is None]
            for process in waiting:
                process.escalated = number != signal.SIGINT
                process.signal(number)
            self._wait(waiting, patience_s)
        for process in group:
            process.sweep()
            code = process.code
            self.endings.append(
                Ending(
                    process.spec.name, -signal.SIGKILL if code is None else code, process.escalated
                )
            )

    def _wait(self, group: list[NodeProcess], patience_s: float) -> None:
        end = time.monotonic() + patience_s
        while time.monotonic() < end and any(process.code is None for process in group):
            if self.hurry():
                end = min(end, time.monotonic() + 0.1)
            time.sleep(0.01)
