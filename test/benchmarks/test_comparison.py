# SPDX-License-Identifier: Apache-2.0
"""What `make compare` compares can be trained and asked, and is written down where it belongs."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from benchmarks.comparison import table
from benchmarks.comparison.__main__ import sampled
from benchmarks.comparison.contenders import HEADS, STRATEGIES, Contender
from vla_bridge.resources import share
from vla_contract.deployment import load_policy
from vla_contract.policy import Policy
from vla_policy.execution.abilities import contradictions, head_abilities
from vla_policy.heads.config import HeadConfig

ALL = (*HEADS, *STRATEGIES)


@pytest.mark.parametrize('contender', ALL, ids=lambda each: each.name)
def test_every_contender_can_be_asked_as_it_is(contender: Contender) -> None:
    """Its head is one that there is, and can do what its strategy asks of it."""
    known = load_policy(share() / 'config/policies/demonstrations.yaml')
    document = known.model_dump(mode='json') | {'execution': contender.execution}
    policy = Policy.model_validate(document, strict=False)
    head: HeadConfig = TypeAdapter(HeadConfig).validate_python(contender.head | contender.sampling)
    assert not list(contradictions(policy, head_abilities(head, policy.rows)))


def test_contenders_that_share_a_model_are_trained_once() -> None:
    """Those that differ in how they are asked alone."""
    assert len({each.model for each in STRATEGIES}) == 2
    assert len({each.model for each in HEADS}) == len(HEADS) - 2


def test_what_training_does_not_know_is_changed_in_a_copy(tmp_path: Path) -> None:
    """The checkpoint stays as it was trained."""
    trained = tmp_path / 'flow' / 'model'
    trained.mkdir(parents=True)
    (trained / 'config.json').write_text('{"head": {"kind": "flow", "temperature": 0.5}}')
    (trained / 'model.safetensors').write_bytes(b'weights')
    drawn = next(each for each in HEADS if each.sampling.get('temperature') == 1.0)
    copy = sampled(drawn, trained, tmp_path)
    assert json.loads((copy / 'config.json').read_text())['head']['temperature'] == 1.0
    assert json.loads((trained / 'config.json').read_text())['head']['temperature'] == 0.5
    assert (copy / 'model.safetensors').read_bytes() == b'weights'


def test_results_replace_those_between_their_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else of the page."""
    page = tmp_path / 'comparison.md'
    page.write_text('Before\n<!-- made: heads -->\nold\n<!-- end: heads -->\nAfter\n')
    monkeypatch.setattr(table, 'PAGE', page)
    found = yaml.safe_load("""
        success: 0.915
        low: 0.87
        high: 0.95
        jerk: 12.34
        interventions: 1.5
        details:
          machine: a machine
          date: '2026-01-02T03:04:05'
          commit: abc
          time_s: {median: 8.04}
          boundary_rad: {median: 0.0123}
          latency_ms: null
    """)
    table.write_tables({'heads': {'flow': found}}, 100, 7)
    text = page.read_text()
    assert text.startswith('Before\n')
    assert text.endswith('After\n')
    assert 'old' not in text
    assert '| flow | 91.5 % | 87.0 to 95.0 | 8.0 s | 12.3 rad/s³ | 12 mrad | 1.5 each | – |' in text
    assert '100 steps, 7 episodes each. a machine, 2026-01-02, commit abc.' in text
