# SPDX-License-Identifier: Apache-2.0
"""Too many refusals in too short a time: whatever sends the chunks is out of order."""

from collections import deque

from vla_safety.motion import NS
from vla_safety.reasons import Finding, Reason

MOST = 50
"""Refusals within WITHIN_S that make a storm: no policy answers as often."""
WITHIN_S = 1.0


class RejectStorm:
    """Remembers when chunks were refused."""

    def __init__(self) -> None:
        """None was."""
        self._times_ns: deque[int] = deque(maxlen=MOST)

    def refused(self, now_ns: int) -> Finding | None:
        """One more was; the reason to stop where they come too fast."""
        self._times_ns.append(now_ns)
        lasted_s = (now_ns - self._times_ns[0]) / NS
        if len(self._times_ns) < MOST or not 0 <= lasted_s <= WITHIN_S:
            return None
        text = f'{MOST} chunks were refused within {lasted_s:.2f} s; end what sends them, then arm'
        return Finding(Reason.REJECT_STORM, text)

    def forget(self) -> None:
        """Begin to count anew."""
        self._times_ns.clear()
