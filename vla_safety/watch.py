# SPDX-License-Identifier: Apache-2.0
"""Heartbeats that must be heard for the arm to move."""

import math
from collections.abc import Mapping

from vla_safety.motion import NS
from vla_safety.reasons import Finding, Reason


class Watch:
    """Remembers when each companion was last heard.

    Attributes:
        companions: Names, and the reason to give where one is silent.
        timeout_s: Silence that counts.
        heard_ns: When each was last heard, by the steady clock.
    """

    def __init__(self, companions: Mapping[str, Reason], timeout_s: float) -> None:
        """Watch these companions.

        Args:
            companions: Names, and the reason to give where one is silent.
            timeout_s: Silence that counts.
        """
        self.companions = dict(companions)
        self.timeout_s = timeout_s
        self.heard_ns: dict[str, int] = {}

    def heard(self, companion: str, steady_ns: int) -> None:
        """A heartbeat arrived."""
        self.heard_ns[companion] = steady_ns

    def age_s(self, companion: str, steady_ns: int) -> float:
        """Time since the last heartbeat; NaN where none was ever heard [s]."""
        last = self.heard_ns.get(companion)
        return math.nan if last is None else (steady_ns - last) / NS

    def finding(self, steady_ns: int) -> Finding | None:
        """The first companion that is silent, or None."""
        for name, reason in self.companions.items():
            age = self.age_s(name, steady_ns)
            if math.isnan(age):
                return Finding(reason, f'{name} was never heard')
            if age > self.timeout_s:
                text = f'{name} was last heard {age:.3f} s ago; at most {self.timeout_s:g} s'
                return Finding(reason, text)
        return None
