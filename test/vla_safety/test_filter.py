# SPDX-License-Identifier: Apache-2.0
"""Whole motions through the filter into the trajectory controller's stand-in."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_contract.action import ActionSpace
from vla_contract.scene import Scene
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig


def stream(rig: 'Rig', chunks: int = 5, every_s: float = 0.3) -> 'Rig':
    """A policy that follows one smooth motion and answers 80 ms late, as real ones do."""
    rig.run(0.1)
    start_ns, home = rig.now_ns, rig.q.copy()
    for _ in range(chunks):
        t = (rig.now_ns - start_ns) / NS + np.arange(20)[:, None] * 0.05
        wave = 0.3 * (1 - np.cos(2 * np.pi * t / 4)) / 2
        chunk = rig.chunk(home + wave * np.array([1.0, -0.6, 0.5, 0.4, -0.5, 1.0]))
        rig.run(0.08)
        rig.filter.on_chunk(chunk, rig.instant)
        rig.run(every_s - 0.08)
    return rig


def test_overlapping_chunks_make_one_smooth_motion(armed: 'Rig') -> None:
    """At the seams, speed changes by no more than acceleration allows in a cycle."""
    stream(armed, chunks=8)
    changes = np.abs(np.diff(armed.speeds(), axis=0))
    assert armed.filter.mode is Mode.ACTIVE
    assert changes.max() <= armed.filter.limits.acceleration.max() * 0.01
    assert armed.speeds().max() > 0.1


def test_every_message_ends_at_rest_and_repeats_the_past(armed: 'Rig') -> None:
    """The invariant of the design, on the wire: history, then a checked motion to standstill."""
    stream(armed)
    assert len(armed.sent) > 50
    for motion in armed.sent:
        assert not motion.v[-1].any()
        assert not motion.a[-1].any()
        assert armed.filter.limits.use(motion).ratio <= 1 + 1e-6
    timing = armed.robot.timing
    begun_ns = armed.sent_ns[0] + NS // 5
    for before, motion, sent_ns in zip(armed.sent, armed.sent[1:], armed.sent_ns[1:], strict=False):
        history_ns, lead_ns = round(timing.history_s * NS), round(timing.lead_s * NS)
        assert motion.start_ns <= sent_ns - history_ns + NS // 1000 or sent_ns < begun_ns
        shared_ns = np.linspace(motion.start_ns, sent_ns + lead_ns, 20).astype(np.int64)
        for part, known in zip(motion.sample(shared_ns), before.sample(shared_ns), strict=True):
            np.testing.assert_allclose(part, known, atol=1e-6)


@pytest.mark.parametrize(
    ('companion', 'reason'),
    [
        ('policy_node', Reason.POLICY_SILENT),
        ('instruction_node', Reason.INSTRUCTION_SILENT),
        ('guard_node', Reason.GUARD_SILENT),
    ],
)
def test_a_silent_companion_brings_the_arm_to_rest(
    armed: 'Rig', companion: str, reason: Reason
) -> None:
    """Within half a second of its last heartbeat."""
    stream(armed)
    armed.alive.discard(companion)
    armed.run(0.5)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is reason


def test_an_arm_whose_safety_node_dies_comes_to_rest(armed: 'Rig') -> None:
    """The controller plays the tail it already has."""
    stream(armed)
    armed.delivering = False
    armed.run(0.5)
    assert armed.at_rest()


def test_joint_states_that_stop_coming_hold_the_arm(armed: 'Rig') -> None:
    """Blind motion is not allowed."""
    stream(armed)
    armed.sensors = False
    armed.run(0.5)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.STALE_JOINT_STATE


def test_after_a_hold_only_a_fresh_observation_moves_the_arm(armed: 'Rig') -> None:
    """What the policy saw before the hold no longer counts; what it sees after does."""
    stream(armed)
    seen_before = armed.chunk(armed.sway())
    armed.run(0.05)
    armed.filter.hold(Reason.HOLD_ASKED, 'by hand', armed.instant)
    with pytest.raises(RefusedError) as refused:
        armed.filter.on_chunk(seen_before, armed.instant)
    assert refused.value.reason is Reason.NOT_FRESH
    armed.run(0.5)
    armed.filter.on_chunk(armed.chunk(armed.sway()), armed.instant)
    armed.run(0.3)
    assert armed.filter.mode is Mode.ACTIVE
    assert not armed.at_rest()


def test_a_new_task_ends_the_old_stream(armed: 'Rig') -> None:
    """The arm brakes at once, not at the end of the old chunk."""
    stream(armed)
    armed.filter.set_task('another')
    armed.run(0.4)
    assert armed.at_rest()
    assert armed.filter.finding.reason is Reason.TASK_ENDED


def test_the_last_row_is_followed_by_rest(armed: 'Rig') -> None:
    """A policy with nothing more to say leaves the arm standing, not latched."""
    stream(armed)
    armed.run(2.0)
    assert armed.at_rest()
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is Reason.CHUNK_ENDED


def test_stop_latches_until_armed_again(armed: 'Rig') -> None:
    """Nothing but a person leads out of a protective stop."""
    stream(armed)
    armed.deliver(armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant))
    armed.run(0.4)
    assert armed.at_rest()
    with pytest.raises(RefusedError):
        armed.filter.on_chunk(armed.chunk(armed.sway()), armed.instant)
    armed.arm()
    armed.run(0.05)
    armed.filter.on_chunk(armed.chunk(armed.sway()), armed.instant)


def test_the_emergency_stop_must_be_released_before_arming(armed: 'Rig') -> None:
    """Pressed: stop and latch. Released: still latched. Armed: goes on."""
    stream(armed)
    armed.deliver(armed.filter.emergency_stop(True, armed.instant))
    armed.run(0.4)
    assert armed.at_rest()
    with pytest.raises(RefusedError, match='still pressed'):
        armed.filter.arm(armed.instant)
    armed.filter.emergency_stop(False, armed.instant)
    assert armed.filter.mode is Mode.ESTOP
    armed.arm()


def test_arming_a_moving_arm_is_refused(armed: 'Rig') -> None:
    """Standstill first."""
    stream(armed)
    armed.filter.protect(Reason.STOP_ASKED, 'by hand', armed.instant)
    armed.run(0.02)
    with pytest.raises(RefusedError, match='still moving'):
        armed.filter.arm(armed.instant)


def test_an_arm_that_does_not_follow_is_stopped(armed: 'Rig') -> None:
    """A controller that silently refused, or a hand in the way."""
    armed.run(0.1)
    armed.delivering = False
    for _ in range(8):
        armed.filter.on_chunk(armed.chunk(armed.sway(2.5, 20, period_s=4.0)), armed.instant)
        armed.run(0.2)
        if armed.filter.mode is Mode.PROTECTIVE_STOP:
            break
    assert armed.filter.finding.reason is Reason.TRACKING


def test_a_clock_that_jumps_stops_and_latches(armed: 'Rig') -> None:
    """Stamps of the plan in execution mean something else now."""
    stream(armed)
    armed.filter.clock_jumped(-5.0)
    assert armed.filter.mode is Mode.PROTECTIVE_STOP
    assert armed.filter.finding.reason is Reason.CLOCK_JUMP


def test_a_filter_that_was_suspended_does_not_simply_go_on(armed: 'Rig') -> None:
    """After SIGSTOP and SIGCONT it holds, and waits for a fresh observation."""
    stream(armed)
    now = Instant(armed.now_ns + NS, armed.now_ns + NS)
    armed.filter.tick(now)
    assert armed.filter.mode is Mode.HOLD
    assert armed.filter.finding.reason is Reason.STALLED


@pytest.mark.parametrize('missed', [1, 2, 4, 12])
def test_commands_that_are_not_sent_leave_no_step(armed: 'Rig', missed: int) -> None:
    """Too late for the controller, they are taken back: it plays on what it has, within limits."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(armed.sway(0.3, 60)), armed.instant)
    armed.run(0.5)
    armed.ticking = False
    for _ in range(missed):
        armed.run(0.02)
        if armed.filter.tick(armed.instant).motion is not None:
            armed.filter.unsent()
    armed.ticking = True
    armed.run(2.0)
    limits = armed.filter.limits
    cycle_s = 0.01
    speeds = np.diff(np.array(armed.commands), axis=0) / cycle_s
    assert (np.abs(speeds) <= limits.velocity).all()
    changes = np.abs(np.diff(speeds, axis=0)) / cycle_s
    assert (changes <= 1.05 * limits.acceleration).all()
    armed.run(3.0)
    assert armed.at_rest()


def test_a_late_tick_enters_the_rows_again_without_a_step(armed: 'Rig') -> None:
    """A hiccup longer than the committed motion costs speed, not continuity."""
    stream(armed)
    armed.ticking = False
    armed.run(0.1)
    armed.ticking = True
    armed.run(0.2)
    changes = np.abs(np.diff(armed.speeds(), axis=0))
    assert changes.max() <= armed.filter.limits.acceleration.max() * 0.01
    assert armed.filter.mode in (Mode.ACTIVE, Mode.SCALED)


def test_rows_too_fast_are_followed_slower(armed: 'Rig') -> None:
    """The status says so, and the pace."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(armed.sway(0.8, period_s=1.0)), armed.instant)
    assert armed.filter.mode is Mode.SCALED
    assert armed.filter.pace < 1
    armed.run(0.5)
    assert (armed.speeds() <= armed.filter.limits.velocity).all()


def test_the_tool_does_not_leave_the_workspace(make_rig: type['Rig']) -> None:
    """Rows that lead under the table are followed as far as a stop above it allows."""
    armed = make_rig(scene=Scene()).arm()
    armed.run(0.1)
    table = armed.robot.workspace.boxes[0].min[2]
    down = np.array([0.0, 0.5, 0.0, 0.0, 0.0, 0.0])
    for _ in range(12):
        rows = armed.q + down * np.arange(20)[:, None] * 0.05
        try:
            armed.filter.on_chunk(armed.chunk(rows), armed.instant)
        except RefusedError:
            break
        armed.run(0.3)
    armed.run(0.6)
    height = armed.kinematics.tool_positions(armed.q[None])[0, 2]
    assert table < height < table + 0.1
    assert armed.filter.finding.reason is Reason.WORKSPACE


def test_increments_add_up_from_the_motion_in_execution(armed: 'Rig') -> None:
    """Joint deltas are relative to the plan, row to row."""
    armed.run(0.1)
    start = armed.q.copy()
    steps = np.zeros((20, 6))
    steps[:, 0] = 0.005
    chunk = replace(armed.chunk(steps), space=ActionSpace.JOINT_DELTA)
    armed.filter.on_chunk(chunk, armed.instant)
    armed.run(2.0)
    assert armed.q[0] - start[0] == pytest.approx(0.1, abs=0.02)


def test_the_gripper_is_told_once_and_not_chattered_at(armed: 'Rig') -> None:
    """Noise below the hysteresis sends nothing; closing does."""
    armed.run(0.1)
    random = np.random.default_rng(0)
    for opening in (0.9, 0.9, 0.0):
        noisy = float(np.clip(opening + random.normal(0, 0.005), 0, 1)) if opening else 0.0
        armed.filter.on_chunk(armed.chunk(armed.sway(0.01), opening=noisy), armed.instant)
        armed.run(0.3)
    assert len(armed.gripper) == 2
    assert armed.robot.gripper is not None
    assert armed.gripper[-1] == armed.robot.gripper.closed


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_no_sequence_of_chunks_breaks_a_limit(make_rig: 'type[Rig]', seed: int) -> None:
    """Random rows, rough and smooth, on time and late, always end in rest within every limit."""
    random = np.random.default_rng(seed)
    rig = make_rig().arm()
    rig.run(0.05)
    for _ in range(6):
        rough = random.choice([0.0, 0.002, 0.05])
        rows = rig.sway(random.uniform(-1, 1), period_s=random.uniform(0.5, 4.0))
        rows = rows + random.normal(0, rough, rows.shape)
        chunk = rig.chunk(rows, opening=float(random.uniform(0, 1)))
        rig.run(random.choice([0.0, 0.05, 0.3]))
        try:
            rig.filter.on_chunk(chunk, rig.instant)
        except RefusedError:
            continue
        rig.run(random.uniform(0.05, 0.4))
    rig.run(2.5)
    commands, limits = np.array(rig.commands), rig.filter.limits
    assert (limits.position_excess(commands) == 0).all()
    assert (rig.speeds() <= limits.velocity + 1e-9).all()
    assert rig.at_rest()
    points = rig.kinematics.tool_positions(commands)
    box = rig.robot.workspace.boxes[0]
    assert (points >= np.array(box.min)).all()
    assert (points <= np.array(box.max)).all()


@pytest.mark.parametrize('beside_ns', [1, 300, 3_000, 30_000, 300_000])
def test_rows_that_fall_just_beside_a_message_do_not_stop_the_arm(
    armed: 'Rig', beside_ns: int
) -> None:
    """A sliver of a segment has no jerk that could be computed: none is cut off."""
    armed.run(0.1)
    chunk = armed.chunk(armed.sway(rows=40), step_s=0.05)
    armed.filter.on_chunk(replace(chunk, start_ns=chunk.start_ns + beside_ns), armed.instant)
    for _ in range(14):
        armed.run(0.1)
        assert armed.filter.finding.reason is Reason.OK
        assert armed.filter.limits.use(armed.sent[-1]).ratio <= 1 + 1e-6
