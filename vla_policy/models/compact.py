# SPDX-License-Identifier: Apache-2.0
"""The compact trunk: small enough to be trained from nothing, and to run on a CPU.

Each camera has an encoder of its own, conditioned on the instruction; its tokens, the state, the
instruction and one readout token read each other in a few transformer layers.
"""

import torch
from torch import Tensor, nn

from vla_policy.models.camera import CameraEncoder
from vla_policy.models.config import CompactTrunkConfig, ModelConfig
from vla_policy.models.tensors import Context, Inputs, Trunk
from vla_policy.models.transformer import Layer


class CompactTrunk(Trunk):
    """Any number of cameras, a state and a sentence embedding as a context."""

    def __init__(self, model: ModelConfig, config: CompactTrunkConfig) -> None:
        """Make the trunk with fresh weights."""
        super().__init__()
        self.width = config.width
        self.keys = tuple(sorted(image.key for image in model.images))
        sizes = {image.key: (image.height, image.width) for image in model.images}
        self.cameras = nn.ModuleList(
            CameraEncoder(
                sizes[key], config.channels, config.condition, config.keypoints, config.width
            )
            for key in self.keys
        )
        self.condition = nn.Sequential(
            nn.Linear(model.language_width, config.condition),
            nn.LayerNorm(config.condition),
            nn.GELU(),
        )
        self.language_token = nn.Linear(config.condition, config.width)
        self.state_token = state_network(len(model.state_columns), config.width)
        self.camera_marks = mark(len(self.keys), config.width)
        self.marks = mark(3, config.width)  # of readout, instruction and state
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, dropout=config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, inputs: Inputs) -> Context:
        """Encode a batch; the readout is the first token."""
        condition = self.condition(inputs.language)
        own = torch.stack(
            (
                torch.zeros_like(self.language_token(condition)),
                self.language_token(condition),
                self.state_token(inputs.state[:, -1]),
            ),
            dim=1,
        )
        tokens = torch.cat((own + self.marks, *self._seen(inputs, condition)), dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return Context(tokens=tokens, mask=mask, summary=tokens[:, 0])

    def _seen(self, inputs: Inputs, condition: Tensor) -> list[Tensor]:
        return [
            encoder(inputs.images[key][:, -1], condition) + which
            for key, encoder, which in zip(self.keys, self.cameras, self.camera_marks, strict=True)
        ]


def state_network(columns: int, width: int) -> nn.Module:
    """State (…, columns) → a token; of no columns, a token that is learned."""
    return nn.Sequential(nn.Linear(columns, width), nn.GELU(), nn.Linear(width, width))


def mark(count: int, width: int) -> nn.Parameter:
    """What tells tokens of one kind from those of another."""
    return nn.Parameter(0.02 * torch.randn(count, width))
