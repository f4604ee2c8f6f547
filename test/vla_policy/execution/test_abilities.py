# SPDX-License-Identifier: Apache-2.0
"""An execution strategy that a policy's code cannot follow is refused before anything runs."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from vla_contract.errors import VlaError
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_policy.execution.abilities import (
    PLAIN,
    Abilities,
    contradictions,
    guided,
    head_abilities,
)
from vla_policy.execution.chunking import Guidance
from vla_policy.heads.build import build_head
from vla_policy.heads.config import (
    CvaeHeadConfig,
    DiffusionHeadConfig,
    FlowHeadConfig,
    HeadConfig,
    RegressionHeadConfig,
    TokensHeadConfig,
)
from vla_policy.policy import Rows

DEMANDING = {
    'real_time_chunking': (Abilities(guided=True), Abilities(prefix_rows=3, latent=True)),
    'prefix_conditioning': (Abilities(prefix_rows=1), Abilities(guided=True, latent=True)),
    'dual_rate': (Abilities(latent=True), Abilities(guided=True, prefix_rows=3)),
}
ANYONE = ('synchronous', 'asynchronous', 'temporal_ensembling')


class Plain:
    """Answers, and cannot be guided."""

    def reset(self, instruction: str) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Nothing."""
        del observation, prefix
        return Rows(np.zeros((4, 3)))


class Guidable(Plain):
    """Can be guided."""

    def infer_guided(self, observation: Observation, guidance: Guidance) -> Rows:
        """What it is told."""
        del observation
        return Rows(guidance.target)


@pytest.mark.parametrize('strategy', DEMANDING)
def test_a_demanding_strategy_needs_its_ability(
    policy_file: Callable[..., Policy], strategy: str
) -> None:
    """Each its own; the refusal stands at the strategy and says what would work."""
    contract = policy_file(execution={'strategy': strategy})
    able, others = DEMANDING[strategy]
    assert not list(contradictions(contract, able))
    for unable in (PLAIN, others):
        (found,) = contradictions(contract, unable)
        assert found.key == ('execution', 'strategy')
        assert found.text.startswith(f'{strategy} needs a ')
        assert 'kind hold' in found.text


@pytest.mark.parametrize('strategy', ANYONE)
def test_the_others_work_with_every_policy(
    policy_file: Callable[..., Policy], strategy: str
) -> None:
    """They need rows, and nothing else."""
    contract = policy_file(execution={'strategy': strategy})
    assert not list(contradictions(contract, PLAIN))
    assert guided(Guidable(), contract) is None


def test_code_that_cannot_be_guided_is_refused(policy_file: Callable[..., Policy]) -> None:
    """Also where its kind promised it."""
    contract = policy_file(execution={'strategy': 'real_time_chunking'})
    policy = Guidable()
    assert guided(policy, contract) is policy
    with pytest.raises(VlaError, match='Plain has no infer_guided'):
        guided(Plain(), contract)


@pytest.mark.parametrize(
    ('head', 'able'),
    [
        (FlowHeadConfig(), Abilities(guided=True, latent=True)),
        (DiffusionHeadConfig(prefix_rows=4), Abilities(guided=True, prefix_rows=4, latent=True)),
        (RegressionHeadConfig(prefix_rows=2), Abilities(prefix_rows=2, latent=True)),
        (CvaeHeadConfig(), Abilities(latent=True)),
        (TokensHeadConfig(), Abilities(latent=True)),
        (TokensHeadConfig(decoding='autoregressive'), Abilities(prefix_rows=7, latent=True)),
    ],
)
def test_abilities_follow_from_the_head(head: HeadConfig, able: Abilities) -> None:
    """What denoises can be guided; what was trained with a prefix can continue one."""
    assert head_abilities(head, 8) == able


def test_abilities_are_those_of_the_heads_that_are_built() -> None:
    """The file is judged without torch, and must not promise what the code then refuses."""
    for config in (
        FlowHeadConfig(prefix_rows=3),
        DiffusionHeadConfig(),
        RegressionHeadConfig(),
        CvaeHeadConfig(prefix_rows=1),
        TokensHeadConfig(),
        TokensHeadConfig(decoding='autoregressive'),
    ):
        able, head = head_abilities(config, 8), build_head(config, 8, 8, 2)
        assert (able.guided, able.prefix_rows) == (head.corrects, head.prefix_rows)
