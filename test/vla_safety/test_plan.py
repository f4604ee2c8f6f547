# SPDX-License-Identifier: Apache-2.0
"""Stopping from a plan that somebody else checked, as the guard does."""

from typing import TYPE_CHECKING

import numpy as np

from vla_safety.motion import NS, Motion
from vla_safety.plan import Plan

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

START_NS = 1_700_000_000 * NS


def swing(seconds: int) -> Motion:
    """From rest to rest, half a radian in every joint."""
    times_ns = np.array([START_NS, START_NS + seconds * NS], dtype=np.int64)
    q = np.stack([np.zeros(6), np.full(6, 0.5)])
    return Motion(times_ns, q, np.zeros((2, 6)), np.zeros((2, 6)))


def test_a_long_motion_is_cut_short(rig: 'Rig') -> None:
    """It repeats what is in execution, brakes, and ends long before the motion would have."""
    motion, now_ns = swing(3), START_NS + NS
    stop = Plan.of(motion, rig.filter.limits, rig.robot.timing).stop(now_ns)
    assert stop is not None
    assert stop.end_ns < now_ns + NS // 2
    assert not stop.v[-1].any()
    np.testing.assert_allclose(stop.at(now_ns).q, motion.at(now_ns).q, atol=1e-12)


def test_a_motion_that_rests_as_soon_is_left_alone(rig: 'Rig') -> None:
    """A second stop inside a braking tail would gain nothing and might surprise somebody."""
    timing = rig.robot.timing
    motion, now_ns = swing(3), START_NS + NS
    stop = Plan.of(motion, rig.filter.limits, timing).stop(now_ns)
    assert stop is not None
    in_tail_ns = now_ns + 2 * round(timing.lead_s * NS)
    assert Plan.of(stop, rig.filter.limits, timing).stop(in_tail_ns) is None
    assert Plan.of(stop, rig.filter.limits, timing).stop(stop.end_ns + NS) is None
