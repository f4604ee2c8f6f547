# SPDX-License-Identifier: Apache-2.0
"""The command that runs a program tied to the life of this process; see child.py."""

import os
import sys
from pathlib import Path

_CHILD = Path(__file__).with_name('child.py')


def tied(niceness: int, *, hold: bool = False) -> list[str]:
    """What goes before a program, started by this process, that shall not outlive it.

    Args:
        niceness: Added to this process's.
        hold: Keep SIGINT from the program until it lets it in.
    """
    numbers = map(str, (os.getpid(), niceness, int(hold)))
    return [sys.executable, '-I', '-S', str(_CHILD), *numbers]
