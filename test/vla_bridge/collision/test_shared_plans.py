# SPDX-License-Identifier: Apache-2.0
"""What safety nodes of two arms tell each other: the same comes back, and nonsense does not."""

from collections.abc import Callable

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from vla_control.msg import SharedPlan as Message

from vla_bridge.collision.shared_plans import from_message, to_message
from vla_contract.errors import VlaError
from vla_safety.collision.objects import Pose
from vla_safety.collision.swept import OtherMotion
from vla_safety.motion import Motion
from vla_safety.shared_plan import SharedPlan
from vla_safety.turns import NOT_BEGUN

JOINTS = ('turn', 'slide')


def a_plan() -> SharedPlan:
    """Of three knots, with two peers."""
    times_ns = np.array([2**40, 2**40 + 7, 2**41])
    values = np.arange(6.0).reshape(3, 2) / 7
    facing = Pose((1.0, 0.1, 0.0), (0.0, 0.0, 1.0, 0.0))
    motion = OtherMotion(Motion(times_ns, values, values + 1, values + 2), aside_m=0.012)
    return SharedPlan(2**63 - 1, 7, {5: 12, 9: NOT_BEGUN}, {5: facing, 9: Pose()}, motion)


def test_a_plan_comes_back_as_it_was() -> None:
    """To the last bit."""
    plan = a_plan()
    read = from_message(to_message(plan, JOINTS, 'base', Time()), JOINTS, 'plan')
    assert (read.session, read.sequence) == (plan.session, plan.sequence)
    assert (read.turns, read.poses) == (plan.turns, plan.poses)
    assert read.motion.aside_m == plan.motion.aside_m
    for name in ('times_ns', 'q', 'v', 'a'):
        one, two = getattr(read.motion.motion, name), getattr(plan.motion.motion, name)
        np.testing.assert_array_equal(one, two)


SPOILT: dict[str, tuple[Callable[[Message], None], str]] = {
    'other joints': (lambda m: setattr(m, 'joints', ['slide', 'turn']), 'joints slide, turn'),
    'a value too few': (lambda m: m.positions.pop(), '5 values for 3 knots of 2 joints'),
    'a turn too few': (lambda m: m.turns.pop(), '1 turns and 14 numbers of poses for 2 peers'),
    'half a pose': (lambda m: m.poses.pop(), '13 numbers of poses for 2 peers'),
    'no distance': (lambda m: setattr(m, 'stop_deviation', np.nan), 'stop_deviation is nan'),
    'no pose': (lambda m: m.poses.__setitem__(0, np.inf), r'position is \(inf'),
}


@pytest.mark.parametrize('case', SPOILT)
def test_what_is_no_plan_is_refused(case: str) -> None:
    """With what is wrong, and never by anything but our own error."""
    spoil, words = SPOILT[case]
    message = to_message(a_plan(), JOINTS, 'base', Time())
    spoil(message)
    with pytest.raises(VlaError, match=words):
        from_message(message, JOINTS, 'plan')
