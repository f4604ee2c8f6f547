# SPDX-License-Identifier: Apache-2.0
"""Where the arm was a moment ago, since a picture shows it as it was when it was taken."""

from collections import deque

from vla_safety.motion import NS, Array

KEPT_S = 1.0
"""Pictures older than this show an arm that nobody remembers [s]."""
_AHEAD_NS = 50_000_000


class PostureHistory:
    """Postures of the last second, by their stamps."""

    def __init__(self) -> None:
        """Nothing is remembered."""
        self._postures: deque[tuple[int, Array]] = deque()

    def add(self, stamp_ns: int, posture: Array) -> None:
        """Remember a posture. One from before the last means that the clock was set back."""
        if self._postures and stamp_ns < self._postures[-1][0]:
            self._postures.clear()
        if not self._postures or stamp_ns > self._postures[-1][0]:
            self._postures.append((stamp_ns, posture))
        while stamp_ns - self._postures[0][0] > KEPT_S * NS:
            self._postures.popleft()

    def at(self, stamp_ns: int) -> Array | None:
        """The posture then, between those around it; None for a time that is not remembered."""
        after = next((k for k, (t, _) in enumerate(self._postures) if t >= stamp_ns), None)
        if after is None:
            newest = self._postures[-1] if self._postures else None
            return newest[1] if newest and stamp_ns - newest[0] <= _AHEAD_NS else None
        later_ns, later = self._postures[after]
        if later_ns == stamp_ns:
            return later
        if after == 0:
            return None
        sooner_ns, sooner = self._postures[after - 1]
        share = (stamp_ns - sooner_ns) / (later_ns - sooner_ns)
        return sooner + share * (later - sooner)
