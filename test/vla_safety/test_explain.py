# SPDX-License-Identifier: Apache-2.0
"""A refused chunk, read back from its file, is refused again: for the same reason, step by step."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla_contract.action import ActionSpace
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import CollisionChecker
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import BoxShape, Pose, SceneObject, SphereShape
from vla_safety.explain import explain
from vla_safety.explanation import Explanation
from vla_safety.motion import NS
from vla_safety.reasons import Reason, RefusedError
from vla_safety.rejected import Setup, digest_of, from_text, rebuilt, to_text
from vla_safety.situation import Rejection, Stage
from vla_safety.steps import Verdict

if TYPE_CHECKING:
    from test.vla_safety.conftest import Rig

Array = NDArray[np.float64]
ROBOT = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
ELSEWHERE = SceneObject('ball', SphereShape(0.05), Pose((-0.4, 0.0, 0.5)))
TURN = np.array([0.9, 0.0, 0.0, 0.0, 0.0, 0.0])


def load(robot: Robot, urdf: Path, srdf: Path | None) -> CollisionChecker:
    """As the filter of the rig has it."""
    return EmbeddedChecker(Arm(robot, urdf, srdf))


def setup_of(rig: 'Rig') -> Setup:
    """What a safety node would say of itself."""
    urdf, srdf = ((ROBOT.parent / name).resolve() for name in (rig.robot.urdf, rig.robot.srdf))
    watch = rig.watch
    digests = {str(path): digest_of(path) for path in (urdf, srdf)}
    return Setup(
        'sim', rig.robot, ROBOT, urdf, srdf, (), digests, rig.filter.period_s, watch.companions
    )


def kept(rig: 'Rig', rejection: Rejection) -> tuple[Explanation, Rejection]:
    """The explanation of what comes back from a file."""
    back = from_text(to_text(setup_of(rig), rejection), 'file')
    return explain(rebuilt(back, load), back.rejection), back.rejection


def offer(rig: 'Rig', **changes: object) -> Rejection:
    """Offer a good chunk with changes, and answer why it was refused."""
    chunk = replace(rig.chunk(rig.sway()), **changes)  # type: ignore[arg-type]
    with pytest.raises(RefusedError):
        rig.filter.on_chunk(chunk, rig.instant)
    return rig.filter.rejections[-1]


def a_value(rig: 'Rig', value: float) -> Array:
    """Rows with one value that is none."""
    rows = rig.sway()
    rows[7, 3] = value
    return rows


def with_gripper(rig: 'Rig', opening: float) -> Rejection:
    """A chunk that also says how far to open."""
    with pytest.raises(RefusedError):
        rig.filter.on_chunk(rig.chunk(rig.sway(), opening=opening), rig.instant)
    return rig.filter.rejections[-1]


def poses(rig: 'Rig', **of_pose: object) -> Rejection:
    """Poses of the tool where it is, with something wrong."""
    pose = rig.kinematics.tool_pose(rig.q)
    row = np.concatenate([pose.translation, [0.0, 0.0, 0.0, 1.0]])
    values = np.tile(row, (10, 1))
    columns, units = ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'), ('m',) * 3 + ('1',) * 4
    changes = {'values': values, **of_pose}
    return offer(rig, space=ActionSpace.POSE, columns=columns, units=units, **changes)


def silent(rig: 'Rig', companion: str) -> Rejection:
    """A companion falls silent while the arm waits."""
    rig.alive.discard(companion)
    rig.ticking = False
    rig.run(0.3)
    return offer(rig)


def blind(rig: 'Rig') -> Rejection:
    """Joint states stop coming."""
    rig.sensors, rig.ticking = False, False
    rig.run(0.3)
    return offer(rig)


def disarmed(rig: 'Rig') -> Rejection:
    """Nobody armed again after a stop."""
    rig.filter.disarm(rig.instant, Reason.NOT_ARMED, 'by hand')
    return offer(rig)


def twice(rig: 'Rig') -> Rejection:
    """The same sequence again."""
    rig.filter.on_chunk(rig.chunk(rig.sway()), rig.instant)
    return offer(rig, sequence=rig.sequence)


def replayed(rig: 'Rig') -> Rejection:
    """A chunk from before the arm was held."""
    chunk = rig.chunk(rig.sway())
    rig.run(0.04)
    rig.filter.hold(Reason.HOLD_ASKED, 'by hand', rig.instant)
    with pytest.raises(RefusedError):
        rig.filter.on_chunk(chunk, rig.instant)
    return rig.filter.rejections[-1]


def unreadable(rig: 'Rig') -> Rejection:
    """A topic says what cannot be understood."""
    rig.avoidance.refuse('markers', 'a box without size')
    return offer(rig)


REFUSED: dict[str, tuple[Callable[['Rig'], Rejection], Reason, int]] = {
    'not armed': (disarmed, Reason.NOT_ARMED, 1),
    'no rows': (lambda rig: offer(rig, values=np.empty((0, 6))), Reason.MALFORMED, 1),
    'too many rows': (lambda rig: offer(rig, values=np.zeros((9000, 6))), Reason.TOO_LARGE, 1),
    'NaN': (lambda rig: offer(rig, values=a_value(rig, np.nan)), Reason.NOT_FINITE, 2),
    'infinity': (lambda rig: offer(rig, values=a_value(rig, -np.inf)), Reason.NOT_FINITE, 2),
    '1e300': (lambda rig: offer(rig, values=a_value(rig, 1e300)), Reason.TOO_LARGE, 2),
    'degrees': (lambda rig: offer(rig, units=('deg',) * 6), Reason.WRONG_UNITS, 2),
    'wrong frame': (lambda rig: poses(rig, frame='world'), Reason.WRONG_FRAME, 2),
    'quaternion of 0': (
        lambda rig: poses(rig, values=np.zeros((3, 7))),
        Reason.BAD_QUATERNION,
        2,
    ),
    'another task': (lambda rig: offer(rig, task_id='other'), Reason.WRONG_TASK, 3),
    'twice': (twice, Reason.OUT_OF_ORDER, 3),
    'replayed': (replayed, Reason.NOT_FRESH, 3),
    'stale image': (
        lambda rig: offer(rig, observation_stamp_ns=rig.now_ns - 2 * NS),
        Reason.STALE_OBSERVATION,
        3,
    ),
    'policy silent': (lambda rig: silent(rig, 'policy_node'), Reason.POLICY_SILENT, 4),
    'blind': (blind, Reason.STALE_JOINT_STATE, 4),
    'unreadable scene': (unreadable, Reason.SCENE_BAD, 4),
    'a step of an hour': (lambda rig: offer(rig, step_s=3600.0), Reason.TIME_GRID, 5),
    'all rows past': (
        lambda rig: offer(rig, start_ns=rig.now_ns - 5 * NS),
        Reason.ELAPSED,
        5,
    ),
    'out of reach': (
        lambda rig: poses(rig, values=np.tile([5.0, 0, 0, 0, 0, 0, 1.0], (3, 1))),
        Reason.UNREACHABLE,
        6,
    ),
    'a jump': (lambda rig: offer(rig, values=rig.sway() + 1.0), Reason.SEAM_JUMP, 7),
    'beyond the limits': (lambda rig: offer(rig, values=rig.sway() + 7.0), Reason.JOINT_RANGE, 8),
    'millimetres': (lambda rig: with_gripper(rig, 40.0), Reason.TOO_LARGE, 13),
}


@pytest.mark.parametrize('kind', list(REFUSED))
def test_a_refusal_is_repeated_from_its_file(armed: 'Rig', kind: str) -> None:
    """The filter answers the same to the last character, and the table says at which step."""
    refuse, reason, number = REFUSED[kind]
    armed.run(0.1)
    rejection = refuse(armed)
    assert rejection.finding.reason is reason
    explanation, back = kept(armed, rejection)
    assert explanation.finding.reason is reason
    if kind != 'too many rows':  # most of them are not kept
        assert explanation.finding == rejection.finding
    again = rebuilt(from_text(to_text(setup_of(armed), rejection), 'file'), load)
    with pytest.raises(RefusedError) as refused:
        again.on_chunk(back.chunk, back.met.now)
    assert (refused.value.reason, refused.value.text) == (
        explanation.finding.reason,
        explanation.finding.text,
    )
    refusing = [step for step in explanation.steps if step.verdict is Verdict.REFUSED]
    assert [step.number for step in refusing] == [number]
    assert str(reason) in refusing[0].text


def turn(rig: 'Rig') -> Array:
    """Rows of one smooth turn of the shoulder."""
    share = np.linspace(0, 1, 40)[:, None]
    return np.asarray(rig.q + TURN * share**3 * (10 - 15 * share + 6 * share**2))


def in_the_way(rig: 'Rig', share: float) -> SceneObject:
    """A ball where the tool will be."""
    x, y, z = rig.kinematics.tool_pose(rig.q + TURN * share).translation
    return SceneObject('ball', SphereShape(0.05), Pose((x, y, z)))


def test_a_chunk_cut_off_before_an_obstacle_says_where(armed: 'Rig') -> None:
    """In execution the next part collides; the file repeats it with the pair and the distance."""
    armed.run(0.1)
    armed.avoidance.see('markers', (in_the_way(armed, 0.6),), armed.now_ns)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(2.0)
    rejection = armed.filter.rejections[-1]
    assert rejection.stage is Stage.EXTENSION
    explanation, _ = kept(armed, rejection)
    assert explanation.finding.reason is Reason.COLLISION
    assert explanation.finding == rejection.finding
    assert 'ball' in explanation.finding.text
    assert explanation.cut_ns is not None
    refusing = [step for step in explanation.steps if step.verdict is Verdict.REFUSED]
    assert refusing[0].number in (11, 12)
    assert any('ball' in look.what for look in explanation.steps[10].looks)


def test_a_thing_that_comes_into_the_way_says_so(armed: 'Rig') -> None:
    """What was already checked is refused; the file repeats that, too."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(turn(armed)), armed.instant)
    armed.run(0.9)
    place = armed.kinematics.tool_pose(armed.filter.plan.executing.q[-1]).translation  # type: ignore[union-attr]
    wall = SceneObject('wall', BoxShape((0.04, 0.04, 0.4)), Pose(tuple(place)))
    armed.avoidance.see('markers', (wall,), armed.now_ns)
    armed.run(0.1)
    rejection = armed.filter.rejections[-1]
    assert rejection.stage is Stage.UNDERWAY
    explanation, _ = kept(armed, rejection)
    assert explanation.finding == rejection.finding
    assert explanation.sent is not None
    assert not explanation.sent.v[-1].any()


def test_a_gripper_that_would_hit_something_says_what(armed: 'Rig') -> None:
    """A closed gripper is told to open beside a thing; the step that refuses is the gripper's."""
    armed.run(0.1)
    resting = np.repeat(armed.q[None], 20, axis=0)
    armed.filter.on_chunk(armed.chunk(resting, opening=0.0), armed.instant)
    armed.run(1.5)
    hand = armed.kinematics.tool_pose(armed.q)
    beside = hand.translation + hand.rotation @ np.array([0.0, 0.05, 0.0])
    thing = SceneObject('thing', SphereShape(0.02), Pose(tuple(beside)))
    armed.avoidance.see('markers', (thing,), armed.now_ns)
    armed.filter.on_chunk(armed.chunk(resting, opening=1.0), armed.instant)
    armed.run(0.5)
    rejection = armed.filter.rejections[-1]
    assert rejection.stage is Stage.GRIPPER
    explanation, _ = kept(armed, rejection)
    assert explanation.finding == rejection.finding
    assert explanation.steps[12].verdict is Verdict.REFUSED


def test_a_tool_led_out_of_the_workspace_says_how_far(make_rig: type['Rig']) -> None:
    """The step that refused is that of the workspace, or of the stop that would leave it."""
    rig = make_rig()
    box = rig.robot.workspace.boxes[0]
    x = float(rig.kinematics.tool_positions(rig.q[None])[0, 0])
    small = box.model_copy(update={'max': (x + 0.08, *box.max[1:])})
    rig = make_rig(workspace=rig.robot.workspace.model_copy(update={'boxes': (small,)})).arm()
    rig.run(0.1)
    rows = rig.q + np.array([0, 0.5, -0.3, 0, 0, 0]) * np.linspace(0, 1, 40)[:, None] ** 2
    rig.filter.on_chunk(rig.chunk(rows), rig.instant)
    rig.run(2.0)
    rejection = rig.filter.rejections[-1]
    assert rejection.finding.reason is Reason.WORKSPACE
    explanation, _ = kept(rig, rejection)
    assert explanation.finding == rejection.finding


def test_rows_cut_off_at_a_limit_are_rehearsed_to_their_rest(armed: 'Rig') -> None:
    """The kept rows are followed; the table says which row was the first too far."""
    armed.run(0.1)
    rows = armed.q + np.array([0, 0, 0, 0, 0, 3.0]) * np.linspace(0, 3, 60)[:, None]
    armed.filter.on_chunk(armed.chunk(rows, step_s=0.1), armed.instant)
    rejection = armed.filter.rejections[-1]
    assert rejection.finding.reason is Reason.TRUNCATED
    explanation, _ = kept(armed, rejection)
    assert explanation.finding == rejection.finding
    assert explanation.steps[7].verdict is Verdict.CHANGED
    assert 'wrist_3_joint' in explanation.steps[7].text
    assert 0 < explanation.followed < 60
    assert explanation.sent is not None
    assert not explanation.sent.v[-1].any()


@settings(max_examples=6)
@given(st.integers(0, 2**32))
def test_whatever_is_refused_is_refused_again(make_rig: type['Rig'], seed: int) -> None:
    """Rough rows, in motion, beside things that come and go: every file repeats its reason."""
    random = np.random.default_rng(seed)
    rig = make_rig().arm()
    rig.run(0.05)
    for _ in range(6):
        place = rig.kinematics.tool_pose(rig.q + TURN * random.uniform(-1, 1)).translation
        thing = SceneObject('thing', SphereShape(0.04), Pose(tuple(place)))
        rig.avoidance.see('markers', (thing,) * int(random.integers(2)), rig.now_ns)
        drift = np.cumsum(random.normal(0, random.choice([0.005, 0.03, 0.3]), (20, 6)), axis=0)
        opening = float(random.choice([0.0, 0.5, 1.0]))
        chunk = rig.chunk(rig.q + drift, opening=opening, start_s=random.uniform(-0.1, 0.1))
        with contextlib.suppress(RefusedError):
            rig.filter.on_chunk(chunk, rig.instant)
        rig.run(float(random.uniform(0.05, 0.4)))
    for rejection in rig.filter.rejections:
        explanation, _ = kept(rig, rejection)
        assert explanation.finding == rejection.finding


def test_steps_that_were_not_reached_say_so(armed: 'Rig') -> None:
    """A chunk of another task was never compared with limits."""
    armed.run(0.1)
    explanation, _ = kept(armed, offer(armed, task_id='other'))
    verdicts = [step.verdict for step in explanation.steps]
    assert verdicts[0] is Verdict.PASSED
    assert verdicts[7] is Verdict.NOT_REACHED
    assert verdicts[10] is Verdict.NOT_REACHED


def test_a_chunk_that_is_followed_leaves_no_file(armed: 'Rig') -> None:
    """Only refusals are kept."""
    armed.run(0.1)
    armed.filter.on_chunk(armed.chunk(armed.sway()), armed.instant)
    armed.run(2.0)
    assert not armed.filter.rejections


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda text: text[: len(text) // 2], 'not a rejected chunk'),
        (lambda _: '[]', 'version'),
        (lambda text: text.replace('"step_s": 0.05', '"step_s": "soon"'), 'chunk.step_s'),
        (lambda text: text.replace('"sequence"', '"tusk": 1, "sequence"', 1), 'tusk is not known'),
        (lambda text: text.replace('"version": 2', '"version": 1'), 'version 2'),
        (lambda text: text.replace('"joint_position"', '"telepathy"'), 'telepathy'),
        (lambda text: text.replace('0.05', 'NaN'), 'NaN'),
    ],
)
def test_a_file_that_is_none_is_an_error_in_words(
    armed: 'Rig', change: Callable[[str], str], said: str
) -> None:
    """Truncated by a full disk, edited by hand, or something else altogether."""
    armed.run(0.1)
    text = change(to_text(setup_of(armed), offer(armed, task_id='other')))
    with pytest.raises(VlaError, match=said):
        from_text(text, 'file')
