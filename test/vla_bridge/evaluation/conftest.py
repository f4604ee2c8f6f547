# SPDX-License-Identifier: Apache-2.0
"""The simulated arm as it is deployed."""

import pytest

from vla_bridge.resources import config_file
from vla_contract.deployment import Deployment, load_deployment


@pytest.fixture(scope='session')
def deployment() -> Deployment:
    """With the demonstrator."""
    return load_deployment(config_file('sim_demonstrator'))
