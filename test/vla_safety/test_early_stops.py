# SPDX-License-Identifier: Apache-2.0
"""A stop at once leaves the checked path a little: it is made only where that is free as well."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_safety.collision.objects import Pose, SceneObject, SphereShape
from vla_safety.mode import Mode
from vla_safety.motion import Motion
from vla_safety.plan import Plan
from vla_safety.reasons import Reason

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
WAY = np.array([1.0, 0.2, -0.3, 0.8, 0.2, 1.0])
"""Of joints that take different times to brake."""


def moving(rig: 'Rig') -> 'Rig':
    """At speed, between two ticks."""
    rig.run(0.1)
    share = np.linspace(0, 1, 25)[:, None]
    rows = rig.q + WAY * share**3 * (10 - 15 * share + 6 * share**2)
    rig.filter.on_chunk(rig.chunk(rows), rig.instant)
    rig.run(0.55)
    return rig


def both_ways(rig: 'Rig') -> tuple[Motion, Motion]:
    """What is under way, and the stop that nobody has checked."""
    assert rig.filter.plan is not None
    path = rig.filter.plan.executing
    stop = Plan.of(path, rig.filter.limits, rig.robot.timing).stop(rig.now_ns)
    assert stop is not None
    return path.since(rig.now_ns), stop.since(rig.now_ns)


def place_ball(rig: 'Rig', *, path_is_free: bool) -> None:
    """Put a ball where the stop would meet it, and the path would or would not."""
    path, stop = both_ways(rig)
    end = rig.kinematics.tool_positions(stop.q[-1:])[0]
    random = np.random.default_rng(0)
    for _ in range(1000):
        x, y, z = (end + random.normal(0, 0.025, 3)).tolist()
        ball = SceneObject('ball', SphereShape(0.003), Pose((x, y, z)))
        rig.avoidance.see('markers', [ball], rig.now_ns)
        free = [rig.avoidance.find(motion) is None for motion in (path, stop)]
        if free == [path_is_free, False] and rig.avoidance_distance(rig.q) > 0.02:
            return
    pytest.fail('there is no such place')


@pytest.mark.parametrize('asked', ['protect', 'emergency_stop'])
def test_a_stop_that_would_leave_the_path_into_something_is_not_made(
    armed: 'Rig', asked: str
) -> None:
    """The path has been checked to its end at rest: that is played, and nothing is met."""
    moving(armed)
    place_ball(armed, path_is_free=True)
    path, _ = both_ways(armed)
    if asked == 'protect':
        command = armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant)
    else:
        command = armed.filter.emergency_stop(True, armed.instant)
    assert command.motion is None
    armed.run(0.6)
    assert armed.at_rest()
    assert armed.filter.mode is (Mode.PROTECTIVE_STOP if asked == 'protect' else Mode.ESTOP)
    np.testing.assert_allclose(armed.q, path.q[-1], atol=1e-9)
    kept = armed.robot.collision.margin
    assert min(armed.avoidance_distance(q) for q in armed.commands[-60:]) >= kept


def test_where_neither_is_free_the_arm_stops_at_once(armed: 'Rig') -> None:
    """What appeared is in the way of both: then sooner is better."""
    moving(armed)
    place_ball(armed, path_is_free=False)
    path, stop = both_ways(armed)
    command = armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant)
    assert command.motion is not None
    armed.deliver(command)
    armed.run(0.6)
    np.testing.assert_allclose(armed.q, stop.q[-1], atol=1e-9)
    assert np.abs(armed.q - path.q[-1]).max() > 0.01


def test_a_stop_into_free_room_is_made_at_once(armed: 'Rig') -> None:
    """With every limit kept."""
    moving(armed)
    path, stop = both_ways(armed)
    command = armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant)
    assert command.motion is not None
    assert command.motion.end_ns == stop.end_ns < path.end_ns
    assert armed.filter.limits.use(command.motion).ratio <= 1 + 1e-6
