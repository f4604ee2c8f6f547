# SPDX-License-Identifier: Apache-2.0
"""A slow average of weights, which drives better than the newest ones."""

import torch
from torch import Tensor, nn


class Ema:
    """Exponential moving average of a model's parameters and buffers.

    Attributes:
        weights: The average by name.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the model as it is.

        Args:
            model: Whose state dictionary is averaged.
            decay: Share of the old average that stays at each update, once it is warm.
        """
        self._decay = decay
        self.weights: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in model.state_dict().items()
        }

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take the model's newest weights in.

        Args:
            model: As it is after a step.
            step: Number of steps made; the first ones weigh more, so that the start is forgotten.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            average = self.weights[name]
            if average.is_floating_point():
                average.lerp_(value.to(average), 1.0 - decay)
            else:
                average.copy_(value)
