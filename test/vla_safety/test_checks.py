# SPDX-License-Identifier: Apache-2.0
"""Each check of a whole motion on its own: what planning keeps already, it would notice as well."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.robot import Box
from vla_safety.checks import JointCheck, ToolSpeedCheck, WorkspaceCheck
from vla_safety.motion import NS, Motion
from vla_safety.reasons import Reason

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]


def swing(start: Array, by: Array, seconds: float) -> Motion:
    """From rest to rest, with a knot every fiftieth of it."""
    s = np.linspace(0, 1, 51)[:, None]
    q = start + by * s**3 * (10 - 15 * s + 6 * s**2)
    v = by * 30 * s**2 * (1 - s) ** 2 / seconds
    a = by * 60 * s * (1 - s) * (1 - 2 * s) / seconds**2
    times_ns = NS + np.round(s[:, 0] * seconds * NS).astype(np.int64)
    return Motion(times_ns, q, v, a)


def turn(rig: 'Rig', joint: int, by: float) -> Array:
    """One joint's way, as an array of all."""
    way = np.zeros(len(rig.robot.joints))
    way[joint] = by
    return way


@pytest.mark.parametrize(
    ('worst', 'v', 'a'),
    [
        ('velocity', (3.75, 3.75), (0.0, 0.0)),
        ('acceleration', (-0.9, 0.9), (18.0, 18.0)),
        ('jerk', (0.0, 0.0), (-11.25, 11.25)),
    ],
)
def test_a_motion_at_one_and_a_half_of_a_rate_is_found(
    rig: 'Rig', worst: str, v: tuple[float, float], a: tuple[float, float]
) -> None:
    """A tenth of a second with one derivative constant: that one is named, with its joint."""
    seconds, jerk = 0.1, (a[1] - a[0]) / 0.1
    way = v[0] * seconds + a[0] * seconds**2 / 2 + jerk * seconds**3 / 6
    v = (v[0], v[0] + a[0] * seconds + jerk * seconds**2 / 2)
    motion = Motion(
        np.array([NS, NS + round(seconds * NS)], dtype=np.int64),
        np.stack([rig.q, rig.q + turn(rig, 3, way)]),
        np.stack([turn(rig, 3, value) for value in v]),
        np.stack([turn(rig, 3, value) for value in a]),
    )
    finding = JointCheck(rig.filter.limits).find(motion)
    assert finding is not None
    assert finding.reason is Reason.DYNAMICS
    assert finding.text == f'{worst} wrist_1_joint is at 1.500 of its limit'


def test_a_motion_that_leaves_the_range_between_two_good_ends_is_found(rig: 'Rig') -> None:
    """Its knots are inside, its curve is not."""
    high = rig.filter.limits.upper[2] - 0.001
    q = np.array(rig.robot.home)
    q[2] = high
    v = np.stack([turn(rig, 2, 0.4), turn(rig, 2, -0.4)])
    times_ns = np.array([NS, 2 * NS], dtype=np.int64)
    finding = JointCheck(rig.filter.limits).find(
        Motion(times_ns, np.stack([q, q]), v, np.zeros((2, 6)))
    )
    assert finding is not None
    assert finding.reason is Reason.JOINT_RANGE
    assert 'elbow_joint goes' in finding.text


def test_a_motion_within_all_limits_is_not_complained_about(rig: 'Rig') -> None:
    """None is the answer to a good motion."""
    motion = swing(rig.q, turn(rig, 0, 0.2), 1.0)
    workspace = rig.robot.workspace
    assert JointCheck(rig.filter.limits).find(motion) is None
    assert ToolSpeedCheck(workspace, rig.kinematics).find(motion) is None
    assert WorkspaceCheck(workspace, rig.kinematics).find(motion) is None


def test_a_tool_that_is_too_fast_is_found(rig: 'Rig') -> None:
    """Joints within their limits can throw a stretched arm's tool."""
    motion = swing(rig.q, turn(rig, 0, 1.5), 1.45)
    workspace = rig.robot.workspace.model_copy(update={'tool_speed': 0.6})
    assert JointCheck(rig.filter.limits).find(motion) is None
    finding = ToolSpeedCheck(workspace, rig.kinematics).find(motion)
    assert finding is not None
    assert finding.reason is Reason.TOOL_SPEED


def test_a_tool_that_leaves_its_box_is_found_with_the_time(rig: 'Rig') -> None:
    """Up to there the motion is in order."""
    motion = swing(rig.q, turn(rig, 0, 2.5), 3.0)
    finding = WorkspaceCheck(rig.robot.workspace, rig.kinematics).find(motion)
    assert finding is not None
    assert finding.reason is Reason.WORKSPACE
    assert finding.safe_until_ns is not None
    assert motion.start_ns < finding.safe_until_ns < motion.end_ns
    box = rig.robot.workspace.boxes[0]
    place = rig.kinematics.tool_positions(motion.at(finding.safe_until_ns).q[None])[0]
    assert (place > np.array(box.min)).all()
    assert (place < np.array(box.max)).all()


def test_a_tool_that_enters_a_keep_out_is_found(rig: 'Rig') -> None:
    """It is named."""
    motion = swing(rig.q, turn(rig, 0, 0.6), 1.5)
    place = rig.kinematics.tool_positions(motion.q[1:])[0]
    box = Box(name='shelf', min=tuple(place - 0.02), max=tuple(place + 0.02))
    workspace = rig.robot.workspace.model_copy(update={'keep_outs': (box,)})
    finding = WorkspaceCheck(workspace, rig.kinematics).find(motion)
    assert finding is not None
    assert 'the keep-out "shelf"' in finding.text


def test_rows_a_little_beyond_a_range_are_clipped(armed: 'Rig') -> None:
    """And followed to the margin before the limit."""
    armed.run(0.1)
    limits = armed.filter.limits
    high = limits.upper[2] - limits.margin
    rows = np.repeat(armed.q[None], 40, axis=0)
    rows[:, 2] = np.linspace(armed.q[2], high + 0.005, 40)
    asked = armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    assert asked.rows.q[-1, 2] == high
    assert armed.filter.finding.reason is Reason.CLIPPED


def test_rows_far_beyond_a_range_are_cut_off(armed: 'Rig') -> None:
    """From the first of them on."""
    armed.run(0.1)
    rows = np.repeat(armed.q[None], 40, axis=0)
    rows[:, 2] = np.linspace(armed.q[2], armed.filter.limits.upper[2] + 1.0, 40)
    asked = armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    assert 0 < len(asked.rows.q) < 40
    assert armed.filter.finding.reason is Reason.TRUNCATED
