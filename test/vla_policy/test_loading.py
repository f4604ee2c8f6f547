# SPDX-License-Identifier: Apache-2.0
"""Every policy file that ships makes a policy that answers in its own shape."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vla_contract.deployment import load_deployment, load_policy, load_robot, match
from vla_contract.errors import ContractErrors
from vla_contract.observation import Observation
from vla_contract.policy import PolicyKind
from vla_policy.hold import Hold
from vla_policy.loading import check_policy, load_policy_model
from vla_policy.replay import Replay
from vla_sim.demonstrator import Demonstrator

CONFIG = Path(__file__).parents[2] / 'config'
KINDS = {
    PolicyKind.HOLD: Hold,
    PolicyKind.REPLAY: Replay,
    PolicyKind.DEMONSTRATOR: Demonstrator,
}
JOINTS = (
    'shoulder_pan_joint, shoulder_lift_joint, elbow_joint, wrist_1_joint, wrist_2_joint, '
    'wrist_3_joint'
)
UNFIT = {
    'degrees to the demonstrator': (
        'demonstrator', 'state: {unit: deg}', 'state.unit', ('deg; ', 'in rad'),
    ),
    'degrees from the demonstrator': (
        'demonstrator', 'action: {unit: deg}', 'action.unit', ('deg; ', 'in rad'),
    ),
    'velocities from the demonstrator': (
        'demonstrator', 'action: {space: joint_velocity}', 'action.space',
        ('joint_velocity; ', 'answers joint_position'),
    ),
    'a demonstrator without a gripper': (
        'demonstrator', f'action: {{columns: [{JOINTS}]}}', 'action.columns',
        (f'{JOINTS}; ', f'needs {JOINTS}, gripper'),
    ),
    'a demonstrator without a state': (
        'demonstrator', 'state: {columns: []}', 'state.columns', ('none; ', 'gripper'),
    ),
    'a blind demonstrator': (
        'demonstrator', 'ground_truth: false', 'ground_truth', ('false; ', 'plans from it'),
    ),
    'velocities to hold': (
        'hold', 'action: {space: joint_velocity}', 'action.space',
        ('joint_velocity; ', 'hold answers joint_position'),
    ),
    'holding what is not felt': (
        'hold', f'state: {{columns: [{JOINTS}]}}', 'state.columns', ('without gripper; ', 'hold'),
    ),
    'a guided hold': (
        'hold', 'execution: {strategy: real_time_chunking}', 'execution.strategy',
        ('real_time_chunking needs a head', 'kind hold', 'asynchronous works'),
    ),
    'a replay that continues what it is given': (
        'replay', 'execution: {strategy: prefix_conditioning}', 'execution.strategy',
        ('trained to continue', 'kind replay'),
    ),
    'a demonstrator of two rates': (
        'demonstrator', 'execution: {strategy: dual_rate}', 'execution.strategy',
        ('a slow trunk and a fast head', 'kind demonstrator'),
    ),
    'increments to replay': (
        'replay', 'action: {space: joint_delta}', 'action.space',
        ('joint_delta; ', 'replay needs joint_position'),
    ),
    'an episode of other columns': (
        'replay', f'action: {{columns: [{JOINTS}]}}', 'action.columns',
        (f'{JOINTS}; ', f'sway.npz has {JOINTS}, gripper'),
    ),
    'a replay that feels nothing': (
        'replay', 'state: {columns: []}', 'state.columns',
        (f'without {JOINTS}; ', 'whether the arm is at the start'),
    ),
    'a replay of something else': (
        'replay', 'episode: hold.yaml', 'episode', ('hold.yaml cannot be read: ',),
    ),
}  # fmt: skip


@pytest.mark.parametrize('path', sorted((CONFIG / 'policies').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_policy_file_loads_for_the_simulated_arm(path: Path) -> None:
    """As the class of its kind."""
    robot_path = CONFIG / 'robots' / 'sim_ur5e.yaml'
    deployment = match(load_robot(robot_path), robot_path, load_policy(path), path)
    assert isinstance(load_policy_model(deployment), KINDS[deployment.policy.kind])


@pytest.mark.parametrize('case', UNFIT.values(), ids=UNFIT.keys())
def test_a_policy_file_that_its_code_cannot_answer_to_is_refused(
    case: tuple[str, str, str, tuple[str, ...]], tmp_path: Path
) -> None:
    """With file, line and key, before weights are loaded and by whoever loads them."""
    name, change, key, says = case
    path = tmp_path / 'cell.yaml'
    path.write_text(
        f'robot: {CONFIG}/robots/sim_ur5e.yaml\n'
        f'policy: {CONFIG}/policies/{name}.yaml\n'
        f'policy_overrides:\n  {change}\n'
    )
    deployment = load_deployment(path)
    for refuse in (check_policy, load_policy_model):
        with pytest.raises(ContractErrors) as caught:
            refuse(deployment)
        (error,) = caught.value.errors
        assert (error.source, error.line) == (str(path), 4)
        assert error.key == f'policy_overrides.{key}'
        for words in says:
            assert words in error.problem


def test_all_that_a_policy_cannot_answer_to_comes_at_once(tmp_path: Path) -> None:
    """Also where the file was read alone, and where the robot is to blame."""
    path, robot_path = tmp_path / 'policy.yaml', CONFIG / 'robots' / 'sim_ur5e.yaml'
    text = (CONFIG / 'policies' / 'demonstrator.yaml').read_text()
    path.write_text(
        text.replace('action:', 'action:\n  unit: deg').replace('truth: true', 'truth: false')
    )
    robot = load_robot(robot_path).model_copy(update={'home': ()})
    with pytest.raises(ContractErrors) as caught:
        check_policy(match(robot, robot_path, load_policy(path), path))
    assert [error.key for error in caught.value.errors] == ['kind', 'ground_truth', 'action.unit']
    assert 'no home posture' in caught.value.errors[0].problem


@pytest.mark.parametrize('name', ['hold', 'replay'])
def test_those_that_need_no_world_answer_from_home(
    name: str, observation: Callable[..., Observation]
) -> None:
    """The first row is where the arm is, so that starting makes no jump."""
    path, robot_path = CONFIG / f'policies/{name}.yaml', CONFIG / 'robots/sim_ur5e.yaml'
    deployment = match(load_robot(robot_path), robot_path, load_policy(path), path)
    policy = load_policy_model(deployment)
    policy.reset('anything')
    home = (*deployment.robot.home, 1.0)
    rows = policy.infer(observation(0.0, home), np.empty((0, 7))).values
    assert rows.shape == (deployment.policy.rows, 7)
    np.testing.assert_allclose(rows[0], home, atol=1e-6)
