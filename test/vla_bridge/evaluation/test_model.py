# SPDX-License-Identifier: Apache-2.0
"""A model of ours in the loop, with random weights: it moves the arm, the same way each time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from test.vla_policy.training.small import RECIPE, Unread
from vla_bridge.evaluation import run
from vla_bridge.evaluation.cell import Cell
from vla_bridge.evaluation.dual_rate import TimedDualRate
from vla_bridge.evaluation.latency import measure_latency
from vla_bridge.evaluation.suites import episode
from vla_bridge.resources import config_file
from vla_contract.deployment import Deployment, load_policy
from vla_contract.execution import DualRate
from vla_contract.policy import Policy
from vla_policy.checkpoint import save_checkpoint
from vla_policy.learned import Learned
from vla_policy.models.vla import build_vla
from vla_policy.normalization import Normalizer
from vla_policy.trained import Contract


def random_model(policy: Policy, home: tuple[float, ...], folder: Path) -> None:
    """A checkpoint that has learned nothing."""
    torch.manual_seed(0)
    model = RECIPE.model(policy)
    near = np.array([*home, 0.5]) + np.linspace(-0.2, 0.2, 50)[:, None]
    names = policy.state.columns
    normalizers = {
        'state': Normalizer.of(near, names, RECIPE.normalisation),
        'action': Normalizer.of(near - near.mean(0), names, RECIPE.normalisation),
    }
    contract = Contract.of(policy, 'sim_ur5e')
    save_checkpoint(folder, build_vla(model).state_dict(), model, normalizers, contract, {})


def test_a_random_model_moves_and_repeats_itself(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees pictures and answers chunks that the filter lets through, or not."""
    torch.set_num_threads(1)
    monkeypatch.setattr(run, 'LIMIT_S', 2.0)
    policy = load_policy(config_file('demonstrations', 'policies')).model_copy(
        update={'ground_truth': False, 'rows': 10}
    )
    random_model(policy, deployment.robot.home, tmp_path)
    told = []
    for _ in range(2):
        learned = Learned(policy, tmp_path, reader=Unread())
        cell = Cell(replace(deployment, policy=policy), learned, 0.1)
        told.append(replace(cell.run(episode('shifts', 0, 0)), inference_ms=()))
    assert told[0] == told[1]
    assert told[0].chunks + told[0].intervened > 3
    assert not told[0].success
    assert not told[0].collisions


def test_two_rates_are_driven_by_every_joint_state(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head answers far more often than pictures come, and it repeats itself, too."""
    torch.set_num_threads(1)
    monkeypatch.setattr(run, 'LIMIT_S', 1.0)
    execution = DualRate(encode_hz=5.0, act_hz=50.0)
    policy = load_policy(config_file('demonstrations', 'policies')).model_copy(
        update={'ground_truth': False, 'rows': 10, 'execution': execution}
    )
    random_model(policy, deployment.robot.home, tmp_path)
    told = []
    for _ in range(2):
        timed = TimedDualRate(Learned(policy, tmp_path, reader=Unread()), execution, 0.05)
        cell = Cell(replace(deployment, policy=policy), timed, 0.004)
        found = cell.run(episode('seen', 0, 0))
        assert len(found.inference_ms) > 30
        told.append(replace(found, inference_ms=()))
    assert told[0] == told[1]
    latency = measure_latency(replace(deployment, policy=policy), timed)
    assert latency.trunk_s > 0.0
