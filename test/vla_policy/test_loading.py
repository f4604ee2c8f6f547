# SPDX-License-Identifier: Apache-2.0
"""Every policy file that ships makes a policy that answers in its own shape."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vla_contract.deployment import load_policy, load_robot, match
from vla_contract.observation import Observation
from vla_contract.policy import PolicyKind
from vla_policy.hold import Hold
from vla_policy.loading import load_policy_model
from vla_policy.replay import Replay
from vla_sim.demonstrator import Demonstrator

CONFIG = Path(__file__).parents[2] / 'config'
KINDS = {
    PolicyKind.HOLD: Hold,
    PolicyKind.REPLAY: Replay,
    PolicyKind.DEMONSTRATOR: Demonstrator,
}


@pytest.mark.parametrize('path', sorted((CONFIG / 'policies').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_policy_file_loads_for_the_simulated_arm(path: Path) -> None:
    """As the class of its kind."""
    robot_path = CONFIG / 'robots' / 'sim_ur5e.yaml'
    deployment = match(load_robot(robot_path), robot_path, load_policy(path), path)
    assert isinstance(load_policy_model(deployment), KINDS[deployment.policy.kind])


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
