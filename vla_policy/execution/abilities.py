# SPDX-License-Identifier: Apache-2.0
"""What an execution strategy asks of the code of a policy, and whether the code can do it."""

from collections.abc import Iterator
from dataclasses import dataclass

from vla_contract.document import Contradiction
from vla_contract.errors import VlaError
from vla_contract.execution import DualRate, PrefixConditioning, RealTimeChunking
from vla_contract.policy import Policy as PolicyFile
from vla_policy.heads.config import (
    DiffusionHeadConfig,
    FlowHeadConfig,
    HeadConfig,
    TokensHeadConfig,
)
from vla_policy.policy import GuidedPolicy, Policy


@dataclass(frozen=True)
class Abilities:
    """What a policy can do beyond answering an observation.

    Attributes:
        guided: Its answer can be guided while it is made (diffusion, flow): it is a GuidedPolicy.
        prefix_rows: Most rows that it was trained to continue from.
        latent: What it sees can be kept, and acted on again and again: it is a DualRatePolicy.
    """

    guided: bool = False
    prefix_rows: int = 0
    latent: bool = False


PLAIN = Abilities()
"""Answers observations, and nothing more."""


def head_abilities(head: HeadConfig, rows: int) -> Abilities:
    """What a model of ours can do, by its head; its trunk and head can always be parted."""
    guided = isinstance(head, FlowHeadConfig | DiffusionHeadConfig)
    autoregressive = isinstance(head, TokensHeadConfig) and head.decoding == 'autoregressive'
    return Abilities(guided, rows - 1 if autoregressive else head.prefix_rows, latent=True)


def contradictions(policy: PolicyFile, abilities: Abilities) -> Iterator[Contradiction]:
    """The strategy of a policy file, where the code of its kind has not the ability for it."""
    match policy.execution:
        case RealTimeChunking() if not abilities.guided:
            needed = 'a head whose denoising can be guided (diffusion, flow)'
        case PrefixConditioning() if not abilities.prefix_rows:
            needed = 'a head that was trained to continue from a prefix'
        case DualRate() if not abilities.latent:
            needed = 'a slow trunk and a fast head'
        case _:
            return
    yield Contradiction(
        ('execution', 'strategy'),
        f'{policy.execution.strategy} needs {needed}, which this policy of kind {policy.kind} has '
        'not; asynchronous works with every policy',
    )


def guided(policy: Policy, contract: PolicyFile) -> GuidedPolicy | None:
    """The policy as one that is guided, None where its file does not ask for that.

    Raises:
        VlaError: The file asks for it, and the code cannot do it.
    """
    if not isinstance(contract.execution, RealTimeChunking):
        return None
    if not isinstance(policy, GuidedPolicy):
        raise VlaError(
            f'policy {contract.name}: execution.strategy {contract.execution.strategy} needs a '
            f'policy that can be guided; {type(policy).__name__} has no infer_guided'
        )
    return policy
