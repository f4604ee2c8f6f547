# SPDX-License-Identifier: Apache-2.0
"""The plot of an episode: joints, the limits that bind them, chunks, gripper, safety state."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from vla_bridge.demo.palette import STATES, UNKNOWN
from vla_bridge.demo.trace import Curve, Trace
from vla_contract.scene import Collision
from vla_safety.limits import Limits

_COLOURS = ('#3b6fb6', '#e07b39', '#4f9d69', '#c44e52', '#8172b3', '#937860', '#5a9bd4', '#8c8c8c')
_KINDS = {'velocity': '#4f9d69', 'acceleration': '#e0a030', 'jerk': '#8172b3'}
_LIMIT = '#c0392b'
_INK = '#333333'
_FAINT = '#777777'
_HELD = '#cfe3ec'
_LEAST_SPAN = 0.2
"""Joints that stand still are not magnified beyond this height of their plot [rad or m]."""
_NEAR = 0.25
"""Limits are drawn that are no further away than this share of the plot's height."""
_JOINT_IN, _OTHERS_IN, _MARGIN_IN = 0.62, (2.5, 1.5, 1.1, 1.1, 0.7), 1.4
"""Heights: of each joint's position, of the panels below, of the title and the gaps [inch]."""


def draw_plot(trace: Trace, limits: Limits, rule: Collision, title: str, path: Path) -> None:
    """Draw an episode.

    Args:
        trace: What happened.
        limits: In force for the arm's joints.
        rule: Distances kept.
        title: Above the plot.
        path: PNG file to write.
    """
    make_figure(trace, limits, rule, title).savefig(path)


def make_figure(trace: Trace, limits: Limits, rule: Collision, title: str) -> Figure:
    """An episode as a figure; see draw_plot."""
    joints = len(limits.names)
    heights = [_JOINT_IN] * joints + list(_OTHERS_IN)
    figure = Figure(figsize=(13, sum(heights) + _MARGIN_IN), dpi=110, layout='constrained')
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    figure.suptitle(title, fontsize=13, fontweight='bold', color=_INK)
    velocity, use, clearance, gripper, safety = axes[joints:]
    _draw_positions(axes[:joints], trace, limits)
    _draw_velocities(velocity, trace, limits)
    _draw_use(use, trace, limits)
    _draw_clearance(clearance, trace, rule)
    labels = _draw_gripper(gripper, trace)
    _draw_safety(safety, trace)
    safety.set_xlabel('time since the instruction [s]')
    safety.set_xlim(float(trace.joint_times[0]) if len(trace.joint_times) else 0.0, trace.end)
    for axis in axes:
        _dress(axis)
    figure.align_ylabels(axes)
    figure.draw_without_rendering()
    _drop_crowded(gripper, labels)
    return figure


def _draw_positions(axes: list[Axes], trace: Trace, limits: Limits) -> None:
    """Each joint around its own motion, all to one scale, with the limits that are near."""
    if len(trace.positions):
        lows, highs = trace.positions.min(axis=0), trace.positions.max(axis=0)
    else:
        lows = highs = (limits.lower + limits.upper) / 2
    span = max(_LEAST_SPAN, 1.25 * float((highs - lows).max()))
    room = np.minimum(lows - limits.lower, limits.upper - highs)
    for index, axis in enumerate(axes):
        colour, middle = _COLOURS[index % len(_COLOURS)], float(lows[index] + highs[index]) / 2
        axis.plot(trace.joint_times, trace.positions[:, index], color=colour, linewidth=1.4)
        lower, upper = float(limits.lower[index]), float(limits.upper[index])
        _scale(axis, middle - span / 2, middle + span / 2, (lower, upper))
        _beside(axis, f'{_short(limits.names[index])}\n', colour)
        _beside(axis, f'\n{room[index]:.2f} rad inside {lower:+.2f} to {upper:+.2f}', _FAINT)
    centre = axes[len(axes) // 2]
    centre.set_ylabel('joint position [rad]', y=1.0 if len(axes) % 2 == 0 else 0.5)


def _scale(axis: Axes, bottom: float, top: float, bounds: tuple[float, float]) -> None:
    """Show a range of positions, and as much more as it takes to show limits that are near."""
    height = top - bottom
    for bound in bounds:
        if bottom - _NEAR * height < bound < top + _NEAR * height:
            _draw_bound(axis, bound)
            bottom, top = min(bottom, bound - height / 20), max(top, bound + height / 20)
    axis.set_ylim(bottom, top)
    axis.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))


def _beside(axis: Axes, text: str, colour: str) -> None:
    """To the right of a plot."""
    axis.text(1.01, 0.5, text, fontsize=8, color=colour, va='center', transform=axis.transAxes)


def _draw_bound(axis: Axes, value: float) -> None:
    axis.axhline(value, color=_LIMIT, linewidth=1.2, linestyle=(0, (6, 3)))


def _draw_velocities(axis: Axes, trace: Trace, limits: Limits) -> None:
    shares: Curve = trace.velocities / limits.velocity
    worst = float(np.nanmax(np.abs(shares), initial=0.0))
    lines = []
    for index, (name, speed) in enumerate(zip(limits.names, limits.velocity, strict=True)):
        colour, text = _COLOURS[index % len(_COLOURS)], f'{_short(name)}  ±{speed:.2f} rad/s'
        lines += axis.plot(trace.joint_times, shares[:, index], color=colour, label=text, lw=1.3)
    _draw_bound(axis, -1.0)
    _draw_bound(axis, 1.0)
    marks = np.full_like(trace.chunk_times, -1.21)
    text = 'a new action chunk'
    lines += axis.plot(trace.chunk_times, marks, '|', color=_INK, markersize=7, label=text)
    _legend(axis, lines, 'velocity limits')
    axis.set_ylabel('joint velocity\nagainst its limit')
    axis.set_yticks([-1, -0.5, 0, 0.5, 1], ['-100 %', '-50 %', '0', '50 %', '100 %'])
    axis.set_ylim(-max(1.3, worst * 1.1), max(1.12, worst * 1.05))


def _draw_use(axis: Axes, trace: Trace, limits: Limits) -> None:
    """The limit that the plan uses most: a lane for each joint, a colour for each kind.

    A bar that fills its lane is a limit used to the full. Nearly every plan has one: its braking
    tail may use all there is.
    """
    names = limits.names
    for lane, name in enumerate(reversed(names)):
        axis.axhline(lane, color='#dddddd', linewidth=0.6)
        for kind, colour in _KINDS.items():
            used = np.array([what == f'{kind} {name}' for what in trace.worst_limit], dtype=bool)
            top = lane + 0.86 * np.where(used, np.nan_to_num(trace.worst_ratio), 0.0)
            axis.fill_between(trace.status_times, lane, top, step='post', color=colour, linewidth=0)
    kinds = [what.partition(' ')[0] for what in trace.worst_limit]
    moving = trace.worst_ratio > 0.5
    patches = []
    for kind, colour in _KINDS.items():
        count = sum(moves and found == kind for moves, found in zip(moving, kinds, strict=True))
        if count:
            share = count / moving.sum()
            patches.append(Patch(color=colour, label=f'{kind}  {share:.0%} of the motion'))
    _legend(
        axis, patches, 'what the plan uses most,\nbraking tail included\n(a full lane is 100 %)'
    )
    axis.set_ylabel('limit\nused most')
    axis.set_yticks(np.arange(len(names)) + 0.43, [_short(name) for name in reversed(names)])
    axis.set_ylim(0, len(names))


def _draw_clearance(axis: Axes, trace: Trace, rule: Collision) -> None:
    """Distance to the nearest thing of the scene, coloured by which thing it is."""
    millimetres = trace.clearance * 1e3
    others = [_other(pair) for pair in trace.nearest]
    known = [name for name in dict.fromkeys(others) if name]
    lines = []
    for name in known:
        there = np.array([other == name for other in others], dtype=bool)
        curve = np.where(there, millimetres, np.nan)
        least = float(np.nanmin(curve))
        text = f'{name}: {least:.0f} mm at the nearest'
        colour = _COLOURS[known.index(name) % len(_COLOURS)]
        lines += axis.plot(trace.status_times, curve, color=colour, lw=1.4, label=text)
    kept = (rule.margin + rule.tracking) * 1e3
    _draw_bound(axis, kept)
    if rule.slow_from:
        axis.axhspan(kept, rule.slow_from * 1e3, color='#f3e3c3', linewidth=0)
    _legend(axis, lines, f'to the scene; {kept:.0f} mm are kept')
    axis.set_ylabel('clearance\n[mm]')
    top = float(np.nanmax(millimetres, initial=0.0)) if len(known) else 100.0
    axis.set_ylim(0.0, min(max(top * 1.1, 4 * kept, 50.0), 500.0))


def _other(pair: str) -> str:
    """What is near, of the names of a link and of it."""
    return pair.partition(' – ')[2]


def _draw_gripper(axis: Axes, trace: Trace) -> list[tuple[Text, float, float]]:
    """The opening, over what is held; answers the labels with the spans they stand for."""
    axis.plot(trace.opening_times, trace.opening, color=_INK, linewidth=1.4)
    labels = []
    for start, end, held in trace.held.spans(trace.end):
        if not held:
            continue
        axis.axvspan(start, end, color=_HELD, linewidth=0)
        inside = (trace.opening_times >= start) & (trace.opening_times < end)
        high = inside.any() and float(trace.opening[inside].mean()) > 0.6
        text = f'holds the {str(held).replace("_", " ")}'
        where = ((start + end) / 2, 0.2 if high else 0.85)
        label = axis.text(*where, text, ha='center', va='center', fontsize=9, color=_INK)
        labels.append((label, start, end))
    axis.set_ylabel('gripper')
    axis.set_ylim(-0.08, 1.12)
    axis.set_yticks([0, 1], ['closed', 'open'])
    return labels


def _drop_crowded(axis: Axes, labels: list[tuple[Text, float, float]]) -> None:
    """Remove labels that are wider than their span; the figure has been laid out before."""
    for label, start, end in labels:
        left, right = axis.transData.transform([(start, 0.0), (end, 0.0)])[:, 0]
        if label.get_window_extent().width > right - left:
            label.remove()


def _draw_safety(axis: Axes, trace: Trace) -> None:
    """The state as a band, with the speed scale over it."""
    labelled: set[str] = set()
    for start, end, state in trace.safety.spans(trace.end):
        label = None if state in labelled else str(state).replace('_', ' ').lower()
        labelled.add(state)
        colour = STATES.get(state, UNKNOWN)
        axis.axvspan(start, end, color=colour, alpha=0.55, linewidth=0, label=label)
    axis.plot(trace.status_times, trace.speed_scale, color=_INK, linewidth=1.4, label='speed scale')
    axis.set_ylabel('safety')
    axis.set_ylim(0, 1.12)
    axis.set_yticks([0, 1], ['0', '100 %'])
    _legend(axis, axis.get_legend_handles_labels()[0], '')


def _legend(axis: Axes, handles: Sequence[Artist], title: str) -> None:
    axis.legend(
        handles=handles,
        title=title,
        loc='center left',
        bbox_to_anchor=(1.0, 0.5),
        fontsize=8,
        title_fontsize=8,
        alignment='left',
        frameon=False,
    )


def _dress(axis: Axes) -> None:
    axis.grid(visible=True, axis='x', color='#dddddd', linewidth=0.6)
    axis.axvline(0.0, color=_INK, linewidth=0.8, linestyle=':')
    axis.set_axisbelow(True)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
    axis.tick_params(labelsize=8, colors=_INK)


def _short(name: str) -> str:
    return name.removesuffix('_joint').replace('_', ' ')
