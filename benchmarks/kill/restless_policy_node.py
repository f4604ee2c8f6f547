# SPDX-License-Identifier: Apache-2.0
"""The policy node with the restless policy; each of its processes goes other ways."""

import sys

import numpy as np

from benchmarks.kill.restless import Restless
from vla_bridge.lifecycle_node import run
from vla_bridge.nodes.policy_node import PolicyNode
from vla_contract.deployment import Deployment


def load(deployment: Deployment) -> Restless:
    """The policy, in the rows of the policy file."""
    policy = deployment.policy
    return Restless(np.random.default_rng(), policy.rows, policy.step_s)


if __name__ == '__main__':
    sys.exit(run(lambda: PolicyNode(load=load)))
