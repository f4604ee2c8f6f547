# SPDX-License-Identifier: Apache-2.0
"""Where what a command prints goes to: a terminal, a file, or a pipe that may be closed."""

import errno
import os
import sys
from typing import Any

from rich.console import Console
from typing_extensions import override

WIDE = 160
"""Columns where there is no terminal: a file or a pipe has no width to fold tables at."""


class OutputError(OSError):
    """What a command says reaches nobody."""

    def __init__(self, error: OSError) -> None:
        """Say why."""
        gone = isinstance(error, BrokenPipeError)
        said = 'nobody reads it any more' if gone else error.strerror
        super().__init__(error.errno, f'the output cannot be written: {said}')


class Terminal(Console):
    """Standard output. Raises OutputError where that cannot be written."""

    def __init__(self) -> None:
        """As wide as the terminal, or as COLUMNS says."""
        known = sys.stdout.isatty() or 'COLUMNS' in os.environ
        super().__init__(highlight=False, width=None if known else WIDE)

    @override
    def print(self, *objects: Any, **how: Any) -> None:
        """Print as Console does."""
        try:
            super().print(*objects, **how)
        except OSError as error:
            drop_output()
            raise OutputError(error) from error

    @override
    def on_broken_pipe(self) -> None:
        """Raise, where Console would end the thread that happens to print."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def finish_output() -> None:
    """Write what is still held back."""
    try:
        sys.stdout.flush()
    except OSError as error:
        drop_output()
        raise OutputError(error) from error


def drop_output() -> None:
    """Print into nothing from now on, so that Python's end does not try in vain to print the rest.

    Text that is still held back is lost with the place it was meant for.
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
