# SPDX-License-Identifier: Apache-2.0
"""Ask the kernel for real-time scheduling, and say what came of it."""

import os

PRIORITY = 20


def ask_for_realtime() -> str:
    """Put this thread under SCHED_FIFO where permitted; the answer is for the log."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        return (
            'SCHED_FIFO is not permitted here: timing is best effort '
            '(set rtprio in /etc/security/limits.d to allow it)'
        )
    return f'SCHED_FIFO priority {PRIORITY}'
