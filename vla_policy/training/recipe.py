# SPDX-License-Identifier: Apache-2.0
"""The recipe: how a model is made and trained. Needs no torch."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from vla_contract.document import Contradiction, Document
from vla_contract.errors import VlaError
from vla_contract.fields import Name
from vla_contract.policy import Policy
from vla_policy.heads.config import FlowHeadConfig, HeadConfig
from vla_policy.models.config import (
    CompactTrunkConfig,
    ImageSpec,
    LanguageConfig,
    ModelConfig,
    TrunkConfig,
    VlmTrunkConfig,
)

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=0.9)]


class Augmentation(Document):
    """How much pictures and state are changed in training.

    Attributes:
        shift: Most that a picture is shifted, as a share of its height and width.
        brightness: Most that all values are raised or lowered, of 1.
        contrast: Most that differences from the mean grow or shrink, as a share.
        tint: Most that each of the three colours grows or shrinks by itself, as a share; too much
            makes orange of yellow.
        noise: Standard deviation of noise on every value, of 1.
        state_noise: Standard deviation of noise on the normalised state that is felt.
    """

    shift: Share = 0.04
    brightness: Share = 0.1
    contrast: Share = 0.15
    tint: Share = 0.05
    noise: Share = 0.01
    state_noise: Share = 0.02


class OptimizerConfig(Document):
    """How weights are changed: AdamW.

    Attributes:
        rate: Highest learning rate.
        warmup: Steps until it is reached.
        last: Share of it at the last step; a cosine in between.
        decay: Weight decay of matrices; vectors have none.
        betas: Of AdamW.
        clip: Longest gradient.
    """

    rate: Annotated[float, Field(gt=0)] = 5e-4
    warmup: Annotated[int, Field(ge=0)] = 500
    last: Annotated[float, Field(ge=0, le=1)] = 0.05
    decay: Annotated[float, Field(ge=0)] = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    clip: Annotated[float, Field(gt=0)] = 1.0


class Recipe(Document):
    """How a model is made and trained.

    Attributes:
        policy: Policy file, by its path from this one's folder: what the model sees and answers.
            Its images, state, action, rate_hz and rows count here, and nothing else of it.
        sizes: Pictures that are to be smaller than the policy file has them.
        trunk: What reads.
        head: What answers.
        language: The sentence encoder.
        history: Frames the model sees.
        relative: Joint columns are differences from the observed state.
        normalisation: ``quantile``: 1 % and 99 % become -1 and 1; ``mean_std``; ``min_max``.
        augmentation: Changes to what is seen.
        optimizer: Changes to weights.
        steps: In all.
        batch: Examples a step, of all processes together.
        parts: Parts that a batch is worked on in, one after another or by as many processes.
        seed: Of weights and of everything drawn.
        average: Share of the average of weights that stays at each step.
        hints: Weight of the auxiliary loss: the model also has to name what the dataset's hints
            hold, such as where the object is that the instruction speaks of; 0: none.
        done: Weight of the loss of saying whether the task is done, which the datasets have to
            know (``next.done``); 0: the model does not say it.
        pairs: Share of each batch that are pairs of pictures and a sentence, of which only the
            hints are learned; 0: none.
        questions: So many questions about pictures, as a share of the batch, are asked beside it;
            a vision-language model learns to answer them in words; 0: none.
        precision: ``fp32``; ``bf16``: matrices in bfloat16; ``auto``: bf16 on a GPU.
        compile: Compile the model where there is a GPU.
        save_every: Steps between checkpoints.
    """

    policy: Name
    sizes: tuple[ImageSpec, ...] = ()
    trunk: TrunkConfig = CompactTrunkConfig()
    head: HeadConfig = FlowHeadConfig()
    language: LanguageConfig = LanguageConfig()
    history: Count = 1
    relative: bool = True
    normalisation: Literal['quantile', 'mean_std', 'min_max'] = 'quantile'
    augmentation: Augmentation = Augmentation()
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: Count = 20_000
    batch: Count = 64
    parts: Count = 1
    seed: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    hints: Annotated[float, Field(ge=0)] = 0.0
    done: Annotated[float, Field(ge=0)] = 0.0
    pairs: Share = 0.0
    questions: Share = 0.0
    precision: Literal['auto', 'fp32', 'bf16'] = 'auto'
    compile: bool = False
    save_every: Count = 1000

    def contradictions(self) -> Iterator[Contradiction]:
        """A batch splits into its parts, and the rate has time to rise."""
        if self.batch % self.parts:
            yield Contradiction(('batch',), f'{self.batch} is no multiple of parts, {self.parts}')
        if self.pairs and not self.hints:
            yield Contradiction(('pairs',), f'{self.pairs:g}, while hints is 0: nothing is learned')
        learns = isinstance(self.trunk, VlmTrunkConfig) and self.trunk.adapt != 'frozen'
        if self.questions and not learns:
            yield Contradiction(
                ('questions',),
                f'{self.questions:g}, while the trunk does not learn words; take a vlm with adapt: '
                'lora or full, or set it to 0',
            )
        if self.optimizer.warmup >= self.steps:
            yield Contradiction(
                ('optimizer', 'warmup'), f'{self.optimizer.warmup}, while steps is {self.steps}'
            )

    def seeing(self, policy: Policy) -> Policy:
        """A policy file with the sizes of this recipe.

        Raises:
            VlaError: It has no such picture.
        """
        images = {image.key: image for image in policy.images}
        for size in self.sizes:
            if size.key not in images:
                there = ', '.join(images) or 'no pictures'
                raise VlaError(f'sizes: {size.key}: policy {policy.name} sees {there}')
            images[size.key] = images[size.key].model_copy(update=size.model_dump())
        return policy.model_copy(update={'images': tuple(images.values())})

    def model(self, policy: Policy) -> ModelConfig:
        """The model for a policy file."""
        return ModelConfig(
            images=tuple(
                ImageSpec(key=image.key, width=image.width, height=image.height)
                for image in policy.images
            ),
            state_columns=policy.state.columns,
            action_columns=policy.action.columns,
            rows=policy.rows,
            history=self.history,
            relative=self.relative,
            done=self.done > 0,
            language=self.language,
            trunk=self.trunk,
            head=self.head,
        )
