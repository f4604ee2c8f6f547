# SPDX-License-Identifier: Apache-2.0
"""The pace at which rows are followed: the least that joints, tool, things and people allow.

A change of pace keeps the path: the rows' clock is stretched from the next seam on.
"""

from collections.abc import Callable
from functools import partial

from vla_contract.robot import Workspace
from vla_safety.canonical import Canonical
from vla_safety.checks import ToolSpeedCheck
from vla_safety.motion import NS
from vla_safety.plan import Entry, Plan
from vla_safety.reasons import Finding, Reason, RefusedError
from vla_safety.splice import Spliced
from vla_safety.tool_speed import ToolSpeedRule

HEADROOM = 0.9
"""Part of the tool's speed limit that planning uses."""
_FASTER_AFTER_NS = NS // 4
_SLOWER_BY, _FASTER_BY = 0.95, 1.2
"""Changes of pace smaller than these are not worth another splice."""
_TRIES = 4
"""Ways that are tried for one chunk."""
_GENTLER = 1.1
_ROUNDING = 1e-3
_GLANCE_NS = 1_000_000
_SETTLE_NS = NS * 3 // 10
"""Within this, an arm that is too fast is slow enough."""


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
        self._asked, self._changed_ns = asked.pace, now_ns
        ceiling = min(asked.pace, self.nearness)
        plan.follow(self._slow(partial(plan.entry, asked.rows, now_ns, period_s), ceiling))

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
            plan.follow(self._slow(partial(plan.reentry, now_ns, period_s), wanted))
        except RefusedError as refusal:
            if slower and refusal.reason is not Reason.ELAPSED:
                return Finding(refusal.reason, refusal.text)
        return None

    def _slow(self, enter: Callable[[float, int], Entry], ceiling: float) -> Entry:
        """Enter at a pace at which the tool is slow enough, and as gently as that asks for.

        The way into the rows fades out as soon as joints allow, whatever the pace of the rows.

        Raises:
            RefusedError: The rows cannot be entered, or not slowly enough.
        """
        entry = enter(ceiling, 0)
        for _ in range(_TRIES):
            spliced = entry.spliced
            on_the_way, fastest = self._uses(spliced)
            self._use = fastest / spliced.scale
            wanted, excess = self._wanted(), on_the_way / max(self._share(), 1e-9)
            if wanted >= spliced.scale * (1 - _ROUNDING) and excess <= 1 + _ROUNDING:
                return entry
            # What is too fast on the way is partly the way's own, partly that of the rows.
            gentler = max(excess, 1.0)
            fade_ns = round((spliced.fade_end_ns - spliced.motion.start_ns) * gentler * _GENTLER)
            entry = enter(min(wanted, spliced.scale / gentler**0.5), fade_ns)
        fastest, allowed = max(self._uses(entry.spliced)) * self._most, self._rule.allowed()
        if fastest <= allowed:
            return entry
        raise RefusedError(
            Reason.TOOL_SPEED,
            f'the tool would move at {fastest:.3f} m/s on its way into the rows; {allowed:.3f} m/s '
            'are allowed now',
        )

    def _uses(self, spliced: Spliced) -> tuple[float, float]:
        """Use of the tool speed on the way into the rows, and on the rows.

        An arm that is too fast already gets time to slow down.
        """
        way = spliced.motion.until(spliced.fade_end_ns)
        rows = self._check.use(spliced.motion.since(spliced.fade_end_ns)).ratio
        used, share = self._check.use(way).ratio, self._share()
        glance = way.until(way.apart(way.start_ns + _GLANCE_NS))
        if used > share and self._check.use(glance).ratio > share:
            used = self._check.use(way.since(way.apart(way.start_ns + _SETTLE_NS))).ratio
        return used, rows

    def _share(self) -> float:
        """Part of the tool's speed limit that may be used now."""
        return HEADROOM * self._rule.allowed() / self._most

    def _wanted(self) -> float:
        """The least of all paces."""
        share = self._share()
        by_speed = share / self._use if self._use > share else 1.0
        return min(1.0, self._asked, self.nearness, by_speed)
