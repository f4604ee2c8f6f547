# SPDX-License-Identifier: Apache-2.0
"""What is compared: heads that all are asked in the same way, and one head asked in every way."""

from dataclasses import dataclass, field
from typing import Any

PLAIN: dict[str, Any] = {'strategy': 'asynchronous', 'refill_below': 0.8}
PREFIX_ROWS = 6
"""Rows that are given away while the next chunk is made: 0.3 s at 20 Hz."""


@dataclass(frozen=True)
class Contender:
    """A head and how it is asked.

    Attributes:
        name: In tables, and of files.
        head: As in a recipe.
        execution: As in a policy file.
        sampling: Keys of the head that training does not know.
    """

    name: str
    head: dict[str, Any]
    execution: dict[str, Any] = field(default_factory=lambda: dict(PLAIN))
    sampling: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """Name of what is trained: contenders that differ in how they are asked share it."""
        words = [f'{key}-{value}' for key, value in self.head.items() if key != 'kind']
        return '-'.join([self.head['kind'], *words])


FLOW, DIFFUSION = {'kind': 'flow'}, {'kind': 'diffusion'}
CALM, DRAWN = {'temperature': 0.0}, {'temperature': 1.0}
HEADS = (
    Contender('flow', FLOW, sampling=CALM),
    Contender('flow, drawn', FLOW, sampling=DRAWN),
    Contender('diffusion', DIFFUSION, sampling=CALM),
    Contender('diffusion, drawn', DIFFUSION, sampling=DRAWN),
    Contender('tokens, parallel', {'kind': 'tokens', 'decoding': 'parallel'}),
    Contender('tokens, autoregressive', {'kind': 'tokens', 'decoding': 'autoregressive'}),
    Contender('regression', {'kind': 'regression'}),
    Contender('cvae', {'kind': 'cvae'}),
)
STRATEGIES = (
    Contender('synchronous', FLOW, {'strategy': 'synchronous'}, CALM),
    Contender('asynchronous', FLOW, sampling=CALM),
    Contender('temporal ensembling', FLOW, {'strategy': 'temporal_ensembling'}, CALM),
    Contender('real-time chunking', FLOW, PLAIN | {'strategy': 'real_time_chunking'}, CALM),
    Contender(
        'prefix conditioning',
        {'kind': 'flow', 'prefix_rows': PREFIX_ROWS},
        PLAIN | {'strategy': 'prefix_conditioning'},
        CALM,
    ),
    Contender('dual rate', FLOW, {'strategy': 'dual_rate', 'act_hz': 20.0}, CALM),
)
