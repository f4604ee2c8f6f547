# SPDX-License-Identifier: Apache-2.0
"""Shows a run: a live picture where there is a terminal, plain lines where there is none."""

import math
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live

from vla_bridge.demo.panel import Snapshot, draw
from vla_bridge.launching.lines import Lines

LIVE_EVERY_S = 0.15
PLAIN_EVERY_S = 2.0


class View:
    """Draws the newest snapshot, not more often than eyes or log files need it."""

    def __init__(
        self, console: Console, names: tuple[str, ...], snapshot: Callable[[], Snapshot]
    ) -> None:
        """Prepare to draw.

        Args:
            console: Where to.
            names: Of the nodes, whose warnings are shown too.
            snapshot: What to draw.
        """
        self.console = console
        self.lines = Lines(console, names, quiet=True)
        self.snapshot = snapshot
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._next = 0.0
        self._step = ''
        self._quiet_until = 0.0

    def __enter__(self) -> 'View':
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.update(draw(self.snapshot()), refresh=True)
            self._live.stop()

    def refresh(self) -> None:
        """Draw if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LIVE_EVERY_S
        if self._live is not None:
            self._live.update(draw(self.snapshot()), refresh=True)
        else:
            self._say(self.snapshot(), now)

    def _say(self, shot: Snapshot, now: float) -> None:
        """One line for each step, and one every now and then."""
        if shot.step == self._step and now < self._quiet_until:
            return
        new, self._step = shot.step != self._step, shot.step
        self._quiet_until = now + PLAIN_EVERY_S
        if new:
            self.console.print(shot.step)
        elif shot.elapsed_s:
            done = '' if math.isnan(shot.progress) else f'  {shot.progress:4.0%}'
            held = f'  holding {shot.held.replace("_", " ")}' if shot.held else ''
            safety = f'  {shot.safety.state} at {shot.safety.speed_scale:.0%}'
            complaint = f'  {shot.complaint}' if shot.complaint else ''
            line = f'  {shot.elapsed_s:5.1f} s{done}{safety}{held}{complaint}'
            self.console.print(line, highlight=False, soft_wrap=True, markup=False)
