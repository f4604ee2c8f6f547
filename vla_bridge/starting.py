# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a program of ours still imports: it ends at once, without a word.

What a program needs takes seconds to import, in which nothing moves and nothing is open. Python's
own answer to Ctrl-C is an exception somewhere inside a library, which prints pages there, or is
taken for a library that is missing. Knows nothing of ROS: it must be there before all else.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


def end_at_once(code: int, program: str) -> None:
    """End with this exit code on SIGINT, until the program brings a handler of its own.

    Called where a package is imported first. Does nothing where the package is imported by
    anything but its own programs, such as a test: the handler is theirs.

    Args:
        code: Exit code.
        program: How the names of the package's programs end; `python -m` counts as one.
    """
    name = Path(sys.argv[0]).name  # '-m' while Python looks for the module it was told to run
    if threading.current_thread() is not threading.main_thread():
        return
    if name == '-m' or name.endswith(program):

        def end(_number: int, _frame: FrameType | None) -> None:
            os._exit(code)

        signal.signal(signal.SIGINT, end)
        take_interrupts()


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, Ctrl-C raises KeyboardInterrupt, for work that has something to end by itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def take_interrupts() -> None:
    """Let SIGINT in: the launcher holds it back from a node that cannot answer yet."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
