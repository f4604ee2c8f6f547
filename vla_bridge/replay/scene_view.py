# SPDX-License-Identifier: Apache-2.0
"""The arm, the tool's path and everything around them, from above and from the side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Polygon

from vla_bridge.replay.outlines import box_outline, outlines
from vla_bridge.replay.style import (
    ARM,
    ASKED,
    FAINT,
    INK,
    INTENDED,
    REFUSED,
    SENT,
    THING,
    WORKSPACE,
)
from vla_safety.beside import Beside
from vla_safety.collision.objects import SceneObject
from vla_safety.collision.shapes import placement
from vla_safety.collision.swept import FARTHEST
from vla_safety.explanation import Explanation
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.motion import Array, Motion

_SIDES = (('from above', (0, 1)), ('from the side', (0, 2)))
_PLACES = 120
_ROOM_M = 0.1
_REACH_M = 2.0


def draw_views(
    figure: SubFigure,
    motion_filter: MotionFilter,
    explanation: Explanation,
    others: Sequence[Beside],
) -> None:
    """Draw both views, each to scale."""
    places = _Places(motion_filter, explanation)
    beside = _beside(motion_filter, others)
    for axis, (title, axes) in zip(figure.subplots(2, 1), _SIDES, strict=True):
        _draw_surroundings(axis, motion_filter, axes)
        for name, points in beside.items():
            axis.plot(*points[:, axes].T, color=THING, linewidth=4, solid_capstyle='round')
            axis.text(*points[-1, axes], name, fontsize=7, color=FAINT, clip_on=True)
        places.draw(axis, axes)
        points = places.shown[:, axes]
        low, high = points.min(axis=0) - _ROOM_M, points.max(axis=0) + _ROOM_M
        axis.set_xlim(low[0], high[0])
        axis.set_ylim(low[1], high[1])
        axis.set_aspect('equal', adjustable='box')
        axis.set_title(title, loc='left', fontsize=9, color=INK)
        axis.set_xlabel('x [m]', fontsize=8)
        axis.set_ylabel(f'{"xyz"[axes[1]]} [m]', fontsize=8)
        axis.tick_params(labelsize=8, colors=INK)
        for side in ('top', 'right'):
            axis.spines[side].set_visible(False)


class _Places:
    """Where the tool and the arm are, in the base frame."""

    def __init__(self, motion_filter: MotionFilter, explanation: Explanation) -> None:
        self._kinematics = motion_filter.kinematics
        self._explanation = explanation
        self._sent, self._intended = map(self._path, (explanation.sent, explanation.intended))
        self._asked = self._rows()
        self._refused = np.empty((0, 3))
        if explanation.proposed is not None and explanation.cut_ns is not None:
            self._refused = self._path(explanation.proposed.since(explanation.cut_ns))
        self._arm = self._posture()
        paths = (self._sent, self._intended, self._asked, self._refused, self._arm)
        near = np.vstack(paths)
        low = [box.min for box in motion_filter.robot.workspace.boxes]
        high = [box.max for box in motion_filter.robot.workspace.boxes]
        self.shown = np.vstack([near[np.abs(near).max(axis=1) < _REACH_M], *[low], *[high]])

    def draw(self, axis: Axes, axes: tuple[int, int]) -> None:
        """Arm and paths, and what is nearest where the motion was cut off."""
        axis.plot(*self._arm[:, axes].T, color=ARM, linewidth=4, alpha=0.5, solid_capstyle='round')
        axis.plot(*self._intended[:, axes].T, color=INTENDED, linewidth=1.2)
        axis.plot(*self._asked[:, axes].T, '.', color=ASKED, markersize=3)
        axis.plot(*self._sent[:, axes].T, color=SENT, linewidth=2.0)
        axis.plot(*self._refused[:, axes].T, color=REFUSED, linewidth=1.8)
        if len(self._refused):
            axis.plot(*self._refused[0, axes], 'o', color=REFUSED, markersize=5)
        nearest = self._explanation.nearest
        if nearest is None:
            return
        points = np.array(nearest.points)[:, axes]
        axis.plot(*points.T, '-+', color=INK, linewidth=1.2, markersize=6)
        contact = nearest.contact
        text = f'{contact.first} – {contact.second}\n{contact.distance_m * 1e3:.1f} mm'
        label = axis.annotate(
            text,
            tuple(points[0]),
            xytext=(10, 14),
            textcoords='offset points',
            fontsize=8,
            color=INK,
            bbox={'facecolor': 'white', 'alpha': 0.8, 'edgecolor': 'none', 'pad': 1},
        )
        label.set_in_layout(False)

    def _path(self, motion: Motion | None) -> Array:
        """Places of the tool along a motion, K by 3."""
        if motion is None:
            return np.empty((0, 3))
        times_ns = np.linspace(0, motion.end_ns - motion.start_ns, _PLACES).astype(np.int64)
        return self._kinematics.tool_positions(motion.sample(motion.start_ns + times_ns)[0])

    def _rows(self) -> Array:
        """Places of the tool at the rows; those that no arm can have are left out."""
        if self._explanation.asked is None:
            return np.empty((0, 3))
        q = self._explanation.asked.q
        credible = np.abs(np.nan_to_num(q, nan=np.inf)).max(axis=1) < FARTHEST
        return self._kinematics.tool_positions(q[credible])

    def _posture(self) -> Array:
        """Base, joints and tool where the motion is cut off, or where the arm is."""
        explanation = self._explanation
        if explanation.sent is None:
            return np.empty((0, 3))
        q = explanation.sent.q[-1]
        if explanation.proposed is not None and explanation.cut_ns is not None:
            q = explanation.proposed.at(explanation.cut_ns).q
        joints = self._kinematics.joint_origins(q)
        return np.vstack([np.zeros(3), joints, self._kinematics.tool_positions(q[None])])


def _beside(motion_filter: MotionFilter, others: Sequence[Beside]) -> dict[str, Array]:
    """Base, joints and tool of every other arm where its plan ends, in our base frame."""
    neighbours = motion_filter.avoidance.neighbours if motion_filter.avoidance else None
    plans = neighbours.motions if neighbours is not None else {}
    found = {}
    for one in others:
        if one.said.name in plans:
            kinematics, q = Kinematics(one.robot, one.urdf), plans[one.said.name].motion.q[-1]
            joints, tool = kinematics.joint_origins(q), kinematics.tool_positions(q[None])
            place = placement(one.pose)
            points = np.vstack([np.zeros(3), joints, tool])
            found[one.said.name] = points @ place.rotation.T + place.translation
    return found


def _draw_surroundings(axis: Axes, motion_filter: MotionFilter, axes: tuple[int, int]) -> None:
    workspace = motion_filter.robot.workspace
    for thing in _things(motion_filter):
        shapes = outlines(thing, axes)
        for outline in shapes:
            axis.add_patch(Polygon(outline, facecolor=THING, edgecolor=FAINT, alpha=0.35))
        middle = np.vstack(shapes).mean(axis=0)
        axis.text(
            middle[0], middle[1], thing.name, fontsize=7, color=FAINT, ha='center', clip_on=True
        )
    for box in workspace.boxes:
        corners = box_outline(np.array(box.min), np.array(box.max), axes)
        axis.add_patch(Polygon(corners, fill=False, edgecolor=WORKSPACE, linestyle='--'))
    for box in workspace.keep_outs:
        corners = box_outline(np.array(box.min), np.array(box.max), axes)
        axis.add_patch(Polygon(corners, facecolor='none', edgecolor=REFUSED, hatch='//', alpha=0.5))


def _things(motion_filter: MotionFilter) -> list[SceneObject]:
    if motion_filter.avoidance is None:
        return []
    return [thing for group in motion_filter.avoidance.seen.said.values() for thing in group]
