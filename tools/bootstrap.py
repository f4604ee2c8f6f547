# SPDX-License-Identifier: Apache-2.0
"""Sets up the checkout: `python3 -m tools.bootstrap`, which is `make setup`.

Checks what the machine must have, then brings `.venv` up to date: pinned wheels, ROS interfaces,
commands. Does only what has changed, and may be interrupted at any point. Where ROS is sourced,
that installation is used in place of the wheels. Needs Python and nothing else.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
from pathlib import Path

from tools import interfaces, links, prerequisites, wheels
from tools.checkout import Checkout, sourced_ros
from tools.errors import SetupError

ROOT = Path(__file__).resolve().parents[1]
INTERRUPTED = 130


def main() -> int:
    """Set up the checkout; the exit status is 0, 1 with a message, or 130 when interrupted."""
    arguments = parse()
    try:
        if not arguments.this_python:
            continue_with(ROOT / '.venv')
        set_up(arguments.groups)
    except SetupError as error:
        print(f'\nSet-up failed: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nSet-up interrupted; the next run continues.', file=sys.stderr)
        return INTERRUPTED
    return 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog='make setup', description=__doc__)
    parser.add_argument(
        '--this-python',
        action='store_true',
        help='use the Python that runs this, even if .venv was made by another',
    )
    parser.add_argument(
        'groups', nargs='*', choices=[[], *wheels.ON_DEMAND], help='further groups of requirements'
    )
    return parser.parse_args()


def continue_with(venv: Path) -> None:
    """Go on with the Python that made the virtual environment, if that is another one."""
    settings = venv / 'pyvenv.cfg'
    if not settings.is_file():
        return
    pairs = (line.partition('=') for line in settings.read_text().splitlines())
    made_by = {key.strip(): value.strip() for key, _, value in pairs}.get('executable', '')
    if os.access(made_by, os.X_OK) and not Path(made_by).samefile(sys.executable):
        command = [made_by, '-m', 'tools.bootstrap', '--this-python', *sys.argv[1:]]
        os.execv(made_by, command)


def set_up(groups: list[str]) -> None:
    """Do all that is not yet done, one process at a time."""
    with (ROOT / '.venv.lock').open('w') as lock:
        wait_for(lock.fileno())
        start = time.monotonic()
        checkout = Checkout(ROOT, sourced_ros(os.environ), (lock.fileno(),))
        prerequisites.check(ROOT, checkout.distro)
        wheels.install(checkout, groups)
        interfaces.build(checkout)
        links.make(checkout)
        taken = time.monotonic() - start
        if taken > 1:
            print(f'Ready in {taken:.0f} s', flush=True)


def wait_for(lock: int) -> None:
    """Wait until no other set-up of this checkout runs."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print('Another set-up of this checkout is running: waiting for it', flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


if __name__ == '__main__':
    sys.exit(main())
