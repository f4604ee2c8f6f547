# SPDX-License-Identifier: Apache-2.0
"""From a deployment to the policy it names, ready to be asked, or the reasons why it cannot be."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vla_contract.deployment import Deployment
from vla_contract.document import Contradiction
from vla_contract.execution import DualRate
from vla_contract.policy import PolicyKind
from vla_policy import hold, learned_file, replay
from vla_policy.execution.abilities import PLAIN, Abilities, head_abilities
from vla_policy.execution.abilities import contradictions as execution_contradictions
from vla_policy.execution.dual_rate import DualRateRunner
from vla_policy.hold import Hold
from vla_policy.needs import LEARNED, refuse_missing
from vla_policy.policy import DualRatePolicy, Policy
from vla_policy.replay import Replay
from vla_policy.trained import read_config


def check_policy(deployment: Deployment) -> None:
    """Refuse a policy file that the code of its kind cannot answer to; loads no weights.

    Raises:
        ContractErrors: All that the code cannot do, each at its key.
    """
    deployment.refuse_policy(_contradictions(deployment))


def load_policy_model(
    deployment: Deployment,
    at_two_rates: Callable[[DualRatePolicy[Any], DualRate], Policy] = DualRateRunner,
) -> Policy:
    """Make the policy that the deployment's policy file describes.

    Args:
        deployment: Names the policy file.
        at_two_rates: Makes one policy of a trunk and a head.

    Raises:
        ContractErrors: As check_policy.
        VlaError: What the policy needs is not installed.
    """
    check_policy(deployment)
    robot, policy = deployment.robot, deployment.policy
    match policy.kind:
        case PolicyKind.HOLD:
            return Hold(robot, policy)
        case PolicyKind.REPLAY:
            return Replay(robot, policy, _episode(deployment))
        case PolicyKind.DEMONSTRATOR:
            # Brings the simulator with it, which a real robot need not have.
            from vla_sim.demonstrator import Demonstrator

            return Demonstrator(robot, deployment.robot_path, policy)
        case PolicyKind.VLA:
            refuse_missing(f'{policy.name}, a learned policy,', LEARNED)
            from vla_policy.learned import Learned  # brings torch with it

            learned = Learned(policy, _checkpoint(deployment))
            if isinstance(policy.execution, DualRate):
                return at_two_rates(learned, policy.execution)
            return learned


def _contradictions(deployment: Deployment) -> Iterator[Contradiction]:
    robot, policy = deployment.robot, deployment.policy
    yield from execution_contradictions(policy, _abilities(deployment))
    match policy.kind:
        case PolicyKind.HOLD:
            yield from hold.contradictions(policy)
        case PolicyKind.REPLAY:
            yield from replay.contradictions(policy, _episode(deployment))
        case PolicyKind.DEMONSTRATOR:
            from vla_sim import policy_file  # as above, though without the simulator

            yield from policy_file.contradictions(robot, policy)
        case PolicyKind.VLA:
            yield from learned_file.contradictions(robot, policy, _checkpoint(deployment))


def _abilities(deployment: Deployment) -> Abilities:
    """What the code of a kind can do, by which its execution strategy is judged."""
    policy = deployment.policy
    match policy.kind:
        case PolicyKind.HOLD | PolicyKind.REPLAY | PolicyKind.DEMONSTRATOR:
            return PLAIN
        case PolicyKind.VLA:
            return head_abilities(read_config(_checkpoint(deployment)).head, policy.rows)


def _episode(deployment: Deployment) -> Path:
    return deployment.policy_path.parent / deployment.policy.episode


def _checkpoint(deployment: Deployment) -> Path:
    return deployment.policy_path.parent / deployment.policy.checkpoint
