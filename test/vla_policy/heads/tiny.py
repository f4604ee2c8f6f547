# SPDX-License-Identifier: Apache-2.0
"""Tiny heads, contexts and chunks."""

import torch
from torch import Generator, Tensor

from vla_policy.heads.build import build_head
from vla_policy.heads.config import (
    CvaeHeadConfig,
    DecoderConfig,
    DiffusionHeadConfig,
    FlowHeadConfig,
    HeadConfig,
    RegressionHeadConfig,
    TokensHeadConfig,
)
from vla_policy.heads.denoising import DenoisingHead
from vla_policy.heads.head import Head
from vla_policy.models.tensors import Context

BATCH, ROWS, COLUMNS, WIDTH, TOKENS = 3, 5, 2, 12, 4
DECODER = DecoderConfig(width=16, depth=2, attention_heads=2)

CONFIGS: dict[str, HeadConfig] = {
    'flow': FlowHeadConfig(decoder=DECODER),
    'diffusion': DiffusionHeadConfig(decoder=DECODER),
    'noise': DiffusionHeadConfig(decoder=DECODER, predicts='noise'),
    'parallel': TokensHeadConfig(decoder=DECODER, decoding='parallel'),
    'autoregressive': TokensHeadConfig(decoder=DECODER, decoding='autoregressive'),
    'regression': RegressionHeadConfig(decoder=DECODER),
    'cvae': CvaeHeadConfig(decoder=DECODER, encoder_depth=1),
}
EVERY = list(CONFIGS)
DENOISING = ['flow', 'diffusion', 'noise']


def seeded(seed: int = 0) -> Generator:
    """A generator."""
    return torch.Generator().manual_seed(seed)


def make_head(name: str, **changes: object) -> Head:
    """A head with random weights, modulation included, so that time and summary matter."""
    config = CONFIGS[name]
    config = type(config).model_validate({**config.model_dump(), **changes})
    head = build_head(config, WIDTH, ROWS, COLUMNS)
    for index, parameter in enumerate(head.parameters()):
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3, generator=seeded(index))
    head.eval()
    return head


def make_denoiser(name: str, **changes: object) -> DenoisingHead:
    """A head that denoises."""
    head = make_head(name, **changes)
    assert isinstance(head, DenoisingHead)
    return head


def make_context(batch: int = BATCH, seed: int = 1) -> Context:
    """Random tokens, of which the last of every example does not count."""
    generator = seeded(seed)
    mask = torch.ones(batch, TOKENS, dtype=torch.bool)
    mask[:, -1] = False
    return Context(
        tokens=torch.randn(batch, TOKENS, WIDTH, generator=generator),
        mask=mask,
        summary=torch.randn(batch, WIDTH, generator=generator),
    )


def make_actions(batch: int = BATCH, seed: int = 2) -> Tensor:
    """Numbers between -1 and 1."""
    return torch.rand(batch, ROWS, COLUMNS, generator=seeded(seed)) * 2.0 - 1.0


def all_valid(batch: int = BATCH) -> Tensor:
    """Every row counts."""
    return torch.ones(batch, ROWS, dtype=torch.bool)
