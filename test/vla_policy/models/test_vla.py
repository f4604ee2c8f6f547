# SPDX-License-Identifier: Apache-2.0
"""Trunk and head together: what is passed on, what is refused, what is learned."""

from dataclasses import replace

import pytest
import torch
from torch import Generator

from test.vla_policy.models.builders import (
    COMPACT,
    KEYS,
    SIZE,
    ConstantHead,
    inputs_for,
    model_config,
)
from vla_contract.errors import VlaError
from vla_policy.heads.config import (
    CvaeHeadConfig,
    DecoderConfig,
    DiffusionHeadConfig,
    FlowHeadConfig,
    HeadConfig,
    RegressionHeadConfig,
    TokensHeadConfig,
)
from vla_policy.heads.guide import Prefix
from vla_policy.models.compact import CompactTrunk
from vla_policy.models.vla import Vla, build_vla

DECODER = DecoderConfig(width=16, depth=1, attention_heads=2)
HEADS: tuple[HeadConfig, ...] = (
    FlowHeadConfig(decoder=DECODER, steps=2),
    DiffusionHeadConfig(decoder=DECODER, steps=2, levels=4),
    TokensHeadConfig(decoder=DECODER, bins=8),
    TokensHeadConfig(decoder=DECODER, bins=8, decoding='autoregressive'),
    RegressionHeadConfig(decoder=DECODER, blocks=1),
    CvaeHeadConfig(decoder=DECODER, latent=2, encoder_depth=1),
)


@pytest.fixture
def vla() -> Vla:
    """The compact trunk and a head written by hand."""
    torch.manual_seed(0)
    config = model_config()
    return Vla(config, CompactTrunk(config, COMPACT), ConstantHead(COMPACT.width, 4, 3))


def test_guide_reaches_the_head(vla: Vla) -> None:
    """As it was given."""
    prefix = Prefix(torch.zeros(2, 1, 3))
    chunk = vla.act(inputs_for(vla.config), Generator(), prefix)
    assert chunk.shape == (2, 4, 3)
    assert isinstance(vla.head, ConstantHead)
    assert vla.head.guides == [prefix]


def test_rows_past_the_end_of_the_episode_do_not_count(vla: Vla) -> None:
    """Whatever they hold."""
    inputs, actions = inputs_for(vla.config), torch.randn(2, 4, 3)
    valid = torch.tensor([[True, True, False, False]] * 2)
    other = actions.clone()
    other[:, 2:] = 100.0
    first, second = (vla(inputs, each, valid, Generator()) for each in (actions, other))
    assert torch.equal(first, second)


@pytest.mark.parametrize('head', HEADS, ids=lambda head: head.kind)
def test_every_head_trains_every_weight_of_the_trunk(head: HeadConfig) -> None:
    """Nothing is left hanging, so any head learns with this trunk, by any number of processes."""
    torch.manual_seed(0)
    vla = build_vla(model_config(head=head))
    inputs = inputs_for(vla.config)
    for each in vla.head.parameters():
        each.data.add_(0.1 * torch.randn_like(each))
    valid = torch.ones(2, 4, dtype=torch.bool)
    loss = vla(inputs, torch.randn(2, 4, 3), valid, Generator().manual_seed(0))
    assert loss.shape == (2,)
    loss.mean().backward()
    assert [name for name, each in vla.trunk.named_parameters() if each.grad is None] == []
    with torch.no_grad():
        chunk = vla.act(inputs, Generator().manual_seed(0))
    assert chunk.shape == (2, 4, 3)
    assert chunk.isfinite().all()


def test_same_seed_builds_the_same_model() -> None:
    """Whatever the order in which the cameras are listed."""
    config = model_config()
    turned = model_config(images=config.images[::-1])
    models = []
    for each in (config, turned):
        torch.manual_seed(5)
        models.append(build_vla(each).eval())
    inputs = inputs_for(config)
    chunks = [each.act(inputs, Generator().manual_seed(1)) for each in models]
    assert torch.equal(*chunks)


def test_inputs_that_do_not_fit_are_refused(vla: Vla) -> None:
    """Each with what is there and what is needed."""
    inputs = inputs_for(vla.config)
    less = {KEYS[0]: inputs.images[KEYS[0]]}
    with pytest.raises(VlaError, match=r'images observation\.images\.wrist, while.*scene'):
        vla.encode(replace(inputs, images=less))
    small = {**inputs.images, KEYS[0]: torch.zeros(2, 1, 3, SIZE, SIZE - 8)}
    with pytest.raises(VlaError, match=r'wrist has shape \(2, 1, 3, 32, 24\).*32, 32\)'):
        vla.encode(replace(inputs, images=small))
    with pytest.raises(VlaError, match=r'state has shape \(2, 2, 3\)'):
        vla.encode(replace(inputs, state=torch.zeros(2, 2, 3)))
    with pytest.raises(VlaError, match=r'language has shape \(1, 384\)'):
        vla.encode(replace(inputs, language=torch.zeros(1, 384)))


def test_model_without_cameras_or_state_still_reads_the_instruction() -> None:
    """The smallest contract there is."""
    config = model_config(images=(), state_columns=(), relative=False)
    chunk = build_vla(config).act(inputs_for(config), Generator().manual_seed(0))
    assert chunk.shape == (2, 4, 3)


def test_default_model_of_two_cameras_keeps_to_25_megabytes() -> None:
    """So that its checkpoint can live in the repository."""
    columns = (*(f'joint_{index}' for index in range(6)), 'gripper')
    config = model_config(
        state_columns=columns,
        action_columns=columns,
        rows=32,
        images=tuple(
            image.model_copy(update={'width': 128, 'height': 128})
            for image in model_config().images
        ),
        language=type(model_config().language)(),
        trunk=type(COMPACT)(),
        head=FlowHeadConfig(),
    )
    assert 4 * build_vla(config).trainable_parameters() <= 25_000_000
