# SPDX-License-Identifier: Apache-2.0
"""Chunks whose rows look harmless and whose motion would not be, and one that is harmless."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pinocchio as pin
import pytest
from numpy.typing import NDArray

from vla_contract.action import POSE_COLUMNS, POSE_DELTA_COLUMNS, ActionSpace
from vla_contract.robot import Margins
from vla_safety.collision.objects import BoxShape, CylinderShape, Pose, SceneObject, SphereShape
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
CYCLE_S = 0.01
PAN = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def assert_smooth(rig: 'Rig') -> None:
    """From cycle to cycle, speed changes by no more than acceleration allows; all within limits."""
    changes = np.abs(np.diff(np.diff(np.array(rig.commands), axis=0), axis=0)) / CYCLE_S**2
    assert (changes <= rig.filter.limits.acceleration * 1.01).all()
    assert (rig.speeds() <= rig.filter.limits.velocity * 1.001).all()
    for motion in rig.sent:
        assert rig.filter.limits.use(motion).ratio <= 1 + 1e-6


def eased(start: Array, way: Array, rows: int) -> Array:
    """Rows from rest to rest."""
    share = np.linspace(0, 1, rows)[:, None]
    return np.asarray(start + way * share**3 * (10 - 15 * share + 6 * share**2))


def at_tool(rig: 'Rig', q: Array, up: float = 0.0) -> tuple[float, float, float]:
    """Where the tool is in a posture, or above it [m]."""
    x, y, z = rig.kinematics.tool_positions(q[None])[0].tolist()
    return x, y, z + up


def test_rows_that_are_safe_reach_the_controller_to_the_last_bit(armed: 'Rig') -> None:
    """Each row, at its time, is a knot of what is sent; nothing is smoothed, scaled or clipped."""
    armed.run(0.1)
    chunk = armed.chunk(armed.sway(0.2, 30), start_s=0.06)
    asked = armed.filter.on_chunk(chunk, armed.instant)
    np.testing.assert_array_equal(asked.rows.q, chunk.values)
    assert (asked.clipped, asked.cut, armed.filter.pace) == ('', '', 1.0)
    armed.run(1.6)
    knots = {
        int(t): q for motion in armed.sent for t, q in zip(motion.times_ns, motion.q, strict=True)
    }
    step_ns = round(chunk.step_s * NS)
    for index in range(1, len(chunk.values)):
        np.testing.assert_array_equal(knots[chunk.start_ns + index * step_ns], chunk.values[index])


def test_rows_that_end_at_full_speed_end_at_rest(armed: 'Rig') -> None:
    """A ramp without an end: the controller refuses trajectories that do not stop."""
    armed.run(0.1)
    ramp = np.maximum(np.arange(30) - 4, 0)[:, None] * 0.05 * 0.8
    rows = armed.q + ramp * PAN
    armed.filter.on_chunk(armed.chunk(rows), armed.instant)
    armed.run(2.5)
    assert armed.speeds().max() > 0.7
    assert all(not motion.v[-1].any() and not motion.a[-1].any() for motion in armed.sent)
    assert armed.at_rest()
    assert 0 <= (armed.q - rows[-1])[0] < 0.8**2 / 2 / 10 + 0.06
    assert_smooth(armed)


@pytest.mark.parametrize('speed', [0.6, 1.5, 40.0])
def test_velocities_that_do_not_fit_the_arm_are_reached_within_limits(
    armed: 'Rig', speed: float
) -> None:
    """From standstill to a speed in no time: chunks have positions or velocities, never both."""
    armed.run(0.1)
    rows = np.tile(PAN * speed, (16, 1))
    chunk = replace(
        armed.chunk(rows),
        space=ActionSpace.JOINT_VELOCITY,
        units=tuple(f'{joint.unit}/s' for joint in armed.robot.joints),
    )
    try:
        armed.filter.on_chunk(chunk, armed.instant)
    except RefusedError:
        assert speed > armed.filter.limits.velocity[0]
    armed.run(2.0)
    assert armed.at_rest()
    assert_smooth(armed)


@pytest.mark.parametrize('speed', [0.4, 1.2])
def test_a_reversal_at_the_seam_is_a_turn_and_no_step(armed: 'Rig', speed: float) -> None:
    """Half way, the policy wants to go back, from where it saw the arm a moment ago."""
    armed.run(0.1)
    there = armed.q + PAN * 0.4 * speed
    armed.filter.on_chunk(armed.chunk(eased(armed.q, there - armed.q, 16)), armed.instant)
    armed.run(0.4)
    assert not armed.at_rest()
    back = armed.q - PAN * speed * 0.05 * np.arange(1, 11)[:, None]
    armed.filter.on_chunk(armed.chunk(back), armed.instant)
    turned = armed.q[0]
    armed.run(2.0)
    assert armed.at_rest()
    assert armed.q[0] < turned
    assert_smooth(armed)


def test_rows_that_break_only_the_limit_of_jerk_are_followed_slower(armed: 'Rig') -> None:
    """Speed and acceleration are far from theirs."""
    armed.run(0.1)
    t = np.arange(100) * 0.02
    swing = np.minimum(t / 0.5, 1.0)[:, None] * 0.017 * (1 - np.cos(22 * t))[:, None]
    rows = armed.q + swing * PAN
    armed.filter.on_chunk(armed.chunk(rows, step_s=0.02), armed.instant)
    own = armed.filter.plan.intended if armed.filter.plan else None
    assert own is not None
    assert 0.5 < own.scale < 1.0
    velocity, acceleration, jerk = armed.filter.limits.ratios(own.motion)
    assert max(velocity, acceleration) < 0.9
    assert 0.9 < jerk <= 1.0
    armed.run(2.5)
    assert_smooth(armed)


def test_an_arm_does_not_creep_over_a_limit(make_rig: type['Rig']) -> None:
    """Each chunk asks for a little more, each little is clipped, and none of it adds up."""
    joints = list(make_rig().robot.joints)
    home = make_rig().robot.home[0]
    joints[0] = joints[0].model_copy(update={'position': (-1.0, home + 0.05)})
    rig = make_rig(joints=tuple(joints)).arm()
    rig.run(0.1)
    most = home + 0.05 - rig.robot.margins.position
    for _ in range(30):
        rows = rig.q + PAN * 0.009 * np.linspace(0, 1, 10)[:, None]
        rig.filter.on_chunk(rig.chunk(rows), rig.instant)
        rig.run(0.2)
    assert np.max(rig.commands, axis=0)[0] <= most + 1e-5
    assert rig.q[0] == pytest.approx(most, abs=1e-4)
    assert rig.filter.finding.reason is Reason.CLIPPED


def test_increments_do_not_gather_what_the_arm_lags_behind(armed: 'Rig') -> None:
    """An arm that sags is told the same place, however often it is told to stay."""
    armed.offset[1] = 0.03
    armed.run(0.2)
    before = armed.q.copy()
    there_and_back = np.zeros((20, 6))
    there_and_back[:, 1] = 0.004 * np.sin(np.linspace(0, 2 * np.pi, 20, endpoint=False))
    for _ in range(20):
        chunk = replace(armed.chunk(there_and_back), space=ActionSpace.JOINT_DELTA)
        armed.filter.on_chunk(chunk, armed.instant)
        armed.run(1.3)
    assert armed.at_rest()
    assert np.abs(armed.q - before).max() < 0.005


def test_a_bridge_into_free_rows_is_not_led_through_things(make_rig: type['Rig']) -> None:
    """All rows stand where there is room; what lies between the arm and them is a pole."""
    rig = make_rig(margins=Margins(seam_jump=0.6)).arm()
    rig.run(0.1)
    there = rig.q + PAN * 0.5
    x, y, z = at_tool(rig, rig.q + PAN * 0.25)
    rig.avoidance.see(
        'markers', [SceneObject('pole', CylinderShape(0.005, 0.3), Pose((x, y, z)))], rig.now_ns
    )
    assert rig.avoidance_distance(rig.q) > 0.02
    assert rig.avoidance_distance(there) > 0.02
    rig.filter.on_chunk(rig.chunk(np.tile(there, (30, 1))), rig.instant)
    rig.run(2.5)
    assert rig.at_rest()
    assert rig.filter.finding.reason is Reason.COLLISION
    assert 'pole' in rig.filter.finding.text
    assert min(rig.avoidance_distance(q) for q in rig.commands) > 0


def test_a_pose_turned_over_between_rows_is_cut_off(armed: 'Rig') -> None:
    """Another branch of the solution, or half a turn at once: the rows before it are followed."""
    armed.run(0.1)
    pose = armed.kinematics.tool_pose(armed.q)
    x, y, z, w = pin.Quaternion(pose.rotation).coeffs().tolist()
    row = [*pose.translation, x, y, z, w]
    turned = [*pose.translation, -y, x, w, -z]
    values = np.array([row] * 10 + [turned] * 10)
    chunk = replace(
        armed.chunk(values),
        space=ActionSpace.POSE,
        columns=POSE_COLUMNS,
        units=('m',) * 3 + ('1',) * 4,
    )
    asked = armed.filter.on_chunk(chunk, armed.instant)
    assert len(asked.rows.q) == 10
    assert asked.cut
    start = armed.q.copy()
    armed.run(2.0)
    assert np.abs(armed.q - start).max() < 0.05


def place_plate(rig: 'Rig', top_m: float) -> None:
    """A plate under the hand, its upper side at a height."""
    x, y, _ = at_tool(rig, rig.q)
    plate = SceneObject('plate', BoxShape((0.6, 0.6, 0.01)), Pose((x + 0.1, y, top_m - 0.005)))
    rig.avoidance.see('markers', [plate], rig.now_ns)


def above_plate(rig: 'Rig', q: Array) -> float:
    """Between the plate and the lower finger [m]."""
    posture = rig.checker.layout.posture(q)
    fingers = ('gripper_left_finger_link', 'gripper_right_finger_link')
    return min(rig.checker.distance(posture, frozenset(('plate', name))) for name in fingers)


@pytest.mark.parametrize(('below_m', 'arrives'), [(0.03, True), (0.007, False)])
def test_rows_that_are_free_are_not_followed_where_the_stop_from_them_is_not(
    armed: 'Rig', below_m: float, arrives: bool
) -> None:
    """Along a plate the tool keeps its height; joints that stop each in its own time let it dip."""
    armed.run(0.1)
    pose, rows = armed.kinematics.tool_pose(armed.q), [armed.q]
    for share in eased(np.zeros(1), np.ones(1), 18)[1:, 0]:
        place = pin.SE3(pose.rotation, pose.translation + share * np.array([0.25, 0.0, 0.0]))
        rows.append(armed.filter.ik.solve(place, rows[-1]))
    place_plate(armed, 0.0)
    place_plate(armed, above_plate(armed, armed.q) - below_m)
    armed.filter.on_chunk(armed.chunk(np.array(rows)), armed.instant)
    assert armed.filter.plan is not None
    assert armed.filter.plan.intended is not None
    assert armed.avoidance.find(armed.filter.plan.intended.motion) is None
    armed.run(2.5)
    assert armed.at_rest()
    assert bool(np.abs(armed.q - rows[-1]).max() < 1e-3) is arrives
    assert min(above_plate(armed, q) for q in armed.commands) > 0.001
    if not arrives:
        assert armed.filter.finding.reason is Reason.COLLISION
        assert 'plate' in armed.filter.finding.text


def test_a_singular_posture_is_held_and_left_by_joints(make_rig: type['Rig']) -> None:
    """With the wrist straight, the tool is not led any further; its joints are."""
    home = list(make_rig().robot.home)
    rig = make_rig(home=(*home[:4], 0.0, home[5])).arm()
    rig.run(0.1)
    start = rig.q.copy()
    step = np.zeros((20, 6))
    for axis in range(3):
        step[:, :3] = 0.002 * np.eye(3)[axis]
        led = replace(
            rig.chunk(step),
            space=ActionSpace.POSE_DELTA,
            columns=POSE_DELTA_COLUMNS,
            units=('m',) * 3 + ('rad',) * 3,
        )
        with pytest.raises(RefusedError) as refused:
            rig.filter.on_chunk(led, rig.instant)
        assert refused.value.reason in (Reason.SINGULAR, Reason.UNREACHABLE)
    rig.run(1.0)
    np.testing.assert_array_equal(rig.q, start)
    bent = eased(start, np.array([0.0, 0.0, 0.0, 0.0, -0.4, 0.0]), 30)
    rig.filter.on_chunk(rig.chunk(bent), rig.instant)
    rig.run(2.5)
    np.testing.assert_allclose(rig.q, bent[-1], atol=1e-4)
    assert_smooth(rig)


def test_an_id_that_is_used_again_for_something_in_the_way_stops_the_arm(armed: 'Rig') -> None:
    """The same name, another shape, another place."""
    armed.run(0.1)
    far = SceneObject('7', BoxShape((0.1, 0.1, 0.1)), Pose((-0.5, 0.0, 0.5)))
    armed.avoidance.see('markers', [far], armed.now_ns)
    armed.filter.on_chunk(armed.chunk(eased(armed.q, PAN * 0.9, 40)), armed.instant)
    armed.run(0.6)
    assert armed.filter.mode is Mode.ACTIVE
    near = SceneObject(
        '7', SphereShape(0.05), Pose(at_tool(armed, np.array(armed.robot.home) + PAN * 0.55))
    )
    armed.avoidance.see('markers', [near], armed.now_ns)
    armed.run(1.5)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.COLLISION
    assert min(armed.avoidance_distance(q) for q in armed.commands[-150:]) > 0
