# SPDX-License-Identifier: Apache-2.0
"""The plot of an episode: joints against their limits, gripper, chunks, safety state."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vla_bridge.demo.trace import Curve, Trace
from vla_safety.limits import Limits

_COLOURS = ('#3b6fb6', '#e07b39', '#4f9d69', '#c44e52', '#8172b3', '#937860', '#5a9bd4', '#8c8c8c')
_SAFETY = {
    'UNCONFIGURED': '#dddddd',
    'DISARMED': '#cfcfcf',
    'ARMED': '#a8d5e2',
    'ACTIVE': '#9bd3a0',
    'SCALED': '#f4d35e',
    'HOLD': '#f2a65a',
    'PROTECTIVE_STOP': '#e15554',
    'ESTOP': '#b3001b',
    'FAULT': '#7b2d8b',
}
_LIMIT = '#c0392b'
_INK = '#333333'
_BOUND = '_bound'


def draw_plot(trace: Trace, limits: Limits, title: str, path: Path) -> None:
    """Draw an episode.

    Args:
        trace: What happened.
        limits: In force for the arm's joints.
        title: Above the plot.
        path: PNG file to write.
    """
    figure = Figure(figsize=(13, 9.5), dpi=110, layout='constrained')
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(3, 3, 1.6, 1.2))
    figure.suptitle(title, fontsize=13, fontweight='bold', color=_INK)
    _draw_positions(axes[0], trace, limits)
    _draw_velocities(axes[1], trace, limits)
    _draw_gripper(axes[2], trace)
    _draw_safety(axes[3], trace)
    axes[-1].set_xlabel('time since the instruction [s]')
    start = float(trace.joint_times[0]) if len(trace.joint_times) else 0.0
    axes[-1].set_xlim(start, trace.end)
    for axis in axes:
        _dress(axis)
    figure.savefig(path)


def _draw_positions(axis: Axes, trace: Trace, limits: Limits) -> None:
    """Each joint's range, from its lower limit to its upper, is the height of the plot."""
    middle, half = (limits.upper + limits.lower) / 2, (limits.upper - limits.lower) / 2
    _draw_joints(axis, trace, (trace.positions - middle) / half)
    texts = [
        f'{_short(name)}  {low:+.2f} to {high:+.2f}'
        for name, low, high in zip(limits.names, limits.lower, limits.upper, strict=True)
    ]
    _legend(axis, texts, 'position limits [rad]')
    axis.set_ylabel('joint position\nwithin its range')
    axis.set_yticks([-1, 0, 1], ['lower', 'middle', 'upper'])


def _draw_velocities(axis: Axes, trace: Trace, limits: Limits) -> None:
    shares = trace.velocities / limits.velocity
    worst = float(np.nanmax(np.abs(shares), initial=0.0))
    _draw_joints(axis, trace, shares)
    texts = [
        f'{_short(name)}  ±{speed:.2f}'
        for name, speed in zip(limits.names, limits.velocity, strict=True)
    ]
    bottom = np.full_like(trace.chunk_times, -1.21)
    axis.plot(trace.chunk_times, bottom, '|', color=_INK, markersize=7)
    _legend(axis, [*texts, 'a new action chunk'], 'velocity limits [rad/s]')
    axis.set_ylabel('joint velocity\nagainst its limit')
    axis.set_yticks([-1, -0.5, 0, 0.5, 1], ['-100 %', '-50 %', '0', '50 %', '100 %'])
    axis.set_ylim(-max(1.3, worst * 1.1), max(1.12, worst * 1.05))


def _draw_joints(axis: Axes, trace: Trace, curves: Curve) -> None:
    for index in range(curves.shape[1]):
        colour = _COLOURS[index % len(_COLOURS)]
        axis.plot(trace.joint_times, curves[:, index], color=colour, linewidth=1.3)
    for bound in (-1.0, 1.0):
        axis.axhline(bound, color=_LIMIT, linewidth=1.2, linestyle=(0, (6, 3)), label=_BOUND)
    axis.set_ylim(-1.12, 1.12)


def _draw_gripper(axis: Axes, trace: Trace) -> None:
    axis.plot(trace.opening_times, trace.opening, color=_INK, linewidth=1.4)
    for start, end, held in trace.held.spans(trace.end):
        if not held:
            continue
        axis.axvspan(start, end, color='#a8d5e2', alpha=0.45, linewidth=0)
        text = str(held).replace('_', ' ')
        inside = (trace.opening_times >= start) & (trace.opening_times < end)
        high = inside.any() and float(trace.opening[inside].mean()) > 0.6
        axis.text(
            (start + end) / 2,
            0.2 if high else 0.85,
            text,
            ha='center',
            va='center',
            fontsize=9,
            color=_INK,
        )
    axis.set_ylabel('gripper')
    axis.set_ylim(-0.08, 1.12)
    axis.set_yticks([0, 1], ['closed', 'open'])


def _draw_safety(axis: Axes, trace: Trace) -> None:
    """The state as a band, with the speed scale and the use of the worst limit over it."""
    labelled: set[str] = set()
    for start, end, state in trace.safety.spans(trace.end):
        label = None if state in labelled else str(state).replace('_', ' ').lower()
        labelled.add(state)
        colour = _SAFETY.get(state, '#ffffff')
        axis.axvspan(start, end, color=colour, alpha=0.9, linewidth=0, label=label)
    times = trace.status_times
    axis.plot(times, trace.speed_scale, color='#1b4f72', linewidth=1.4, label='speed scale')
    worst = np.nan_to_num(trace.worst_ratio)
    axis.plot(times, worst, color=_LIMIT, linewidth=1.0, label='use of the worst limit')
    axis.set_ylabel('safety')
    axis.set_ylim(0, 1.12)
    axis.set_yticks([0, 1], ['0', '100 %'])
    axis.legend(loc='center left', bbox_to_anchor=(1.005, 0.5), fontsize=8, frameon=False)


def _legend(axis: Axes, texts: list[str], title: str) -> None:
    lines = [line for line in axis.get_lines() if line.get_label() != _BOUND][: len(texts)]
    legend = axis.legend(
        lines,
        texts,
        title=title,
        loc='center left',
        bbox_to_anchor=(1.005, 0.5),
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    legend.set_in_layout(True)


def _dress(axis: Axes) -> None:
    axis.grid(visible=True, axis='x', color='#dddddd', linewidth=0.6)
    axis.axvline(0.0, color=_INK, linewidth=0.8, linestyle=':')
    axis.set_axisbelow(True)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
    axis.tick_params(labelsize=8, colors=_INK)


def _short(name: str) -> str:
    return name.removesuffix('_joint').replace('_', ' ')
