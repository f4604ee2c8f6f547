# SPDX-License-Identifier: Apache-2.0
"""Flow matching as in pi0: the network says the velocity from actions to noise. Knows no schedule.

Here t = 1 is noise and t = 0 is actions; papers that count the other way have u of opposite sign.
"""

from torch import Generator, Tensor

from vla_policy.heads.config import FlowHeadConfig
from vla_policy.heads.decoder import Cache
from vla_policy.heads.denoising import DenoisingHead
from vla_policy.heads.draws import uniform

BETA = 1.5
TIME_SCALE, LEAST_TIME = 0.999, 0.001


class FlowHead(DenoisingHead):
    """x_t = t·noise + (1 - t)·actions; the network says u = noise - actions."""

    def __init__(self, config: FlowHeadConfig, width: int, rows: int, columns: int) -> None:
        """Even steps from 1 to 0."""
        super().__init__(config, width, rows, columns)
        self.times = tuple(1.0 - step / config.steps for step in range(config.steps + 1))

    def draw_times(self, count: int, generator: Generator, like: Tensor) -> Tensor:
        """0.999·Beta(1.5, 1) + 0.001: noise more often than actions.

        The distribution function of Beta(b, 1) is tᵇ, so its inverse turns uniform numbers into it.
        """
        beta: Tensor = uniform((count,), generator, like) ** (1.0 / BETA)
        return beta * TIME_SCALE + LEAST_TIME

    def noised(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """On the straight line between them."""
        return time * noise + (1.0 - time) * actions

    def target(self, actions: Tensor, noise: Tensor, time: Tensor) -> Tensor:  # noqa: ARG002
        """The velocity of that line."""
        return noise - actions

    def velocity(self, state: Tensor, time: Tensor, cache: Cache) -> Tensor:
        """As the network says."""
        return self.network(state, time, cache)
