# SPDX-License-Identifier: Apache-2.0
"""Every head learns a tiny task from its context, and what each does where two ways were shown."""

from functools import cache

import pytest
import torch
from torch import Tensor

from test.vla_policy.heads.tiny import (
    CONFIGS,
    DENOISING,
    EVERY,
    seeded,
)
from vla_policy.heads.build import build_head
from vla_policy.heads.config import DecoderConfig, TokensHeadConfig
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import Head
from vla_policy.models.tensors import Context

ROWS, COLUMNS, WIDTH, BATCH = 4, 2, 8, 16
RATE = 1e-2
DECODER = DecoderConfig(width=32, depth=1, attention_heads=2)
MOTION = torch.tensor([[0.8, 0.2], [0.6, -0.2], [0.3, -0.6], [0.1, -0.8]])


def tiny(name: str, **changes: object) -> Head:
    """An untrained head of one layer, with fewer bins than on a robot."""
    values = CONFIGS[name].model_dump() | {'decoder': DECODER.model_dump()} | changes
    values |= {'draws': 4} if name in DENOISING else {}
    values |= {'bins': 33} if isinstance(CONFIGS[name], TokensHeadConfig) else {}
    torch.manual_seed(0)
    return build_head(type(CONFIGS[name]).model_validate(values), WIDTH, ROWS, COLUMNS)


def contexts(signs: Tensor) -> Context:
    """A task is told by the sign of one token; the second token and the summary say nothing."""
    tokens = torch.ones(len(signs), 2, WIDTH)
    tokens[:, 0, : WIDTH // 2] *= signs[:, None]
    return Context(
        tokens, torch.ones(len(signs), 2, dtype=torch.bool), torch.ones(len(signs), WIDTH)
    )


def train(head: Head, steps: int, told: bool) -> None:
    """A few hundred steps on both motions, told which it is, or not."""
    optimizer = torch.optim.Adam(head.parameters(), RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    signs = torch.tensor([1.0, -1.0]).repeat(BATCH // 2)
    context = contexts(signs if told else torch.ones(BATCH))
    valid, generator = torch.ones(BATCH, ROWS, dtype=torch.bool), seeded()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = head.loss(context, signs[:, None, None] * MOTION, valid, generator).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
    head.eval()


def off_any_way(chunks: Tensor) -> Tensor:
    """Largest distance of each chunk from the nearer of the two motions."""
    return torch.minimum(
        (chunks - MOTION).abs().amax(dim=(1, 2)), (chunks + MOTION).abs().amax(dim=(1, 2))
    )


@cache
def shown_two_ways(name: str) -> Head:
    """A head that saw both motions in the same context, half of the time with the first row."""
    changes = {'parallel': {'temperature': 1.0}, 'autoregressive': {'temperature': 1.0}}
    head = tiny(name, prefix_rows=1, **changes.get(name, {}))
    train(head, 200, told=False)
    return head


def sampled(head: Head, guide: Guide | Prefix | None = None) -> Tensor:
    """Sixty-four chunks in the context of both motions."""
    return head.sample(contexts(torch.ones(64)), seeded(), guide)


@pytest.mark.parametrize('name', [name for name in EVERY if name != 'noise'])
def test_every_head_overfits_a_task_told_by_the_context(name: str) -> None:
    """Two tasks, two motions: three chunks of four are right, and the middle one is close."""
    head = tiny(name)
    train(head, 150, told=True)
    signs = torch.tensor([1.0, -1.0]).repeat(32)
    off = head.sample(contexts(signs), seeded()) - signs[:, None, None] * MOTION
    worst = off.abs().amax(dim=(1, 2))
    assert worst.median() < 0.12
    assert (worst < 0.25).float().mean() > 0.75


@pytest.mark.parametrize('name', ['flow', 'diffusion', 'autoregressive'])
def test_heads_that_draw_a_whole_chunk_keep_to_one_way(name: str) -> None:
    """Both motions come, and hardly any mixture of them."""
    chunks = sampled(shown_two_ways(name))
    assert (off_any_way(chunks) < 0.3).float().mean() > 0.7
    assert 0.2 < (chunks[:, 0, 0] > 0.0).float().mean() < 0.8


def test_numbers_drawn_in_one_pass_mix_the_ways() -> None:
    """Each number is right by itself, and hardly any chunk is: what one pass cannot know."""
    chunks = sampled(shown_two_ways('parallel'))
    assert ((chunks.abs() - MOTION.abs()).abs() < 0.1).float().mean() > 0.9
    assert (off_any_way(chunks) < 0.3).float().mean() < 0.3


def test_a_head_that_says_one_chunk_takes_the_middle() -> None:
    """With one context and two opposite ways any median will do, and no way is served."""
    assert (off_any_way(sampled(shown_two_ways('regression'))) > 0.3).all()


@pytest.mark.parametrize('name', ['flow', 'diffusion'])
@pytest.mark.parametrize('way', [1.0, -1.0])
def test_a_guide_keeps_the_way_that_the_chunk_before_had_begun(name: str, way: float) -> None:
    """Told the first two rows, the rows without weight follow: real-time chunking's purpose."""
    told = (way * MOTION).expand(64, -1, -1).clone()
    told[:, 2:] = 0.0
    guide = Guide(told, torch.tensor([1.0, 1.0, 0.0, 0.0]), 5.0)
    chunks = sampled(shown_two_ways(name), guide)
    assert (chunks[:, 3, 1] * way < 0.0).float().mean() > 0.9


@pytest.mark.parametrize('way', [1.0, -1.0])
@pytest.mark.parametrize('name', ['flow', 'diffusion', 'autoregressive', 'parallel', 'regression'])
def test_a_prefix_decides_between_two_ways(name: str, way: float) -> None:
    """Given one row and told nothing else, the rest is that of the same motion."""
    prefix = Prefix((way * MOTION[:1]).expand(64, -1, -1))
    worst = (sampled(shown_two_ways(name), prefix) - way * MOTION).abs().amax(dim=(1, 2))
    assert (worst < 0.3).float().mean() > 0.8
