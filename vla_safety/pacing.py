# SPDX-License-Identifier: Apache-2.0
"""The pace at which rows are followed: the least that joints, tool, things and people allow.

A change of pace keeps the path: the rows' clock is stretched from the next seam on.
"""

from vla_contract.robot import Workspace
from vla_safety.canonical import Canonical
from vla_safety.checks import ToolSpeedCheck
from vla_safety.motion import NS
from vla_safety.plan import Plan
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.tool_speed import ToolSpeedRule

HEADROOM = 0.9
"""Part of the tool's speed limit that planning uses."""
_FASTER_AFTER_NS = NS // 4
_SLOWER_BY, _FASTER_BY = 0.95, 1.2
"""Changes of pace smaller than these are not worth another splice."""


class Pacing:
    """Follows rows, and goes on choosing their pace.

    Attributes:
        nearness: Pace that the distance to things allows; kept up to date by the filter.
    """

    def __init__(self, workspace: Workspace, check: ToolSpeedCheck, rule: ToolSpeedRule) -> None:
        """Nothing is followed yet.

        Args:
            workspace: Speeds are asked for in terms of its tool speed.
            check: Of the same workspace.
            rule: What the tool may do now.
        """
        self.nearness = 1.0
        self._most = workspace.tool_speed
        self._check, self._rule = check, rule
        self._asked = 1.0
        self._use = 0.0
        self._changed_ns = 0

    def follow(self, plan: Plan, asked: Canonical, now_ns: int, period_s: float) -> None:
        """Follow the rows at the greatest pace allowed.

        Raises:
            RefusedError: They cannot be entered at any.
        """
        ceiling = min(asked.pace, self.nearness)
        spliced = plan.follow(asked.rows, now_ns, period_s, ceiling)
        self._asked = asked.pace
        self._use = self._check.use(spliced.motion).ratio / spliced.scale
        self._changed_ns = now_ns
        wanted = self._wanted()
        if wanted < spliced.scale:
            plan.follow(asked.rows, now_ns, period_s, wanted)

    def adjust(self, plan: Plan, now_ns: int, period_s: float) -> Finding | None:
        """Slow down or speed up; the reason to stop where slowing down is not possible."""
        intended = plan.intended
        if intended is None:
            return None
        wanted = self._wanted()
        slower = wanted < intended.scale * _SLOWER_BY
        rested = now_ns - self._changed_ns > _FASTER_AFTER_NS
        if not slower and not (rested and wanted > intended.scale * _FASTER_BY):
            return None
        self._changed_ns = now_ns
        try:
            plan.repace(now_ns, period_s, wanted)
        except RefusedError as refusal:
            if slower and refusal.reason is not Reason.ELAPSED:
                return Finding(refusal.reason, refusal.text)
        return None

    def _wanted(self) -> float:
        """The least of all paces."""
        allowed = HEADROOM * self._rule.allowed() / self._most
        by_speed = allowed / self._use if self._use > allowed else 1.0
        return min(1.0, self._asked, self.nearness, by_speed)
