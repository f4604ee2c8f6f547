# SPDX-License-Identifier: Apache-2.0
"""Joint states as drivers really send them."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vla_safety.motion import NS
from vla_safety.reasons import Reason

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig


def update(rig: 'Rig', positions: dict[str, float], stamp_ns: int | None = None) -> None:
    """One message, now."""
    now = rig.instant
    rig.filter.measured.update(positions, {}, now.ros_ns if stamp_ns is None else stamp_ns, now)


def good(rig: 'Rig') -> dict[str, float]:
    """Where the arm is."""
    return dict(zip(rig.robot.joint_names, rig.q.tolist(), strict=True))


def reason(rig: 'Rig') -> Reason | None:
    """Why the state cannot be relied on."""
    finding = rig.filter.measured.finding(rig.instant)
    return finding.reason if finding else None


def test_partial_messages_are_merged_by_name(rig: 'Rig') -> None:
    """Some drivers send each joint on its own, in any order."""
    rig.now_ns += NS
    for name in reversed(rig.robot.joint_names):
        update(rig, {name: good(rig)[name]})
    assert reason(rig) is None
    np.testing.assert_array_equal(rig.filter.measured.positions, rig.q)


def test_one_joint_that_stops_coming_makes_the_state_stale(rig: 'Rig') -> None:
    """The oldest joint counts, not the newest message."""
    rig.now_ns += NS
    positions = good(rig)
    positions.pop('elbow_joint')
    update(rig, positions)
    assert reason(rig) is Reason.STALE_JOINT_STATE


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_one_bad_number_is_noticed_although_good_messages_follow(rig: 'Rig', value: float) -> None:
    """A driver that sends NaN every now and then is broken all the time."""
    rig.now_ns += 10_000_000
    update(rig, good(rig) | {'elbow_joint': value})
    rig.now_ns += 10_000_000
    update(rig, good(rig))
    assert reason(rig) is Reason.BAD_JOINT_STATE
    rig.now_ns += 60_000_000
    update(rig, good(rig))
    assert reason(rig) is None


def test_an_impossible_jump_is_a_fault(rig: 'Rig') -> None:
    """An encoder that slips, or another arm's message."""
    rig.now_ns += 10_000_000
    update(rig, good(rig) | {'elbow_joint': good(rig)['elbow_joint'] + 0.5})
    assert reason(rig) is Reason.BAD_JOINT_STATE


def test_a_stamp_from_the_future_is_a_fault(rig: 'Rig') -> None:
    """Its age would never grow."""
    rig.now_ns += 10_000_000
    update(rig, good(rig), stamp_ns=rig.instant.ros_ns + NS)
    assert reason(rig) is Reason.BAD_JOINT_STATE


def test_a_clock_that_does_not_run_is_a_fault(rig: 'Rig') -> None:
    """Simulated time that was never published reads zero."""
    rig.now_ns += 10_000_000
    update(rig, good(rig), stamp_ns=0)
    assert reason(rig) is Reason.BAD_JOINT_STATE


def test_frozen_stamps_age_although_messages_arrive(rig: 'Rig') -> None:
    """A repeater that sends the last state again and again."""
    stamp_ns = rig.instant.ros_ns
    for _ in range(30):
        rig.now_ns += 10_000_000
        update(rig, good(rig), stamp_ns=stamp_ns)
    assert reason(rig) is Reason.STALE_JOINT_STATE
