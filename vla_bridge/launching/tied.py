# SPDX-License-Identifier: Apache-2.0
"""The command that runs a program tied to the life of this process; see child.py."""

import os
import sys
from pathlib import Path

_CHILD = Path(__file__).with_name('child.py')


def tied(niceness: int) -> list[str]:
    """What goes before a program, started by this process, that shall not outlive it."""
    return [sys.executable, '-I', '-S', str(_CHILD), str(os.getpid()), str(niceness)]
