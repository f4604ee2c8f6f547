# SPDX-License-Identifier: Apache-2.0
"""The picture of a run in the terminal, drawn from a snapshot. Knows nothing of ROS."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STATE_STYLES = {
    'DISARMED': 'dim',
    'ARMED': 'cyan',
    'ACTIVE': 'bold green',
    'SCALED': 'bold yellow',
    'HOLD': 'yellow',
    'PROTECTIVE_STOP': 'bold red',
    'ESTOP': 'bold white on red',
    'FAULT': 'bold white on red',
}
_EIGHTHS = ' ▏▎▍▌▋▊▉█'
_BAR = 12
_FAR_MM = 200.0
"""Clearance that fills its bar."""


@dataclass(frozen=True)
class NodeRow:
    """One node.

    Attributes:
        name: Of the node.
        state: Of its lifecycle.
        cpu: Share of one core.
        memory_mb: Resident memory.
    """

    name: str
    state: str
    cpu: float
    memory_mb: float


@dataclass(frozen=True)
class SafetyRow:
    """What the safety node says; see SafetyStatus."""

    state: str = ''
    reason: str = ''
    speed_scale: float = 0.0
    worst_limit: str = ''
    worst_ratio: float = 0.0
    clearance_mm: float = math.nan
    nearest: str = ''
    text: str = ''
    vet_ms: float = math.nan
    end_to_end_ms: float = math.nan
    accepted: int = 0
    rejected: int = 0
    row: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All that the picture shows.

    Attributes:
        title: What is running.
        step: What is being done now.
        instruction: In the user's words.
        progress: 0 to 1, NaN where nobody judges.
        elapsed_s: Since the instruction was sent.
        held: Object in the gripper.
        recorded_mb: Size of the episode so far.
        complaint: What a node says is wrong.
        nodes: The processes.
        safety: The safety node's words.
        velocities: By joint: speed and its limit [rad/s].
    """

    title: str
    step: str
    instruction: str = ''
    progress: float = math.nan
    elapsed_s: float = 0.0
    held: str = ''
    recorded_mb: float = 0.0
    complaint: str = ''
    nodes: tuple[NodeRow, ...] = ()
    safety: SafetyRow = field(default_factory=SafetyRow)
    velocities: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def bar(fraction: float, width: int, style: str = 'green') -> Text:
    """A bar of a fraction from 0 to 1, in eighths of a character."""
    filled = 0.0 if math.isnan(fraction) else min(max(fraction, 0.0), 1.0) * width
    whole = int(filled)
    drawn = '█' * whole + (_EIGHTHS[int((filled - whole) * 8)] if whole < width else '')
    return Text(f'{drawn:<{width}}', style=f'{style} on grey15')


def draw(snapshot: Snapshot) -> RenderableType:
    """The whole picture."""
    columns = Table.grid(expand=True, padding=(0, 2))
    columns.add_column()
    columns.add_column(ratio=1)
    columns.add_row(_nodes(snapshot.nodes), Group(_safety(snapshot), Text(), _joints(snapshot)))
    complaint = [Text(snapshot.complaint, style='yellow')] if snapshot.complaint else []
    return Panel(
        Group(_headline(snapshot), Text(), columns, *complaint),
        title=Text(snapshot.title, style='bold'),
        title_align='left',
        border_style='grey50',
        box=box.ROUNDED,
    )


def _headline(snapshot: Snapshot) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify='right')
    said = Text(f'“{snapshot.instruction}”', style='bold') if snapshot.instruction else Text()
    clock = f'{snapshot.elapsed_s:5.1f} s' if snapshot.elapsed_s else ''
    line.add_row(said, Text(clock, style='bold'))
    known = not math.isnan(snapshot.progress)
    done = f'{snapshot.progress:4.0%} ' if known else ''
    held = f'  holding {snapshot.held.replace("_", " ")}' if snapshot.held else ''
    size = f'  recorded {snapshot.recorded_mb:.0f} MB' if snapshot.recorded_mb else ''
    line.add_row(
        Text.assemble(bar(snapshot.progress, 2 * _BAR, 'bright_blue'), f' {done}', (held, 'cyan')),
        Text.assemble((snapshot.step, 'italic'), (size, 'dim')),
    )
    return line


def _nodes(rows: tuple[NodeRow, ...]) -> RenderableType:
    table = Table(box=None, padding=(0, 1), header_style='dim')
    table.add_column('node', no_wrap=True)
    table.add_column('state', no_wrap=True, min_width=9)
    table.add_column('cpu', justify='right', min_width=4)
    table.add_column('MB', justify='right', min_width=4)
    for row in rows:
        style = {'active': 'green', 'stopped': 'dim'}.get(row.state, 'yellow')
        memory = f'{row.memory_mb:.0f}' if row.memory_mb else ''
        table.add_row(
            row.name.removesuffix('_node'), Text(row.state, style=style), f'{row.cpu:.0%}', memory
        )
    return table


def _safety(snapshot: Snapshot) -> RenderableType:
    safety = snapshot.safety
    table = Table.grid(padding=(0, 1))
    table.add_column(style='dim', min_width=8)
    table.add_column(min_width=_BAR)
    table.add_column(no_wrap=True)
    style = STATE_STYLES.get(safety.state, '')
    table.add_row('safety', Text(safety.state or '…', style=style), Text(safety.reason))
    scale_style = 'green' if safety.speed_scale > 0.99 else 'yellow'
    table.add_row('speed', bar(safety.speed_scale, _BAR, scale_style), f'{safety.speed_scale:4.0%}')
    worst_style = 'green' if safety.worst_ratio < 0.9 else 'yellow'
    worst = f'{safety.worst_ratio:4.0%} {safety.worst_limit}'
    table.add_row('limit', bar(safety.worst_ratio, _BAR, worst_style), worst)
    near = f'{safety.clearance_mm:4.0f} mm'
    share = safety.clearance_mm / _FAR_MM
    table.add_row('clear', bar(share, _BAR, 'green'), f'{near} {safety.nearest}')
    rejected = f', {safety.rejected} rejected' if safety.rejected else ''
    row = f'row {safety.row + 1} of {safety.rows}' if safety.rows else ''
    table.add_row('chunks', f'{safety.accepted} accepted{rejected}', row)
    table.add_row(
        'latency', f'vet {_ms(safety.vet_ms)}', f'image to arm {_ms(safety.end_to_end_ms)}'
    )
    return table


def _joints(snapshot: Snapshot) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(style='dim', no_wrap=True, min_width=8)
    table.add_column()
    table.add_column(justify='right', no_wrap=True)
    for name, (speed, limit) in snapshot.velocities.items():
        fraction = abs(speed) / limit if limit else 0.0
        style = 'bright_blue' if fraction < 0.9 else 'yellow'
        said = f'{speed:+5.2f} / {limit:.1f} rad/s'
        table.add_row(name.removesuffix('_joint'), bar(fraction, _BAR, style), said)
    return table


def _ms(value: float) -> str:
    return '?' if math.isnan(value) else f'{value:.1f} ms'
