# SPDX-License-Identifier: Apache-2.0
"""Shows how a recording of demonstrations goes, and what came of it."""

import time
from collections import Counter

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vla_bridge.starting import interruptible
from vla_bridge.terminal import Terminal
from vla_sim.demonstrations.recording import Attempt, Harvest, Order, record

_PLAIN_EVERY_S = 10.0
_MB = 1e6


def show_recording(order: Order, processes: int) -> int:
    """Record with a progress bar; the answer is the exit code."""
    console, began = Terminal(), time.monotonic()
    bar = Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[failed]} failed'),
        console=console,
        disable=not console.is_terminal,
    )
    counted, spoken = Counter[bool](), began
    with bar:
        task = bar.add_task('episodes', total=order.episodes, failed=0)

        def progress(attempt: Attempt) -> None:
            nonlocal spoken
            counted[not attempt.reason] += 1
            bar.update(task, completed=counted[True], failed=counted[False])
            now = time.monotonic()
            if not console.is_terminal and now - spoken > _PLAIN_EVERY_S:
                spoken = now
                console.print(f'{counted[True]} of {order.episodes}, {counted[False]} failed')

        with interruptible():
            harvest = record(order, processes, progress)
    _tell(console, order, harvest, time.monotonic() - began)
    return 0


def _tell(console: Terminal, order: Order, harvest: Harvest, taken_s: float) -> None:
    """What there is now, and what is not in it."""
    size = sum(path.stat().st_size for path in order.folder.rglob('*') if path.is_file())
    episodes = len(harvest.kept)
    mishaps = ', '.join(f'{name} {number}' for name, number in sorted(harvest.mishaps().items()))
    each = f'{size / _MB / episodes:.2f} MB each'
    lines = [
        f'Dataset   {order.folder}',
        f'Episodes  {episodes} in {harvest.frames} frames',
        f'Written   {size / _MB:.1f} MB ({each}) in {taken_s:.0f} s',
        f'Mishaps   {mishaps}',
        f'Failed    {len(harvest.failed)} attempts, not kept',
    ]
    reasons = Counter(attempt.reason for attempt in harvest.failed)
    lines += [f'          {number} × {reason}' for reason, number in reasons.most_common(5)]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)
