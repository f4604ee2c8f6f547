# SPDX-License-Identifier: Apache-2.0
"""What a person chooses about a head. Needs no torch, so that files are checked without it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from vla_contract.document import Contradiction, Document
from vla_contract.fields import Positive

Count = Annotated[int, Field(gt=0)]


class DecoderConfig(Document):
    """The transformer that all heads share, so that they compare on equal terms.

    Attributes:
        width: Of its tokens.
        depth: Its layers.
        attention_heads: Of each layer; twice as many divide the width.
    """

    width: Count = 192
    depth: Count = 3
    attention_heads: Count = 4

    def contradictions(self) -> Iterator[Contradiction]:
        """The width splits into attention heads, and each of those into sines and cosines."""
        if self.width % (2 * self.attention_heads):
            yield Contradiction(
                ('width',), f'{self.width} is no multiple of 2 × {self.attention_heads} heads'
            )


class AnyHeadConfig(Document):
    """What every head has.

    Attributes:
        decoder: The transformer that reads the context.
        prefix_rows: Most rows of a chunk that may be given, because they will have been played
            when the chunk is ready; trained for every number from 0 to this.
    """

    decoder: DecoderConfig = DecoderConfig()
    prefix_rows: Annotated[int, Field(ge=0)] = 0


class FlowHeadConfig(AnyHeadConfig):
    """Flow matching as in pi0.

    Attributes:
        kind: ``flow``.
        steps: Euler steps from noise to actions.
        draws: Noises and times learned from for each context: the trunk costs more than the head.
        temperature: Of the noise that sampling begins with; training does not know it. 1 draws
            from all that was learned; below, rows are smoother and nearer to what is likeliest.
    """

    kind: Literal['flow'] = 'flow'
    steps: Count = 10
    draws: Count = 1
    temperature: Annotated[float, Field(ge=0)] = 1.0


class DiffusionHeadConfig(AnyHeadConfig):
    """DDPM training on the cosine schedule, DDIM sampling, as in Octo and Diffusion Policy.

    Attributes:
        kind: ``diffusion``.
        predicts: What the network says: ``noise``, as in DDPM, or ``velocity``, α·noise - σ·action,
            which is an estimate of the action that no level divides by next to nothing.
        levels: Noise levels that are trained.
        steps: Levels that sampling visits.
        clip: Largest normalised action that an estimate may name.
        draws: Noises and levels learned from for each context.
        temperature: Of the noise that sampling begins with, as of ``flow``.
    """

    kind: Literal['diffusion'] = 'diffusion'
    predicts: Literal['noise', 'velocity'] = 'velocity'
    levels: Annotated[int, Field(ge=2)] = 100
    steps: Count = 10
    clip: Positive = 5.0
    draws: Count = 1
    temperature: Annotated[float, Field(ge=0)] = 1.0

    def contradictions(self) -> Iterator[Contradiction]:
        """Sampling visits levels that exist."""
        if self.steps >= self.levels:
            yield Contradiction(
                ('steps',), f'{self.steps}, while there are {self.levels} levels; take fewer'
            )


class TokensHeadConfig(AnyHeadConfig):
    """Discrete tokens as in RT-2 and OpenVLA: a classifier over bins for each number.

    Attributes:
        kind: ``tokens``.
        bins: Over -1 to 1, which quantile normalisation makes the 1 % and 99 % quantiles.
        decoding: ``autoregressive``: one number after another, each told those before it;
            ``parallel``: all in one pass.
        temperature: 0 takes the likeliest bin; above, bins are drawn, flatter the higher.
    """

    kind: Literal['tokens'] = 'tokens'
    bins: Annotated[int, Field(ge=2)] = 256
    decoding: Literal['autoregressive', 'parallel'] = 'parallel'
    temperature: Annotated[float, Field(ge=0)] = 0.0


class RegressionHeadConfig(AnyHeadConfig):
    """L1 regression in one pass as in OpenVLA-OFT.

    Attributes:
        kind: ``regression``.
        blocks: Residual blocks between decoder and output.
    """

    kind: Literal['regression'] = 'regression'
    blocks: Annotated[int, Field(ge=0)] = 2


class CvaeHeadConfig(AnyHeadConfig):
    """A conditional variational autoencoder as in ACT.

    Attributes:
        kind: ``cvae``.
        latent: Numbers that tell one way of doing a task from another.
        kl_weight: Of the divergence from the standard normal, against the L1 error.
        encoder_depth: Layers of the encoder, which training alone uses.
    """

    kind: Literal['cvae'] = 'cvae'
    latent: Count = 32
    kl_weight: Positive = 10.0
    encoder_depth: Count = 2


HeadConfig = Annotated[
    FlowHeadConfig | DiffusionHeadConfig | TokensHeadConfig | RegressionHeadConfig | CvaeHeadConfig,
    Field(discriminator='kind'),
]
