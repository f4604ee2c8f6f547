# SPDX-License-Identifier: Apache-2.0
"""A refused chunk as a picture: what was asked of the joints, what is sent, and where it ends."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vla_bridge.replay.scene_view import draw_views
from vla_bridge.replay.style import ASKED, FAINT, INK, INTENDED, LIMIT, REFUSED, SENT
from vla_safety.explanation import Explanation
from vla_safety.filter import MotionFilter
from vla_safety.limits import Limits
from vla_safety.motion import NS, Array, Motion
from vla_safety.reasons import Reason
from vla_safety.rejected import RejectedChunk
from vla_safety.situation import Stage

_JOINT_IN, _WIDTH_IN, _LEAST_IN, _MARGIN_IN = 1.4, 15.0, 8.6, 1.4
_BEFORE_S, _AFTER_S = 0.25, 0.15
_SAMPLES = 400
_LEAST_SPAN = 0.2
"""Joints that stand still are not magnified beyond this height of their plot [joint unit]."""


def draw_explanation(
    motion_filter: MotionFilter, rejected: RejectedChunk, explanation: Explanation, path: Path
) -> None:
    """Draw an explanation.

    Args:
        motion_filter: Knows limits, workspace and scene; of the same robot.
        rejected: The chunk.
        explanation: What became of it.
        path: PNG file to write.
    """
    joints = len(motion_filter.limits.names)
    height = max(joints * _JOINT_IN, _LEAST_IN) + _MARGIN_IN
    figure = Figure(figsize=(_WIDTH_IN, height), dpi=110, layout='constrained')
    grid = figure.add_gridspec(1, 2, width_ratios=(1.0, 0.85))
    left, right = figure.add_subfigure(grid[0, 0]), figure.add_subfigure(grid[0, 1])
    axes = list(left.subplots(joints, 1, sharex=True, squeeze=False)[:, 0])
    time = _Time(rejected, explanation)
    for index, axis in enumerate(axes):
        _draw_joint(axis, index, motion_filter.limits, explanation, time)
    axes[-1].set_xlabel('time since the chunk came [s]')
    axes[0].set_xlim(time.start_s, time.end_s)
    handles = _legend(explanation)
    figure.legend(handles=handles, loc='outside lower center', ncols=4, frameon=False, fontsize=9)
    draw_views(right, motion_filter, explanation, rejected.setup.others)
    figure.suptitle(_title(rejected, explanation), color=INK, fontsize=11, fontweight='bold')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


class _Time:
    """Seconds since the chunk came, and how many of them are shown."""

    def __init__(self, rejected: RejectedChunk, explanation: Explanation) -> None:
        rejection = rejected.rejection
        self._zero_ns = rejection.met.now.ros_ns
        ends, now = [0.3], rejection.cut.now.ros_ns if rejection.cut else self._zero_ns
        self.decided_s = self.of(now)
        for motion in (explanation.sent, explanation.proposed):
            if motion is not None:
                ends.append(self.of(motion.end_ns))
        if explanation.asked is not None:
            ends.append(self.of(int(explanation.asked.times_ns[-1])))
        self.start_s = -_BEFORE_S
        self.end_s = min(max(ends), self.decided_s + 10.0) + _AFTER_S
        self.cut_s = None if explanation.cut_ns is None else self.of(explanation.cut_ns)

    def of(self, time_ns: int) -> float:
        """A time of the ROS clock."""
        return (time_ns - self._zero_ns) / NS

    def known_s(self, motion: Motion) -> float:
        """From when on a motion says where the arm was; one that stands still always does."""
        known_s = -np.inf if len(motion.times_ns) == 1 else self.of(motion.start_ns)
        return float(max(self.start_s, known_s))

    def sample(self, motion: Motion, start_s: float, end_s: float) -> tuple[Array, Array]:
        """Times [s] and positions of a motion."""
        seconds = np.linspace(start_s, max(end_s, start_s), _SAMPLES)
        times_ns = self._zero_ns + np.round(seconds * NS).astype(np.int64)
        return seconds, motion.sample(times_ns)[0]


def _draw_joint(
    axis: Axes, index: int, limits: Limits, explanation: Explanation, time: _Time
) -> None:
    """One joint: its limits, the rows, and what is made of them."""
    lower, upper = float(limits.lower[index]), float(limits.upper[index])
    bottom, top = _range(index, explanation, time, lower, upper)
    if explanation.asked is not None:
        seconds = np.array([time.of(int(each)) for each in explanation.asked.times_ns])
        values = np.clip(explanation.asked.q[:, index], bottom, top)
        kept = np.arange(len(values)) < explanation.followed
        axis.plot(seconds[kept], values[kept], '.', color=ASKED, markersize=4)
        axis.plot(seconds[~kept], values[~kept], 'x', color=REFUSED, markersize=4)
    _draw_motions(axis, index, explanation, time)
    for bound in (lower, upper):
        axis.axhline(bound, color=LIMIT, linewidth=1.2, linestyle=(0, (6, 3)))
        inside = bound + limits.margin * (1 if bound == lower else -1)
        axis.axhspan(min(bound, inside), max(bound, inside), color=LIMIT, alpha=0.12, linewidth=0)
    axis.axvline(time.decided_s, color=INK, linewidth=0.8, linestyle=':')
    if time.cut_s is not None:
        axis.axvline(time.cut_s, color=REFUSED, linewidth=1.0)
    axis.set_ylim(bottom, top)
    axis.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axis.set_title(
        f'{limits.names[index]}   {lower:+.2f} to {upper:+.2f}',
        loc='left',
        fontsize=8,
        color=FAINT,
        pad=2,
    )
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
    axis.tick_params(labelsize=8, colors=INK)


def _draw_motions(axis: Axes, index: int, explanation: Explanation, time: _Time) -> None:
    if explanation.intended is not None:
        start, end = time.of(explanation.intended.start_ns), time.of(explanation.intended.end_ns)
        seconds, q = time.sample(explanation.intended, start, end)
        axis.plot(seconds, q[:, index], color=INTENDED, linewidth=1.2)
    if explanation.proposed is not None and time.cut_s is not None:
        end = time.of(explanation.proposed.end_ns)
        seconds, q = time.sample(explanation.proposed, time.cut_s, end)
        axis.plot(seconds, q[:, index], color=REFUSED, linewidth=1.6)
    if explanation.sent is not None:
        seconds, q = time.sample(explanation.sent, time.known_s(explanation.sent), time.end_s)
        axis.plot(seconds, q[:, index], color=SENT, linewidth=1.8)


def _range(
    index: int, explanation: Explanation, time: _Time, lower: float, upper: float
) -> tuple[float, float]:
    """What is shown of a joint: all of its rows, and no more than a bit beyond its limits."""
    found = [(lower + upper) / 2] if explanation.sent is None else []
    for motion in (explanation.sent, explanation.proposed):
        if motion is not None:
            found += time.sample(motion, time.start_s, time.end_s)[1][:, index].tolist()
    if explanation.asked is not None:
        asked = explanation.asked.q[:, index]
        beyond = (upper - lower) / 8
        found += np.clip(asked[np.isfinite(asked)], lower - beyond, upper + beyond).tolist()
    middle, span = (min(found) + max(found)) / 2, max(max(found) - min(found), _LEAST_SPAN)
    return middle - 0.6 * span, middle + 0.6 * span


def _legend(explanation: Explanation) -> list[Line2D]:
    made = [
        Line2D([], [], color=SENT, linewidth=1.8, label='what the controller holds'),
        Line2D([], [], color=LIMIT, linestyle=(0, (6, 3)), label='position limit'),
        Line2D([], [], color=INK, linestyle=':', label='decided'),
    ]
    if explanation.followed:
        made.append(Line2D([], [], marker='.', color=ASKED, linestyle='', label='row asked for'))
    if explanation.asked is not None and explanation.followed < len(explanation.asked.q):
        made.append(Line2D([], [], marker='x', color=REFUSED, linestyle='', label='row refused'))
    if explanation.intended is not None:
        made.append(Line2D([], [], color=INTENDED, label='intended, not sent'))
    if explanation.cut_ns is not None:
        made.append(Line2D([], [], color=REFUSED, label='refused from here on'))
    return made


def _title(rejected: RejectedChunk, explanation: Explanation) -> str:
    chunk, finding = rejected.rejection.chunk, explanation.finding
    when = 'refused' if rejected.rejection.stage is Stage.CHUNK else 'cut off in execution'
    when = 'followed in part' if finding.reason is Reason.TRUNCATED else when
    text = f'{rejected.setup.robot.name}, chunk {chunk.sequence} {when}: {finding.reason}'
    return '\n'.join([text, *textwrap.wrap(finding.text, 120)])
