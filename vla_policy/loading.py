# SPDX-License-Identifier: Apache-2.0
"""From a deployment to the policy it names, ready to be asked."""

from vla_contract.deployment import Deployment
from vla_contract.policy import PolicyKind
from vla_policy.hold import Hold
from vla_policy.policy import Policy
from vla_policy.replay import Replay


def load_policy_model(deployment: Deployment) -> Policy:
    """Make the policy that the deployment's policy file describes."""
    robot, policy = deployment.robot, deployment.policy
    match policy.kind:
        case PolicyKind.HOLD:
            return Hold(robot, policy)
        case PolicyKind.REPLAY:
            return Replay(robot, policy, deployment.policy_path.parent / policy.episode)
        case PolicyKind.DEMONSTRATOR:
            # Brings the simulator with it, which a real robot need not have.
            from vla_sim.demonstrator import Demonstrator

            return Demonstrator(robot, deployment.robot_path, policy)
