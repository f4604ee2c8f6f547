# SPDX-License-Identifier: Apache-2.0
"""The pace at which rows are followed: the least that joints, tool, things and people allow.

A change of pace keeps the path: the rows' clock is stretched from the next seam on.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from vla_contract.robot import Workspace
from vla_safety.canonical import Canonical
from vla_safety.checks import ToolSpeedCheck
from vla_safety.motion import NS, Array
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
_STEP_S = 0.02
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
        plan.follow(self._slow(plan, partial(plan.entry, asked.rows, now_ns, period_s), ceiling))

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
            plan.follow(self._slow(plan, partial(plan.reentry, now_ns, period_s), wanted))
        except RefusedError as refusal:
            if slower and refusal.reason is not Reason.ELAPSED:
                return Finding(refusal.reason, refusal.text)
        return None

    def catch_up(self, plan: Plan, now_ns: int, period_s: float) -> None:
        """Enter what is left of the rows again at the present pace, after a message came too late.

        Raises:
            RefusedError: They cannot be entered any more.
        """
        pace = plan.intended.scale if plan.intended else 1.0
        plan.follow(self._slow(plan, partial(plan.reentry, now_ns, period_s), pace))

    def _slow(self, plan: Plan, enter: Callable[[float, int], Entry], ceiling: float) -> Entry:
        """Enter at a pace at which the tool is slow enough, and as gently as that asks for.

        The way into the rows fades out as soon as joints allow, whatever the pace of the rows.

        Raises:
            RefusedError: The rows cannot be entered, or not slowly enough.
        """
        entry = enter(ceiling, 0)
        for _ in range(_TRIES):
            spliced = entry.spliced
            way, rows = self._speeds(spliced)
            self._use = float(rows.max()) / spliced.scale
            wanted, excess = self._wanted(), self._excess(spliced, way, plan)
            if wanted >= spliced.scale * (1 - _ROUNDING) and excess <= 1 + _ROUNDING:
                return entry
            # What is too fast on the way is partly the way's own, partly that of the rows.
            gentler = max(excess, 1.0)
            fade_ns = round((spliced.fade_end_ns - spliced.motion.start_ns) * gentler * _GENTLER)
            entry = enter(min(wanted, spliced.scale / gentler**0.5), fade_ns)
        if self._excess(entry.spliced, self._speeds(entry.spliced)[0], plan) * HEADROOM <= 1:
            return entry
        raise RefusedError(
            Reason.TOOL_SPEED,
            f'on no way into the rows is the tool as slow as it must be: at most '
            f'{self._rule.allowed():.3f} m/s',
        )

    def _speeds(self, spliced: Spliced) -> tuple[Array, Array]:
        """Use of the tool speed by time, on the way into the rows and on them; never empty."""
        times_ns, used = self._check.along(spliced.motion, _STEP_S)
        fade_end = int(np.searchsorted(times_ns, spliced.fade_end_ns))
        return used[: fade_end + 1], used[fade_end:]

    def _excess(self, spliced: Spliced, way: Array, plan: Plan) -> float:
        """How much too fast the tool is on its way into the rows; 1 is just slow enough.

        An arm that is too fast already gets time to slow down, and until then may be as fast as
        it is going to be anyway, never faster.
        """
        used, share = float(way.max()), max(self._share(), 1e-9)
        if used <= share:
            return used / share
        start_ns = spliced.motion.start_ns
        going_on = plan.executing.since(plan.executing.apart(start_ns))
        anyway = float(self._check.along(going_on, _STEP_S)[1].max())
        if anyway * HEADROOM <= share:
            return used / share
        settled = spliced.motion.since(spliced.motion.apart(start_ns + _SETTLE_NS))
        later = settled.until(max(spliced.fade_end_ns, settled.start_ns))
        return max(float(self._check.along(later, _STEP_S)[1].max()) / share, used / anyway)

    def _share(self) -> float:
        """Part of the tool's speed limit that may be used now."""
        return HEADROOM * self._rule.allowed() / self._most

    def _wanted(self) -> float:
        """The least of all paces."""
        share = self._share()
        by_speed = share / self._use if self._use > share else 1.0
        return min(1.0, self._asked, self.nearness, by_speed)
