# SPDX-License-Identifier: Apache-2.0
"""Values that are good one by one and cannot all be meant: both are named, at the key to mend."""

from typing import TYPE_CHECKING

import pytest

from vla_contract.deployment import load_deployment
from vla_contract.gripper import Gripper, GripperKind
from vla_contract.policy import GripperConvention

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell, Refuse


ROBOT = 'robot.yaml'
POLICY = 'policy.yaml'
WRIST_SEES = '{camera: wrist, position: [0, 0, 1], orientation: [0, 0, 0, 1]}'

CASES = {
    'limits upside down': (
        ROBOT, 'position: [-2.0, 2.0]', 'position: [2.0, -2.0]', 'joints.0.position',
        ('lower 2 of turn', 'upper -2'),
    ),
    'limits closer than the margins': (
        ROBOT, 'position: [-2.0, 2.0]', 'position: [-0.01, 0.01]', 'joints.0.position',
        ('-0.01 to 0.01', 'margins.position 0.01'),
    ),
    'joint named twice': (
        ROBOT, 'name: slide', 'name: turn', 'joints.1.name', ('turn is also joints.0.name',),
    ),
    'camera named twice': (
        ROBOT, 'name: depth', 'name: wrist', 'cameras.1.name', ('wrist is also cameras.0.name',),
    ),
    'topic copied': (
        ROBOT, 'topic: depth/image_raw', 'topic: wrist/image_raw', 'cameras.1.topic',
        ('wrist/image_raw is also cameras.0.topic',),
    ),
    'home of another arm': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1, 0.2]', 'home',
        ('3 values for 2 joints', 'one each'),
    ),
    'home beyond the limits': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [1.995, 0.1]', 'home.0',
        ('1.995 for turn', '-2 to 2', 'margins.position 0.01'),
    ),
    'gripper is an arm joint': (
        ROBOT, 'joint: grip', 'joint: slide', 'gripper.joint', ('slide is also an arm joint',),
    ),
    'gripper on the topic of the arm': (
        ROBOT, 'target: hand/gripper_cmd', 'target: arm_controller/joint_trajectory',
        'gripper.target', ('also the controller.topic',),
    ),
    'gripper that cannot move': (
        ROBOT, 'open: 0.04', 'open: 0.0', 'gripper.closed', ('0, like open',),
    ),
    'gripper model that cannot move': (
        ROBOT, 'joint: grip', 'joint: x\n  model: {joint: grip, open: 0, closed: 0}',
        'gripper.model.closed', ('0, like open',),
    ),
    'one frame for two': (
        ROBOT, 'tool_frame: tool', 'tool_frame: base', 'tool_frame', ('base is also',),
    ),
    'box without a volume': (
        ROBOT, 'max: [0.6, 0.5, 0.5]', 'max: [0.6, -0.5, 0.5]', 'workspace.boxes.0.max.1',
        ('y -0.5 of box table', 'min y -0.5'),
    ),
    'steps upside down': (
        ROBOT, 'lead_s: 0.04', 'step_min_s: 0.5\n  step_max_s: 0.1', 'timing.step_max_s',
        ('0.1 s is below step_min_s 0.5 s',),
    ),
    'chunks shorter than a step': (
        ROBOT, 'lead_s: 0.04', 'horizon_max_s: 0.5', 'timing.horizon_max_s',
        ('0.5 s is below step_max_s 1 s',),
    ),
    'good images refused as chunks': (
        ROBOT, 'lead_s: 0.04', 'observation_max_age_s: 0.2', 'timing.observation_max_age_s',
        ('0.2 s is below image_max_age_s 0.3 s',),
    ),
    'camera slower than its images go stale': (
        ROBOT, 'rate_hz: 15.0', 'rate_hz: 2.0', 'cameras.1.rate_hz',
        ('2 Hz leaves 0.5 s', 'image_max_age_s 0.3 s'),
    ),
    'joint states slower than they go stale': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1]\njoint_state_rate_hz: 5',
        'joint_state_rate_hz', ('5 Hz leaves 0.2 s', 'joint_state_max_age_s 0.1 s'),
    ),
    'arm braking between messages': (
        ROBOT, 'kind: joint_trajectory', 'kind: joint_trajectory\n  rate_hz: 10',
        'controller.rate_hz', ('10 Hz leaves 0.1 s', 'commit_s 0.06 s', 'brake'),
    ),
    'depth through JPEG': (
        ROBOT, 'encoding: 16UC1', 'encoding: 16UC1\n    transport: compressed',
        'cameras.1.transport', ('compressed', '16UC1', 'use raw'),
    ),
    'a thing of two shapes': (
        ROBOT, 'home: [0.0, 0.1]',
        'home: [0.0, 0.1]\nscene: {objects: [{name: a, sphere: 1.0, box: [1, 1, 1]}]}',
        'scene.objects.0.sphere', ('a has box and sphere', 'give it one'),
    ),
    'a thing without a shape': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1]\nscene: {objects: [{name: a}]}',
        'scene.objects.0.name', ('a has no shape',),
    ),
    'things of one name': (
        ROBOT, 'home: [0.0, 0.1]',
        'home: [0.0, 0.1]\nscene: {objects: [{name: a, sphere: 1}, {name: a, sphere: 2}]}',
        'scene.objects.1.name', ('a is also scene.objects.0.name',),
    ),
    'a turn that is none': (
        ROBOT, 'home: [0.0, 0.1]',
        'home: [0.0, 0.1]\nscene: {objects: [{name: a, plane: true, orientation: [0, 0, 0, 2]}]}',
        'scene.objects.0.orientation', ('has length 2',),
    ),
    'news of a scene from nowhere': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1]\nscene: {max_age_s: 1.0}',
        'scene.max_age_s', ('1 s', 'no topic'),
    ),
    'obstacles seen by a colour camera': (
        ROBOT, 'home: [0.0, 0.1]',
        f'home: [0.0, 0.1]\nscene: {{depth: {WRIST_SEES}}}',
        'scene.depth.camera', ('wrist gives rgb8', 'no depth'),
    ),
    'slowing down behind the margin': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1]\ncollision: {margin: 0.02, slow_from: 0.01}',
        'collision.slow_from', ('0.01 m', 'margin + tracking 0.02 m'),
    ),
    'audit of nothing': (
        ROBOT, 'home: [0.0, 0.1]', 'home: [0.0, 0.1]\ncollision: {backend: none, auditor: check}',
        'collision.auditor', ('check has nothing to compare with', 'backend is none'),
    ),
    'image key used twice': (
        POLICY, 'key: range', 'key: rgb', 'images.1.key', ('rgb is also images.0.key',),
    ),
    'column used twice': (
        POLICY, '[turn, slide, gripper]\n  unit', '[turn, turn, gripper]\n  unit',
        'action.columns.1', ('turn is also column 0',),
    ),
    'state column used twice': (
        POLICY, '[turn, slide, gripper]\naction', '[turn, turn, gripper]\naction',
        'state.columns.1', ('turn is also column 0',),
    ),
    'gripper before the joints': (
        POLICY, '[turn, slide, gripper]\n  unit', '[gripper, turn, slide]\n  unit',
        'action.columns.0', ('gripper is column 0 of 3', 'must be the last'),
    ),
    'joints in a pose': (
        POLICY, 'space: joint_position', 'space: pose_delta', 'action.columns',
        ('turn, slide', 'pose_delta needs dx, dy, dz, rx, ry, rz'),
    ),
    'gripper numbers that are one': (
        POLICY, 'unit: deg', 'gripper: {open: 1, closed: 1}', 'action.gripper.closed',
        ('1, like open',),
    ),
    'an episode for hold': (
        POLICY, 'kind: hold', 'kind: hold\nepisode: wave.npz', 'episode',
        ('wave.npz', 'kind is hold'),
    ),
    'replay of nothing': (
        POLICY, 'kind: hold', 'kind: replay', 'episode', ('kind is replay', 'name its file'),
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_a_contradiction_names_both_values(case: tuple[str, ...], refused: 'Refuse') -> None:
    """The key is the one to look at first; the other value stands in the text."""
    file, old, new, key, says = case
    error = refused(file, old, new)
    assert (error.source, error.key) == (file, key)
    assert error.line is not None or '.' not in key
    for words in says:
        assert words in error.problem


def test_all_contradictions_come_at_once(cell: 'Cell') -> None:
    """One round of mending is enough for all of a kind."""
    cell.change('robot.yaml', 'name: depth', 'name: wrist')
    cell.change('robot.yaml', 'rate_hz: 15.0', 'rate_hz: 1.0')
    cell.change('robot.yaml', 'home: [0.0, 0.1]', 'home: [9.0, 0.1]')
    keys = [error.key for error in cell.errors()]
    assert keys == ['home.0', 'cameras.1.name', 'cameras.1.rate_hz']


@pytest.mark.parametrize(('opened', 'closed'), [(0.04, 0.0), (0.0, 0.8), (-1.0, 1.0)])
def test_gripper_positions_and_openings_are_inverse(opened: float, closed: float) -> None:
    """Whichever way the joint turns, 1 is open and 0 is closed."""
    gripper = Gripper(
        kind=GripperKind.FORWARD_POSITION,
        target='t',
        joint='j',
        open=opened,
        closed=closed,
        speed=1,
    )
    assert gripper.to_joint(1.0) == pytest.approx(opened)
    assert gripper.to_joint(0.0) == pytest.approx(closed)
    for opening in (-0.1, 0.0, 0.3, 1.0):
        assert gripper.to_opening(gripper.to_joint(opening)) == pytest.approx(opening)
    convention = GripperConvention(open=opened, closed=closed)
    assert convention.to_opening(convention.from_opening(0.25)) == pytest.approx(0.25)


def test_a_gripper_may_have_joint_states_of_its_own(cell: 'Cell') -> None:
    """Franka's and UFACTORY's do."""
    assert load_deployment(cell.deployment).robot.joint_state_topics == ('joint_states',)
    cell.change('robot.yaml', 'joint: grip', 'joint: grip\n  joint_states: hand/joint_states')
    topics = load_deployment(cell.deployment).robot.joint_state_topics
    assert topics == ('joint_states', 'hand/joint_states')


def test_the_time_between_chunks_follows_from_execution(cell: 'Cell') -> None:
    """Asynchronous policies are asked earlier, and never more often than once a row."""
    policy = load_deployment(cell.deployment).policy
    assert policy.step_s == pytest.approx(0.1)
    assert policy.period_s == pytest.approx(0.5)
    cell.change('policy.yaml', 'strategy: asynchronous', 'refill_below: 1.0')
    assert load_deployment(cell.deployment).policy.period_s == pytest.approx(0.1)
    cell.change('policy.yaml', 'refill_below: 1.0', 'strategy: synchronous')
    assert load_deployment(cell.deployment).policy.period_s == pytest.approx(1.0)
