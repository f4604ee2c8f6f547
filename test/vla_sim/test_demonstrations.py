# SPDX-License-Identifier: Apache-2.0
"""Demonstrations: what they show, what goes wrong in them, and that a seed brings them back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.deployment import load_deployment, load_policy
from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_policy.datasets import layout
from vla_policy.datasets.reader import Dataset
from vla_sim.demonstrations import episode, mishaps, recording
from vla_sim.demonstrations.driver import Driver, Pull
from vla_sim.demonstrations.episode import Stage
from vla_sim.demonstrations.hints import NAMES, hints
from vla_sim.demonstrations.mishaps import Course, Mishap
from vla_sim.demonstrations.recording import Attempt, Order, record
from vla_sim.inverse_kinematics import InverseKinematics
from vla_sim.scene import SIDE_LINE_Y, Thing
from vla_sim.simulator import Simulator
from vla_sim.tasks.instruction import parse
from vla_sim.tasks.split import held_out
from vla_sim.tasks.task import find

ROOT = Path(__file__).parents[2]
DEPLOYMENT = load_deployment(ROOT / 'config' / 'sim_demonstrator.yaml')
ROBOT, ROBOT_PATH = DEPLOYMENT.robot, DEPLOYMENT.robot_path
POLICY_PATH = ROOT / 'config' / 'policies' / 'demonstrations.yaml'
BLIND = load_policy(POLICY_PATH).model_copy(update={'images': ()})
"""Pictures are slow to draw, and have a test of their own."""


class Frames:
    """All frames of an episode."""

    def __init__(self) -> None:
        """None yet."""
        self.states: list[NDArray[np.float64]] = []
        self.actions: list[NDArray[np.float64]] = []
        self.instructions: list[str] = []
        self.finished: list[bool] = []

    def __call__(self, seen: Observation, row: NDArray[np.float64], finished: bool) -> None:
        """Keep one."""
        self.finished.append(finished)
        self.states.append(seen.state)
        self.actions.append(row)
        self.instructions.append(seen.instruction)


@pytest.fixture(scope='module')
def stage() -> Stage:
    """One for all tests."""
    return Stage(ROBOT, ROBOT_PATH, BLIND)


def happens(monkeypatch: pytest.MonkeyPatch, course: Course) -> None:
    """Let this happen in every episode."""
    monkeypatch.setattr(episode, 'draw_course', lambda *_: course)


TASK = 'push the red cube to the left'
NOTHING = Course(Mishap.NONE, 0.0, (), None, 1.0)


def test_actions_lead_and_states_follow(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is the command of its frame, without a jump, and the end stands still at home."""
    happens(monkeypatch, NOTHING)
    frames = Frames()
    told = stage.run(np.random.default_rng(1), frames)
    assert told.reason == ''
    assert told.frames == len(frames.actions) == len(frames.states)
    states, actions = np.array(frames.states), np.array(frames.actions)
    limits = np.array([joint.velocity for joint in ROBOT.joints])
    assert (np.abs(np.diff(actions[:, :-1], axis=0)) < limits / BLIND.rate_hz).all()
    assert np.abs(states[:, :-1] - actions[:, :-1]).max() < 0.05
    last = actions[-episode.STILL_FRAMES :]
    assert np.ptp(last, axis=0).max() < 1e-6
    assert frames.finished == [False] * (told.frames - len(last)) + [True] * len(last)
    assert set(frames.instructions) == {told.instruction}
    assert not held_out(parse(told.instruction))


def test_the_same_seed_brings_the_same_frames(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, whatever was shown before."""
    monkeypatch.setattr(episode, 'LIMIT_S', 3.0)
    first, again = Frames(), Frames()
    told = stage.run(np.random.default_rng([5, 2]), first)
    stage.run(np.random.default_rng([5, 3]), Frames())
    assert stage.run(np.random.default_rng([5, 2]), again) == told
    np.testing.assert_array_equal(first.states, again.states)
    np.testing.assert_array_equal(first.actions, again.actions)


def test_a_pulled_arm_is_seen_away_from_what_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded action is the answer to the disturbed state, not the disturbance."""
    nudge = Pull(1.0, 0.6, np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.0]))
    happens(monkeypatch, replace(NOTHING, mishap=Mishap.NUDGES, pulls=(nudge,)))
    frames = Frames()
    told = stage.run(np.random.default_rng(1), frames)
    away = np.array(frames.states)[:, 0] - np.array(frames.actions)[:, 0]
    pulled = slice(22, 32)  # frames in the middle of the pull, at 20 Hz
    assert told.reason == ''
    assert away[pulled].max() > 0.02
    assert np.abs(away[-20:]).max() < 0.005


@pytest.mark.parametrize('mishap', [Mishap.DROPPED, Mishap.MOVED, Mishap.CHANGED])
def test_mishaps_are_recovered_from(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mishap: Mishap
) -> None:
    """What is dropped or moved is fetched; another instruction is obeyed."""
    happens(monkeypatch, replace(NOTHING, mishap=mishap, time_s=0.6))
    frames = Frames()
    told = stage.run(np.random.default_rng(1), frames)
    assert told.mishap is mishap
    assert told.reason == ''
    assert len(set(frames.instructions)) == 1 + (mishap is Mishap.CHANGED)
    assert not any(held_out(parse(each)) for each in set(frames.instructions))


def test_an_arm_may_begin_elsewhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the table, with its fingers half closed, and it gets there unseen."""
    rng, kinematics = np.random.default_rng(0), InverseKinematics(ROBOT, ROBOT_PATH)
    monkeypatch.setattr(mishaps, 'ELSEWHERE_SHARE', 1.0)
    courses = [mishaps.draw_course(rng, ROBOT, kinematics) for _ in range(20)]
    heights = [
        kinematics.forward(course.start).position[2]
        for course in courses
        if course.start is not None
    ]
    assert len(heights) == 20
    assert min(heights) > 0.1
    happens(monkeypatch, replace(courses[0], mishap=Mishap.NONE, pulls=()))
    frames = Frames()
    told = stage.run(np.random.default_rng(1), frames)
    assert told.reason == ''
    assert told.elsewhere
    start = courses[0].start
    assert start is not None
    assert np.abs(frames.states[0][:-1] - start).max() < 0.01


@pytest.mark.parametrize(
    ('sentence', 'target'),
    [
        ('put the red cube in the blue bowl', 'blue_bowl'),
        ('stack the red cube on the green cylinder', 'green_cylinder'),
    ],
)
def test_hints_tell_where_things_are(sentence: str, target: str) -> None:
    """The object that is spoken of, and where it shall go."""
    world = Simulator(ROBOT, ROBOT_PATH, 1, sentence).world()
    told = dict(zip(NAMES, hints(parse(sentence), world), strict=True))
    places = {body.name: body.position.tolist() for body in world.bodies}
    assert [told['subject_x'], told['subject_y'], told['subject_z']] == places['red_cube']
    assert [told['target_x'], told['target_y'], told['target_z']] == places[target]
    assert told['held'] == 0.0


def test_hints_tell_how_things_lie_alike_for_turns_that_look_alike() -> None:
    """A cube after a quarter of a turn is the same cube; a bowl has no direction."""
    world = Simulator(ROBOT, ROBOT_PATH, 1, 'put the red cube in the blue bowl').world()
    task = parse('put the red cube in the blue bowl')
    names = ('subject_cos', 'subject_sin', 'target_cos', 'target_sin')
    bowl = find(world, Thing('blue', 'bowl'))
    found = []
    for degrees in (20.0, 110.0, -70.0):
        half = np.radians(degrees) / 2
        turned = np.array([0.0, 0.0, np.sin(half), np.cos(half)])
        cube = replace(find(world, task.subject), orientation=turned)
        told = dict(zip(NAMES, hints(task, replace(world, bodies=(cube, bowl))), strict=True))
        found.append([told[name] for name in names])
    assert found[0] == pytest.approx([np.cos(np.radians(80)), np.sin(np.radians(80)), 0.0, 0.0])
    assert found[1] == pytest.approx(found[0])
    assert found[2] == pytest.approx(found[0])


def test_a_glance_may_be_from_nearby(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """The wrist camera shows how a thing is turned only where it is close."""
    kinematics = InverseKinematics(ROBOT, ROBOT_PATH)
    monkeypatch.setattr(episode, 'NEARBY_SHARE', 1.0)
    rng = np.random.default_rng(3)
    for _ in range(5):
        seen = stage.glance(rng)
        assert seen.world is not None
        tool = kinematics.forward(seen.state[:-1]).position
        gaps = [np.abs(body.position - tool) for body in seen.world.bodies]
        assert any((gap < (0.045, 0.045, 0.23)).all() for gap in gaps)


def test_hints_of_a_push_tell_where_the_side_begins() -> None:
    """Straight across the table, to the robot's left."""
    world = Simulator(ROBOT, ROBOT_PATH, 1, TASK).world()
    told = dict(zip(NAMES, hints(parse(TASK), world), strict=True))
    assert told['target_x'] == told['subject_x']
    assert told['target_y'] > SIDE_LINE_Y


def test_what_runs_out_of_time_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no demonstration."""
    monkeypatch.setattr(episode, 'LIMIT_S', 1.0)
    told = stage.run(np.random.default_rng(1), Frames())
    assert told.reason == 'not done in time'
    assert not told.success


def test_another_plan_takes_over_without_a_step() -> None:
    """Neither in position nor, by much, in velocity."""
    simulator = Simulator(ROBOT, ROBOT_PATH)
    driver = Driver(simulator)
    home = simulator.joint_positions()
    times = np.arange(6)[:, None] * 0.05
    places = []
    for target in (0.4, -0.1):
        rows = np.hstack([home + target * times, np.ones_like(times)])
        driver.follow(rows, 0.05)
        for _ in range(10):
            driver.advance(0.01)
            places.append(simulator.joint_positions())
    steps = np.diff(np.array(places), axis=0)
    assert np.abs(np.diff(steps, axis=0)).max() < 0.004


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A small dataset."""
    return Order(tmp_path / 'd', ROBOT_PATH, POLICY_PATH, 2, 11)


class Quick:
    """Stands in for the stage: two frames an episode, and every third attempt fails."""

    def __init__(self) -> None:
        """Nothing was run yet."""
        self.runs = 0
        self.world = Simulator(ROBOT, ROBOT_PATH, 0, TASK).world()

    def run(self, rng: np.random.Generator, take: episode.Take) -> episode.Told:
        """Show next to nothing."""
        self.runs += 1
        draw = float(rng.random())
        images = {
            image.key: np.full((128, 128, 3), 99, np.uint8)
            for image in load_policy(POLICY_PATH).images
        }
        for number in range(2):
            state = np.full(7, draw)
            seen = Observation(number, images, {}, state, number, TASK, 'quick', self.world)
            take(seen, state + 1.0, number == 1)
        reason = 'nothing was done' if self.runs % 3 == 0 else ''
        return episode.Told(not reason, reason, TASK, Mishap.NONE, False, 2, 1)


def test_only_successes_are_kept_and_the_others_counted(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of their attempts."""
    quick = Quick()
    monkeypatch.setattr(recording, '_stage', lambda *_: quick)
    heard: list[Attempt] = []
    harvest = record(replace(order, episodes=4), 1, heard.append)
    assert [attempt.number for attempt in harvest.kept] == [0, 1, 3, 4]
    assert [attempt.reason for attempt in harvest.failed] == ['nothing was done']
    assert [attempt.number for attempt in heard] == [0, 1, 2, 3, 4]
    labels = [each.labels for each in Dataset(order.folder).episodes]
    assert [label['attempt'] for label in labels] == ['0', '1', '3', '4']


def test_what_was_made_is_not_made_again(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted recording goes on, failures included, and gives what one run would have."""
    whole = Quick()
    monkeypatch.setattr(recording, '_stage', lambda *_: whole)
    record(replace(order, episodes=4, folder=order.folder.with_name('whole')), 1)

    class EnoughError(Exception):
        """As Ctrl-C."""

    def stop(attempt: Attempt) -> None:
        if attempt.number == 2:
            raise EnoughError

    quick = Quick()
    monkeypatch.setattr(recording, '_stage', lambda *_: quick)
    with pytest.raises(EnoughError):
        record(replace(order, episodes=4), 1, stop)
    assert quick.runs == 3
    harvest = record(replace(order, episodes=4), 1)
    assert quick.runs == 5
    assert [attempt.number for attempt in harvest.kept] == [0, 1, 3, 4]
    data = layout.data_path(0)
    one, other = order.folder / data, order.folder.with_name('whole') / data
    assert one.read_bytes() == other.read_bytes()


def test_an_order_that_leads_nowhere_ends(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than trying for ever; and nothing is overwritten by another seed."""

    class Hopeless(Quick):
        """Fails."""

        def run(self, rng: np.random.Generator, take: episode.Take) -> episode.Told:
            """Never succeed."""
            return replace(super().run(rng, take), reason='it fell')

    monkeypatch.setattr(recording, '_stage', lambda *_: Hopeless())
    with pytest.raises(VlaError, match='26 of 26 attempts failed, 26 of them because: it fell'):
        record(order, 1)
    with pytest.raises(VlaError, match='was begun with seed 11, and now it is 12'):
        record(replace(order, seed=12), 1)


def test_what_cannot_be_recorded_is_refused_before_anything_is_written(
    order: Order, tmp_path: Path
) -> None:
    """No episodes, or columns that the demonstrator does not speak."""
    with pytest.raises(VlaError, match='0 episodes; ask for at least 1'):
        record(replace(order, episodes=0), 1)
    policy = tmp_path / 'degrees.yaml'
    policy.write_text(POLICY_PATH.read_text().replace('state:', 'state:\n  unit: deg'))
    with pytest.raises(VlaError, match=r'degrees\.yaml: state\.unit: deg; the demonstrator thinks'):
        record(replace(order, policy=policy), 1)
    assert not order.folder.exists()


def test_a_real_recording_in_two_processes(order: Order, tmp_path: Path) -> None:
    """Pictures, numbers and instructions of the simulator, as the dataset has them."""
    robot, policy = tmp_path / 'robot.yaml', tmp_path / 'policy.yaml'
    text = ROBOT_PATH.read_text().replace('../../urdf', str(ROOT / 'urdf'))
    robot.write_text(text.replace('width: 640', 'width: 160').replace('height: 480', 'height: 120'))
    policy.write_text(POLICY_PATH.read_text().replace('rate_hz: 20.0', 'rate_hz: 5.0'))
    harvest = record(replace(order, robot=robot, policy=policy), 2)
    dataset = Dataset(order.folder, rows=4)
    assert len(dataset) == harvest.frames
    sample = dataset[len(dataset) // 2]
    assert sample.images.keys() == {image.key for image in load_policy(policy).images}
    assert all(image.std() > 10.0 for image in sample.images.values())
    assert not held_out(parse(sample.task))
    held = dataset.column(layout.HINTS)[:, -1]
    assert set(held.tolist()) <= {0.0, 1.0}
    done = dataset.column(layout.DONE)
    assert done.sum() == episode.STILL_FRAMES * len(dataset.episodes)
    assert dataset.spec.vectors[0].names == load_policy(policy).state.columns


def test_pairs_name_things_in_scenes(order: Order, tmp_path: Path) -> None:
    """Each scene comes with sentences that all can be obeyed, none of them held out."""
    policy = tmp_path / 'policy.yaml'
    text = POLICY_PATH.read_text()
    policy.write_text(text[: text.index('images:')] + text[text.index('state:') :])
    wanted = replace(order, policy=policy, episodes=1, sentences=3)
    harvest = record(wanted, 1)
    dataset = Dataset(wanted.folder, rows=1)
    keys = [vector.key for vector in dataset.spec.vectors]
    assert keys == [layout.STATE, layout.HINTS]
    assert len(dataset) == harvest.frames == recording.GLANCES * 3
    state, known = dataset.column(layout.STATE), dataset.column(layout.HINTS)
    for first in range(0, len(dataset), 3):
        sentences = [dataset.task(first + index) for index in range(3)]
        assert len(set(sentences)) == 3
        assert not any(held_out(parse(sentence)) for sentence in sentences)
        assert (state[first : first + 3] == state[first]).all()
        subjects = {parse(sentence).subject for sentence in sentences}
        places = {tuple(row) for row in known[first : first + 3, :3].tolist()}
        assert len(places) == len(subjects)
    postures = {tuple(row) for row in state.tolist()}
    assert 1 < len(postures) < recording.GLANCES, 'some arms are at home, others are not'
