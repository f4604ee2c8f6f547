# SPDX-License-Identifier: Apache-2.0
"""Checks of a whole motion. Collision checking joins here, as one more of them."""

from typing import Protocol

import numpy as np

from vla_contract.robot import Box, Workspace
from vla_safety.kinematics import Kinematics
from vla_safety.limits import TOLERANCE, Limits, Use
from vla_safety.motion import SAMPLE_S, Array, Motion, Times
from vla_safety.reasons import Finding, Reason

_WHATEVER = 'speed of the tool or a joint'


class MotionCheck(Protocol):
    """Judges a motion as the controller will execute it."""

    def find(self, motion: Motion) -> Finding | None:
        """The first thing wrong with the motion, or None."""


class JointCheck:
    """Positions, velocities, accelerations and jerks, everywhere on the motion."""

    def __init__(self, limits: Limits) -> None:
        """Check against these limits."""
        self._limits = limits

    def find(self, motion: Motion) -> Finding | None:
        """Rates are wrong everywhere or nowhere; a range is left at some point."""
        use = self._limits.use(motion)
        if not use.ratio <= 1 + TOLERANCE:
            return Finding(Reason.DYNAMICS, f'{use.what} is at {use.ratio:.3f} of its limit')
        text = self._limits.leaves_range(motion)
        return Finding(Reason.JOINT_RANGE, text) if text else None


class ToolSpeedCheck:
    """The tool and every joint's origin stay below the tool speed, links below their own."""

    def __init__(self, workspace: Workspace, kinematics: Kinematics) -> None:
        """Check against this workspace, with speeds from these kinematics."""
        self._kinematics = kinematics
        self._links = workspace.link_speeds
        self._frames = [kinematics.frame(item.link) for item in self._links]
        self._bounds = np.array([item.speed for item in self._links])
        self._limit = workspace.tool_speed

    def use(self, motion: Motion) -> Use:
        """The speed limit that is used most, at any sample."""
        _, ratios = self._ratios(*motion.dense)
        limit = int(ratios.max(axis=0).argmax())
        what = f'speed of {self._links[limit - 1].link}' if limit else _WHATEVER
        return Use(float(ratios[:, limit].max()), what)

    def along(self, motion: Motion, step_s: float) -> tuple[Times, Array]:
        """Times no more than so far apart, and how much of a speed limit is used at each."""
        times_ns, ratios = self._ratios(*motion.spread(step_s))
        return times_ns, np.asarray(ratios.max(axis=1))

    def _ratios(self, times_ns: Times, q: Array, v: Array) -> tuple[Times, Array]:
        """Use of the tool's limit, and of each link's, times by limits."""
        fastest, links = self._kinematics.speeds(q, v, self._frames)
        return times_ns, np.column_stack([fastest / self._limit, links / self._bounds])

    def find(self, motion: Motion) -> Finding | None:
        """Speeds above the limit."""
        use = self.use(motion)
        if use.ratio <= 1:
            return None
        text = f'{use.what} would be {use.ratio:.3f} of its limit (tool: {self._limit:g} m/s)'
        return Finding(Reason.TOOL_SPEED, text)


class WorkspaceCheck:
    """The tool stays inside a box and outside keep-outs.

    Samples are close enough that no point between two of them can be further out than the margin
    added for it. A tool that starts outside may only come closer.
    """

    def __init__(self, workspace: Workspace, kinematics: Kinematics) -> None:
        """Check against this workspace, with poses from these kinematics."""
        self._kinematics = kinematics
        self._boxes = workspace.boxes
        self._keep_outs = workspace.keep_outs
        self._margin = workspace.tool_speed * SAMPLE_S / 2

    def find(self, motion: Motion) -> Finding | None:
        """The first sample at which the tool is further out than before."""
        times_ns, q, _ = motion.dense
        points = self._kinematics.tool_positions(q)
        excess = self._excess(points)
        allowed = np.maximum(np.concatenate([[excess[0]], excess[:-1]]) + 1e-6, 0.0)
        wrong = np.flatnonzero(excess > allowed)
        if not len(wrong):
            return None
        at = int(wrong[0])
        x, y, z = points[at]
        text = (
            f'the tool would be at ({x:.3f}, {y:.3f}, {z:.3f}) m, {excess[at] * 1000:.0f} mm '
            f'beyond {self._name_of_bound(points[at])}, with a margin of '
            f'{self._margin * 1000:.0f} mm'
        )
        return Finding(Reason.WORKSPACE, text, int(times_ns[max(at - 1, 0)]))

    def beyond(self, motion: Motion) -> float:
        """How far the tool goes beyond the bounds, their margin included; 0 inside [m]."""
        _, q, _ = motion.dense
        return float(self._excess(self._kinematics.tool_positions(q)).max())

    def _excess(self, points: Array) -> Array:
        """Distance of each point beyond the nearest box, or into a keep-out [m]."""
        outside = np.min([_outside(box, points, self._margin) for box in self._boxes], axis=0)
        for box in self._keep_outs:
            outside = np.maximum(outside, _inside(box, points, self._margin))
        return np.asarray(outside)

    def _name_of_bound(self, point: Array) -> str:
        for box in self._keep_outs:
            if _inside(box, point[None], self._margin)[0] > 0:
                return f'the keep-out "{box.name}"'
        names = ', '.join(f'"{box.name}"' for box in self._boxes)
        return f'the workspace {names}'


def _outside(box: Box, points: Array, margin: float) -> Array:
    """Distance outside the box shrunk by a margin, 0 inside."""
    low, high = np.array(box.min) + margin, np.array(box.max) - margin
    return np.asarray(
        np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=1)
    )


def _inside(box: Box, points: Array, margin: float) -> Array:
    """Depth inside the box grown by a margin, 0 outside."""
    low, high = np.array(box.min) - margin, np.array(box.max) + margin
    return np.asarray(np.maximum(np.min(np.minimum(points - low, high - points), axis=1), 0.0))
