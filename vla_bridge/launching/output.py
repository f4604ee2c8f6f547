# SPDX-License-Identifier: Apache-2.0
"""What the nodes say: one thread reads all their pipes, line by line."""

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

Show = Callable[[str, str], bool]
"""Called with the node's name and one line, from the reading thread; tells if people see it."""

TAIL = 12
"""Lines kept of each node, to be shown when it dies."""


@dataclass
class _Stream:
    name: str
    log: IO[bytes]
    tail: deque[str]
    rest: bytes = b''
    lost: bool = False


@dataclass
class Output:
    """Reads the nodes' pipes, keeps a log file each, and shows every line.

    Attributes:
        folder: Log files go here, one a node.
        show: Called with every line, until it fails.
        failure: Why lines are not shown any more, None while they are.
    """

    folder: Path
    show: Show
    failure: OSError | None = None
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _tails: dict[str, deque[str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _thread: threading.Thread | None = None
    _closing: bool = False

    def add(self, name: str, pipe: IO[bytes]) -> None:
        """Read a node's pipe from now on."""
        os.set_blocking(pipe.fileno(), False)
        tail: deque[str] = deque(maxlen=TAIL)
        self._tails[name] = tail
        log = (self.folder / f'{name}.log').open('ab', buffering=0)
        self._selector.register(pipe, selectors.EVENT_READ, _Stream(name, log, tail))
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name='output', daemon=True)
            self._thread.start()

    def tail(self, name: str) -> list[str]:
        """The last lines of a node."""
        return list(self._tails.get(name, ()))

    def seen(self, name: str) -> bool:
        """People have seen words of this node."""
        return name in self._seen

    def close(self) -> None:
        """Read what is left in the pipes, and stop."""
        self._closing = True
        if self._thread is not None:
            self._thread.join(2.0)

    def _read(self) -> None:
        """Until closed and drained. A pipe held open by a stray child cannot keep us."""
        while True:
            ready = self._selector.select(timeout=0.1)
            for key, _ in ready:
                pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
                self._take(pipe, key.data)
            if self._closing and not ready:
                break
        for key in list(self._selector.get_map().values()):
            self._end(key.fileobj, key.data)  # type: ignore[arg-type]

    def _take(self, pipe: IO[bytes], stream: _Stream) -> None:
        block = os.read(pipe.fileno(), 65536)
        if not block:
            self._end(pipe, stream)
            return
        self._keep(stream, block)
        *lines, stream.rest = (stream.rest + block).split(b'\n')
        for line in lines:
            self._say(stream, line)

    def _keep(self, stream: _Stream, block: bytes) -> None:
        """Write to the log; nodes never wait for a disk that is full."""
        if stream.lost:
            return
        try:
            stream.log.write(block)
        except OSError as error:
            stream.lost = True
            problem = f'{stream.log.name} is not written any more: {error.strerror}'
            self._show(stream.name, f'[WARN] [{time.time():.9f}] [{stream.name}]: {problem}')

    def _say(self, stream: _Stream, line: bytes) -> None:
        text = line.decode(errors='replace').rstrip('\r')
        if self._show(stream.name, text):
            self._seen.add(stream.name)
        stream.tail.append(text)

    def _show(self, name: str, line: str) -> bool:
        """Show a line; the pipes are read on even where nothing can be shown any more."""
        if self.failure is not None:
            return False
        try:
            return self.show(name, line)
        except OSError as error:
            self.failure = error
            return False

    def _end(self, pipe: IO[bytes], stream: _Stream) -> None:
        self._selector.unregister(pipe)
        if stream.rest:
            self._say(stream, stream.rest)
            stream.rest = b''
        stream.log.close()
        pipe.close()
