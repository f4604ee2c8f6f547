# SPDX-License-Identifier: Apache-2.0
"""Execution strategies: how the chunks of a policy become one motion. Numbers only, no code."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Positive

DEFAULT_STRATEGY = 'asynchronous'

Fraction = Annotated[float, Field(gt=0, le=1)]


class _Strategy(Document):
    """What all strategies can say of themselves."""

    @property
    def described(self) -> str:
        """One line for people, with every number in it."""
        values = self.model_dump()
        name = values.pop('strategy')
        told = ', '.join(
            f'{key} {value:g}' if isinstance(value, float) else f'{key} {value}'
            for key, value in values.items()
        )
        return f'{name} ({told})' if told else str(name)


class Synchronous(_Strategy):
    """The next chunk is asked for when the last has run out; the arm waits for it.

    Attributes:
        strategy: ``synchronous``.
    """

    strategy: Literal['synchronous'] = 'synchronous'


class Asynchronous(_Strategy):
    """The next chunk is asked for while the last still runs, and replaces what is left of it.

    Attributes:
        strategy: ``asynchronous``.
        refill_below: Ask when this fraction of the chunk is left, 0 to 1.
    """

    strategy: Literal['asynchronous'] = 'asynchronous'
    refill_below: Fraction = 0.5


class TemporalEnsembling(_Strategy):
    """Each row is the mean of all that recent chunks say of its time, as in ACT.

    Attributes:
        strategy: ``temporal_ensembling``.
        refill_below: Ask when this fraction of the chunk is left, 0 to 1; at 1 with every new
            observation.
        decay: The i-th chunk weighs exp(-decay i); i = 0 is the oldest.
    """

    strategy: Literal['temporal_ensembling'] = 'temporal_ensembling'
    refill_below: Fraction = 1.0
    decay: Annotated[float, Field(ge=0)] = 0.01


class RealTimeChunking(_Strategy):
    """Asynchronous, and the head is guided to agree with what is left of the last chunk.

    Attributes:
        strategy: ``real_time_chunking``.
        refill_below: Ask when this fraction of the chunk is left, 0 to 1.
        weights: How agreement fades over the rows that are left: ``exponential`` or ``linear``.
        beta: Greatest gain of the guidance.
    """

    strategy: Literal['real_time_chunking'] = 'real_time_chunking'
    refill_below: Fraction = 0.5
    weights: Literal['exponential', 'linear'] = 'exponential'
    beta: Positive = 5.0


class PrefixConditioning(_Strategy):
    """Asynchronous, and the head is given the rows that run meanwhile, as it was in training.

    Attributes:
        strategy: ``prefix_conditioning``.
        refill_below: Ask when this fraction of the chunk is left, 0 to 1.
    """

    strategy: Literal['prefix_conditioning'] = 'prefix_conditioning'
    refill_below: Fraction = 0.5


class DualRate(_Strategy):
    """A slow trunk looks now and then; a fast head acts on what it last saw.

    Attributes:
        strategy: ``dual_rate``.
        encode_hz: Greatest rate of the trunk.
        act_hz: Greatest rate of the head; each of its answers is a chunk.
        latent_max_age_s: The head does not act on what was seen longer ago [s].
    """

    strategy: Literal['dual_rate'] = 'dual_rate'
    encode_hz: Positive = 5.0
    act_hz: Positive = 100.0
    latent_max_age_s: Positive = 1.0

    def contradictions(self) -> Iterator[Contradiction]:
        """The head is the faster one, and a latent lives until the next is due."""
        if self.act_hz <= self.encode_hz:
            yield Contradiction(
                ('act_hz',), f'{self.act_hz:g} is not above encode_hz {self.encode_hz:g}'
            )
        if self.latent_max_age_s * self.encode_hz < 1:
            yield Contradiction(
                ('latent_max_age_s',),
                f'{self.latent_max_age_s:g} s is below {1 / self.encode_hz:g} s, after which '
                f'encode_hz {self.encode_hz:g} gives the next',
            )


def _strategy_of(value: object) -> str:
    """The strategy that a file names, the default where it names none."""
    if isinstance(value, _Strategy):
        return str(value.model_dump()['strategy'])
    return str(value.get('strategy', DEFAULT_STRATEGY)) if isinstance(value, dict) else ''


Execution = Annotated[
    Annotated[Synchronous, Tag('synchronous')]
    | Annotated[Asynchronous, Tag('asynchronous')]
    | Annotated[TemporalEnsembling, Tag('temporal_ensembling')]
    | Annotated[RealTimeChunking, Tag('real_time_chunking')]
    | Annotated[PrefixConditioning, Tag('prefix_conditioning')]
    | Annotated[DualRate, Tag('dual_rate')],
    Discriminator(_strategy_of),
]
"""One strategy, told by its ``strategy``."""

Continuing = TemporalEnsembling | RealTimeChunking | PrefixConditioning
"""Strategies that make a chunk agree with what is left of the one before."""
