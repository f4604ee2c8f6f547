# SPDX-License-Identifier: Apache-2.0
"""Choices that cannot be meant are refused with their values, before any weight is made."""

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from test.vla_policy.heads.tiny import COLUMNS, CONFIGS, EVERY, ROWS, WIDTH
from vla_contract.errors import VlaError
from vla_policy.heads.build import build_head
from vla_policy.heads.config import DecoderConfig, DiffusionHeadConfig, FlowHeadConfig, HeadConfig

ADAPTER: TypeAdapter[HeadConfig] = TypeAdapter(HeadConfig)


@pytest.mark.parametrize('name', EVERY)
def test_every_head_is_told_by_its_kind_alone(name: str) -> None:
    """What is written to a file is read back as the same head."""
    config = CONFIGS[name]
    assert ADAPTER.validate_json(config.model_dump_json()) == config
    assert ADAPTER.validate_python({'kind': config.kind}).kind == config.kind


def test_an_unknown_head_is_refused_with_those_that_exist() -> None:
    """A typing error is answered with the five kinds."""
    with pytest.raises(ValidationError, match=r"'flow', 'diffusion', 'tokens', 'regression'"):
        ADAPTER.validate_python({'kind': 'flaw'})


def test_an_unknown_key_of_a_head_is_refused() -> None:
    """A key that another head has is no key of this one."""
    with pytest.raises(ValidationError, match='kl_weight'):
        ADAPTER.validate_python({'kind': 'flow', 'kl_weight': 10.0})


def test_a_width_that_attention_heads_do_not_divide_is_refused() -> None:
    """Said with both numbers, not as a shape error from inside torch."""
    with pytest.raises(ValidationError, match=r'100 is no multiple of 2 × 3 heads'):
        DecoderConfig(width=100, attention_heads=3)


def test_more_sampling_steps_than_levels_are_refused() -> None:
    """Sampling visits trained levels."""
    with pytest.raises(ValidationError, match='20, while there are 20 levels'):
        DiffusionHeadConfig(levels=20, steps=20)


def test_a_prefix_as_long_as_the_chunk_is_refused() -> None:
    """Nothing would be left to predict."""
    with pytest.raises(VlaError, match=f'prefix_rows: {ROWS}, while a chunk has {ROWS} rows'):
        build_head(FlowHeadConfig(prefix_rows=ROWS), WIDTH, ROWS, COLUMNS)


def test_configurations_are_checked_without_torch() -> None:
    """`vla check` reads a file in a fraction of a second, on machines that have no torch."""
    code = 'import sys, vla_policy.heads.config; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
