# SPDX-License-Identifier: Apache-2.0
"""The trunk of RT-1: an EfficientNet under the instruction, TokenLearner, frames in time order.

As there, the instruction acts through the pictures alone. Unlike there, the state is a token of
its frame, there may be several cameras, and frames are causal as wholes: tokens of one frame, all
taken at the same time, see each other.
"""

import torch
from torch import Tensor, nn

from vla_policy.models.compact import mark, state_network
from vla_policy.models.config import ModelConfig, Rt1TrunkConfig
from vla_policy.models.efficientnet import EfficientNet
from vla_policy.models.tensors import Context, Inputs, Trunk
from vla_policy.models.token_learner import TokenLearner
from vla_policy.models.transformer import Layer


class Rt1Trunk(Trunk):
    """A history of frames as a context; the readout is the last token of the newest frame."""

    def __init__(self, model: ModelConfig, config: Rt1TrunkConfig) -> None:
        """Make the trunk with fresh weights."""
        super().__init__()
        self.width = config.width
        self.history = model.history
        self.keys = tuple(sorted(image.key for image in model.images))
        self.condition = nn.Linear(model.language_width, config.condition)
        self.vision = EfficientNet(config.width_scale, config.depth_scale, config.condition)
        self.project = nn.Conv2d(self.vision.channels, config.width, 1)
        self.learner = TokenLearner(config.width, config.tokens, config.token_hidden)
        self.state_token = state_network(len(model.state_columns), config.width)
        self.marks = mark(len(self.keys) * config.tokens + 2, config.width)
        self.frames = nn.Parameter(0.02 * torch.randn(model.history, 1, config.width))
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, config.head_width, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, inputs: Inputs) -> Context:
        """Encode a batch."""
        state = self.state_token(inputs.state)[:, :, None]
        condition = self.condition(inputs.language)
        seen = [self._seen(inputs.images[key], condition) for key in self.keys]
        frames = torch.cat((*seen, state, torch.zeros_like(state)), dim=2)
        frames = frames + self.marks + self.frames
        allowed = causal(self.history, frames.shape[2], frames.device)
        tokens = frames.flatten(1, 2)
        for layer in self.layers:
            tokens = layer(tokens, allowed)
        tokens = self.norm(tokens)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return Context(tokens=tokens, mask=mask, summary=tokens[:, -1])

    def _seen(self, pictures: Tensor, condition: Tensor) -> Tensor:
        """Tokens (B, T, tokens, D) of one camera's (B, T, 3, H, W)."""
        of_each = condition.repeat_interleave(pictures.shape[1], dim=0)
        maps = self.project(self.vision(pictures.flatten(0, 1), of_each))
        tokens = self.learner(maps.flatten(2).transpose(1, 2))
        seen: Tensor = tokens.unflatten(0, pictures.shape[:2])
        return seen


def causal(frames: int, tokens: int, device: torch.device) -> Tensor:
    """(N, N): True where a token (row) may read another: of its own frame or an earlier one."""
    frame = torch.arange(frames, device=device).repeat_interleave(tokens)
    return frame[:, None] >= frame[None, :]
