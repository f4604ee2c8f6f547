# SPDX-License-Identifier: Apache-2.0
"""The simulated arm's own files, read once."""

from pathlib import Path

import pytest

from vla_contract.deployment import Deployment, load_deployment
from vla_sim.simulator import Simulator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def deployment() -> Deployment:
    """The simulated arm with the demonstrator."""
    return load_deployment(ROOT / 'config' / 'sim_demonstrator.yaml')


@pytest.fixture(scope='module')
def simulator(deployment: Deployment) -> Simulator:
    """One simulator for a whole file; each test resets it."""
    return Simulator(deployment.robot, deployment.robot_path)
