# SPDX-License-Identifier: Apache-2.0
"""Gripper columns that are no openings, that cannot decide, and that act at full speed."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_safety.collision.objects import BoxShape, Pose, SceneObject
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
PAN = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def with_openings(rig: 'Rig', rows: Array, openings: Array) -> None:
    """Send rows with an opening each."""
    chunk = rig.chunk(rows, opening=1.0)
    values = np.hstack([rows, openings[:, None]])
    rig.filter.on_chunk(replace(chunk, values=values), rig.instant)


def turn(rig: 'Rig', rows: int = 30) -> Array:
    """A quick, smooth turn of the shoulder."""
    share = np.linspace(0, 1, rows)[:, None]
    return np.asarray(rig.q + PAN * 0.7 * share**3 * (10 - 15 * share + 6 * share**2))


@pytest.mark.parametrize(
    ('opening', 'reason'),
    [
        (np.nan, Reason.NOT_FINITE),
        (np.inf, Reason.NOT_FINITE),
        (-np.inf, Reason.NOT_FINITE),
        (-1.0, Reason.TOO_LARGE),
        (255.0, Reason.TOO_LARGE),
        (1.2, Reason.TOO_LARGE),
    ],
)
def test_an_opening_that_is_none_condemns_the_chunk(
    armed: 'Rig', opening: float, reason: Reason
) -> None:
    """In one row of twenty; neither the arm nor the gripper moves for it."""
    armed.run(0.1)
    openings = np.ones(20)
    openings[11] = opening
    with pytest.raises(RefusedError) as refused:
        with_openings(armed, armed.sway(), openings)
    assert refused.value.reason is reason
    armed.run(0.5)
    assert armed.at_rest()
    assert armed.gripper == []


@pytest.mark.parametrize('opening', [-0.04, 1.04])
def test_an_opening_a_little_outside_is_the_end_it_means(armed: 'Rig', opening: float) -> None:
    """Policies round; a joint is never sent beyond its ends."""
    armed.run(0.1)
    with_openings(armed, armed.sway(0.01), np.full(20, opening))
    armed.run(0.5)
    gripper = armed.robot.gripper
    assert gripper is not None
    assert armed.gripper == [gripper.open if opening > 1 else gripper.closed]


def test_a_policy_that_cannot_decide_does_not_rattle_the_gripper(armed: 'Rig') -> None:
    """Open and closed in turn, row by row, for a second and a half: a few commands."""
    armed.run(0.1)
    openings = np.tile([0.0, 1.0], 15)
    with_openings(armed, np.tile(armed.q, (30, 1)), openings)
    armed.run(2.0)
    assert 2 <= len(armed.gripper) <= 7


def test_a_gripper_that_closes_at_full_speed_leaves_the_motion_as_it_was(armed: 'Rig') -> None:
    """To the last bit, and it is told once."""
    plain = type(armed)().arm()
    for rig in (armed, plain):
        rig.run(0.1)
    openings = np.where(np.arange(30) < 14, 1.0, 0.0)
    with_openings(armed, turn(armed), openings)
    plain.filter.on_chunk(plain.chunk(turn(plain)), plain.instant)
    for rig in (armed, plain):
        rig.run(1.8)
    np.testing.assert_array_equal(np.array(armed.commands), np.array(plain.commands))
    assert armed.robot.gripper is not None
    assert armed.gripper == [armed.robot.gripper.open, armed.robot.gripper.closed]


def test_fingers_that_are_told_to_close_are_kept_away_open_until_they_have(
    armed: 'Rig',
) -> None:
    """A post that only an open hand would touch: the command to close is no closed hand."""
    armed.run(0.1)
    closing = np.where(np.arange(30) < 3, 1.0, 0.0)
    ahead = armed.q + PAN * 0.45
    post = beside_open_hand(armed, ahead)
    armed.avoidance.see('markers', [post], armed.now_ns)
    with_openings(armed, turn(armed), closing)
    armed.run(0.2)
    assert armed.gripper[-1] == 0.0
    armed.gripper.append(0.04)  # measured: it did not close
    armed.run(2.0)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.COLLISION
    assert 'post' in armed.filter.finding.text


def beside_open_hand(rig: 'Rig', q: Array) -> SceneObject:
    """A thin post that an open hand would touch in a posture, and a closed one would not."""
    x, y, z = rig.kinematics.tool_positions(q[None])[0].tolist()
    layout = rig.checker.layout
    for turned in np.linspace(0, 2 * np.pi, 48, endpoint=False):
        for away in (0.03, 0.04, 0.05):
            at = (x + away * np.cos(turned), y + away * np.sin(turned), z)
            post = SceneObject('post', BoxShape((0.01, 0.01, 0.01)), Pose(at))
            rig.checker.set_scene([post])
            free = [rig.checker.is_free(layout.posture(q, opening)) for opening in (0.0, 1.0)]
            if free == [True, False]:
                return post
    raise AssertionError('there is no such place')
