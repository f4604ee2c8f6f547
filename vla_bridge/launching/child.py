# SPDX-License-Identifier: Apache-2.0
"""Becomes the program it is given, tied to the life of the runner that started it.

Run as a file, isolated and without site packages, so that it costs a few milliseconds:
``python -I -S child.py RUNNER_PID NICENESS HOLD PROGRAM …``. The runner is ours or ROS's launch.
The kernel kills the program at once when the thread that started it ends, however that ends: no
node goes on moving an arm after the one who could stop it is gone. The tie survives the exec, and
so does HOLD (1 or 0): SIGINT waits until the program lets it in, as our nodes do once they can
answer it (vla_bridge.starting), instead of meeting Python half started.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
RUNNER_GONE, NO_SUCH_PROGRAM = 1, 127


def main() -> int:
    """Tie this process to the runner, be as nice as asked, and become the program."""
    runner, niceness, hold = map(int, sys.argv[1:4])
    program = sys.argv[4:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK if hold else signal.SIG_UNBLOCK, {signal.SIGINT})
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != runner:
        return RUNNER_GONE
    os.nice(niceness)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        print(f'{program[0]} cannot be run: {error.strerror}', file=sys.stderr)
        return NO_SUCH_PROGRAM


if __name__ == '__main__':
    sys.exit(main())
