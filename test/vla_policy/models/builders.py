# SPDX-License-Identifier: Apache-2.0
"""Small models, inputs drawn by a seed, and a head written by hand."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from vla_policy.heads.config import DecoderConfig, FlowHeadConfig
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import Head, mean_over_rows
from vla_policy.models.config import CompactTrunkConfig, ImageSpec, LanguageConfig, ModelConfig
from vla_policy.models.tensors import Context, Inputs

JOINTS = ('lift', 'turn')
COLUMNS = (*JOINTS, 'gripper')
KEYS = ('observation.images.wrist', 'observation.images.scene')
SIZE = 32
COMPACT = CompactTrunkConfig(
    channels=(8, 8, 16, 16), keypoints=4, condition=16, width=32, layers=1, heads=2
)
HEAD = FlowHeadConfig(decoder=DecoderConfig(width=16, depth=1, attention_heads=2), steps=2)


def model_config(**changes: Any) -> ModelConfig:  # noqa: ANN401  (as Documents take them)
    """Two tiny cameras and two joints, with changes."""
    values: dict[str, Any] = {
        'images': tuple(ImageSpec(key=key, width=SIZE, height=SIZE) for key in KEYS),
        'state_columns': COLUMNS,
        'action_columns': COLUMNS,
        'rows': 4,
        'language': LanguageConfig(waves=1),
        'trunk': COMPACT,
        'head': HEAD,
    }
    return ModelConfig(**(values | changes))


def inputs_for(config: ModelConfig, batch: int = 2, seed: int = 0) -> Inputs:
    """Inputs that fit a model."""
    chance = Generator().manual_seed(seed)
    images = {
        image.key: torch.rand(batch, config.history, 3, image.height, image.width, generator=chance)
        for image in config.images
    }
    state = torch.randn(batch, config.history, len(config.state_columns), generator=chance)
    language = torch.randn(batch, config.language_width, generator=chance)
    return Inputs(images=images, state=state, language=language)


def shake(module: nn.Module, seed: int = 0) -> None:
    """Give every weight some chance, those that begin at zero too."""
    chance = Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn(weight.shape, generator=chance), alpha=0.1)


class ConstantHead(Head):
    """Answers a linear map of the summary, the same in every row; notes what it is guided by."""

    def __init__(self, width: int, rows: int, columns: int) -> None:
        """Make the map."""
        super().__init__()
        self.rows, self.columns, self.prefix_rows = rows, columns, 0
        self.map = nn.Linear(width, columns)
        self.guides: list[Guide | Prefix | None] = []

    def loss(
        self, context: Context, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """The mean error of the rows that count."""
        return mean_over_rows((self.sample(context, generator) - actions).abs(), valid)

    def sample(
        self, context: Context, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """The map of the summary."""
        del generator
        self.guides.append(guide)
        answer: Tensor = self.map(context.summary)[:, None].expand(-1, self.rows, -1)
        return answer
