# SPDX-License-Identifier: Apache-2.0
"""Chunks that were refused because of the other arm, from file to verdict, as shipped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_bridge.cli.main import FAILED, REFUSED, main
from vla_bridge.collision.backend import load_avoidance
from vla_bridge.enforced import setup_of
from vla_bridge.filtering import SILENT
from vla_bridge.resources import config_file
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.deployment import load_deployment
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.measured import Instant
from vla_safety.motion import NS
from vla_safety.neighbours import Neighbours
from vla_safety.reasons import Reason, RefusedError
from vla_safety.rejected import read_rejected, rebuilt, to_text
from vla_safety.situation import Rejection, Stage
from vla_safety.watch import Watch

Array = NDArray[np.float64]
SIDES = ('left', 'right')
OTHER = dict(zip(SIDES, reversed(SIDES), strict=True))
TICK_NS = NS // 50
MIDDLE = np.array([-0.2, -1.0, 1.4, -1.97, -1.57, -1.93])
"""So far ahead that both arms cannot be there."""


class Side:
    """The filter of one shipped deployment, and an arm that is where it was told to be."""

    def __init__(self, side: str) -> None:
        """At home, not armed."""
        self.deployment = load_deployment(config_file(f'dual_{side}'))
        robot = self.deployment.robot
        self.watch = Watch(SILENT, robot.timing.heartbeat_timeout_s)
        kinematics = Kinematics(robot, self.deployment.urdf_path)
        avoidance = load_avoidance(self.deployment)
        assert avoidance is not None
        assert avoidance.neighbours is not None
        self.neighbours: Neighbours = avoidance.neighbours
        self.filter = MotionFilter(robot, kinematics, TICK_NS / NS, self.watch, avoidance)
        self.q = np.array(robot.home)
        self.sequence = 0

    def feel(self, now: Instant) -> None:
        """Joints and heartbeats come."""
        names = (*self.filter.robot.joint_names, 'gripper_finger_joint')
        if self.filter.plan is not None:
            self.q = self.filter.plan.executing.at(now.ros_ns).q
        positions = dict(zip(names, [*self.q.tolist(), 0.04], strict=True))
        self.filter.measured.update(positions, dict.fromkeys(names, 0.0), now.ros_ns, now)
        for name in SILENT:
            self.watch.heard(name, now.steady_ns)

    def offer(self, target: Array, now: Instant) -> None:
        """A chunk that goes smoothly to a posture, or RefusedError."""
        share = np.linspace(0, 1, 40)[:, None]
        rows = self.q + (target - self.q) * share**3 * (10 - 15 * share + 6 * share**2)
        robot, self.sequence = self.filter.robot, self.sequence + 1
        chunk = ActionChunk(
            session='session',
            sequence=self.sequence,
            task_id='task',
            observation_stamp_ns=now.ros_ns,
            start_ns=now.ros_ns,
            step_s=0.05,
            space=ActionSpace.JOINT_POSITION,
            columns=robot.joint_names,
            units=('rad',) * len(robot.joints),
            frame=robot.base_frame,
            values=rows,
        )
        self.filter.on_chunk(chunk, now)


class Dual:
    """Both, hearing each other at once."""

    def __init__(self) -> None:
        """Both armed."""
        self.sides = {side: Side(side) for side in SIDES}
        self.now = Instant(1_000 * NS, 500 * NS)
        self.run(0.3)
        for side in self.sides.values():
            side.filter.arm(self.now)
            side.filter.set_task('task')
        self.run(0.1)

    def run(self, seconds: float, silent: str = '') -> None:
        """Let time pass; a silent side neither ticks nor is heard of."""
        for _ in range(round(seconds * NS / TICK_NS)):
            self.now = Instant(self.now.ros_ns + TICK_NS, self.now.steady_ns + TICK_NS)
            for name, side in self.sides.items():
                side.feel(self.now)
                if name == silent:
                    continue
                beside = self.sides[OTHER[name]].neighbours
                beside.feel(name, side.q, self.now.steady_ns)
                side.filter.tick(self.now)
                told = side.filter.share(self.now)
                if told is not None:
                    beside.meet(name, told, self.now.steady_ns)


@pytest.fixture
def dual() -> Dual:
    """The two deployments that are shipped."""
    return Dual()


def fallen_silent(dual: Dual, side: str) -> Reason:
    """The other safety node died; the chunk comes later."""
    dual.run(0.4, silent=OTHER[side])
    with pytest.raises(RefusedError, match=f'of arm {OTHER[side]} is 0'):
        dual.sides[side].offer(MIDDLE, dual.now)
    return Reason.OTHER_ARM_SILENT


def astray(dual: Dual, side: str) -> Reason:
    """The other arm is not where its safety node says."""
    ours, theirs = dual.sides[side], dual.sides[OTHER[side]]
    ours.neighbours.feel(OTHER[side], theirs.q + 0.3, dual.now.steady_ns)
    with pytest.raises(RefusedError, match=r'0\.3000 from its plan'):
        ours.offer(MIDDLE, dual.now)
    return Reason.OTHER_ARM_ASTRAY


def in_the_way(dual: Dual, side: str) -> Reason:
    """The other arm stands where this one is to go."""
    dual.sides[OTHER[side]].offer(MIDDLE, dual.now)
    dual.run(2.6)
    np.testing.assert_allclose(dual.sides[OTHER[side]].q, MIDDLE, atol=1e-3)
    dual.sides[side].offer(MIDDLE, dual.now)
    dual.run(2.0)
    return Reason.COLLISION


def kept(dual: Dual, side: str, folder: Path) -> tuple[Path, Rejection]:
    """The newest refusal of a side, as its safety node keeps it."""
    ours = dual.sides[side]
    rejection = ours.filter.rejections[-1]
    path = folder / 'refused.json'
    path.write_text(to_text(setup_of(ours.deployment, f'dual_{side}', ours.filter), rejection))
    return path, rejection


@pytest.mark.parametrize('side', SIDES)
@pytest.mark.parametrize('refuse', [fallen_silent, astray, in_the_way])
def test_a_refusal_beside_another_arm_is_repeated_from_its_file(
    dual: Dual,
    refuse: Callable[[Dual, str], Reason],
    side: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the same words, whichever arm it was; all that was known of the other is listed."""
    reason = refuse(dual, side)
    path, rejection = kept(dual, side, tmp_path)
    assert rejection.finding.reason is reason
    assert OTHER[side] in rejection.finding.text
    monkeypatch.setenv('COLUMNS', '200')
    assert main(['safety', 'replay', str(path)]) == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert f'{reason}: {rejection.finding.text}' in said
    assert 'Recorded the same' in said
    assert f'age of plan of arm {OTHER[side]}' in said
    assert 'changed since' not in said


def test_the_picture_shows_the_other_arm(dual: Dual, tmp_path: Path) -> None:
    """What was in the way is drawn, with its name."""
    in_the_way(dual, 'left')
    path, rejection = kept(dual, 'left', tmp_path)
    assert rejection.stage is Stage.EXTENSION
    plot = tmp_path / 'why.png'
    assert main(['safety', 'replay', str(path), '--plot', str(plot)]) == 0
    assert plot.stat().st_size > 20_000


def test_a_replay_knows_the_other_arm_by_the_files_of_then(dual: Dual, tmp_path: Path) -> None:
    """Robot files are in the record; descriptions are found, and compared with what they were."""
    astray(dual, 'left')
    path, _ = kept(dual, 'left', tmp_path)
    read = read_rejected(path)
    (other,) = read.setup.others
    assert other.said.name == 'right'
    assert str(other.urdf) in read.setup.digests
    motion_filter = rebuilt(read, lambda *_: None)
    assert motion_filter.avoidance is None
    path.write_text(path.read_text().replace('ur5e.urdf"', 'moved.urdf"'))
    assert main(['safety', 'replay', str(path)]) == REFUSED


def test_a_record_of_an_arm_that_was_not_there_is_refused_in_words(
    dual: Dual, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Edited by hand: a name, or a number of joints, that fits no arm of the record."""
    astray(dual, 'left')
    ours = dual.sides['left']
    rejection = ours.filter.rejections[-1]
    seen = rejection.met.seen
    assert seen is not None
    right = seen.others['right']
    setup = setup_of(ours.deployment, 'dual_left', ours.filter)
    for others, words in (
        ({'middle': right}, 'arm middle is not among right'),
        ({'right': replace(right, q=np.zeros(5))}, 'arm right has 5 positions for 6 joints'),
    ):
        met = replace(rejection.met, seen=replace(seen, others=others))
        path = tmp_path / 'edited.json'
        path.write_text(to_text(setup, replace(rejection, met=met)))
        assert main(['safety', 'replay', str(path)]) == REFUSED
        assert words in capsys.readouterr().err


def test_without_what_was_known_of_the_other_arm_the_answer_is_another(
    dual: Dual, tmp_path: Path
) -> None:
    """It is the record that brings the other arm back, and not a guess."""
    astray(dual, 'left')
    ours = dual.sides['left']
    rejection = ours.filter.rejections[-1]
    seen = rejection.met.seen
    assert seen is not None
    met = replace(rejection.met, seen=replace(seen, others={}))
    path = tmp_path / 'forgotten.json'
    setup = setup_of(ours.deployment, 'dual_left', ours.filter)
    path.write_text(to_text(setup, replace(rejection, met=met)))
    assert main(['safety', 'replay', str(path)]) == FAILED
