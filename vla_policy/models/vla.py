# SPDX-License-Identifier: Apache-2.0
"""A vision-language-action model: a trunk that reads, and a head that answers.

Knows normalised numbers alone: units, statistics and differences from the state are its callers'
(normalization.py and relative.py).
"""

from torch import Generator, Tensor, nn

from vla_policy.heads.build import build_head
from vla_policy.heads.guide import Guide, Prefix
from vla_policy.heads.head import Head
from vla_policy.models.compact import CompactTrunk
from vla_policy.models.config import (
    CompactTrunkConfig,
    ModelConfig,
    Rt1TrunkConfig,
    VlmTrunkConfig,
)
from vla_policy.models.fit import check_inputs
from vla_policy.models.rt1 import Rt1Trunk
from vla_policy.models.tensors import Context, Inputs, Trunk


class Vla(nn.Module):
    """Inputs in, normalised rows out.

    Attributes:
        config: What it was made of.
        trunk: What reads.
        head: What answers.
        done: Says from the readout whether the task is done, as a logit; None where nothing does.
    """

    def __init__(self, config: ModelConfig, trunk: Trunk, head: Head) -> None:
        """Join a trunk and a head that were made for the same configuration."""
        super().__init__()
        self.config = config
        self.trunk = trunk
        self.head = head
        self.done = nn.Linear(trunk.width, 1) if config.done else None

    def encode(self, inputs: Inputs) -> Context:
        """Read a batch.

        Raises:
            VlaError: It has other names or shapes than the model was made for.
        """
        check_inputs(self.config, inputs)
        context: Context = self.trunk(inputs)
        return context

    def forward(
        self, inputs: Inputs, actions: Tensor, valid: Tensor, generator: Generator
    ) -> Tensor:
        """The loss, under the name by which data-parallel wrappers call it."""
        return self.loss(inputs, actions, valid, generator)

    def loss(self, inputs: Inputs, actions: Tensor, valid: Tensor, generator: Generator) -> Tensor:
        """What training makes small, (B,).

        Args:
            inputs: What was seen.
            actions: (B, H, A), normalised: what was done next.
            valid: (B, H), bool: rows past the end of the episode are False and do not count.
            generator: The only source of chance, but for dropout.
        """
        return self.head.loss(self.encode(inputs), actions, valid, generator)

    def act(
        self, inputs: Inputs, generator: Generator, guide: Guide | Prefix | None = None
    ) -> Tensor:
        """A chunk (B, H, A), normalised.

        Args:
            inputs: What is seen.
            generator: The only source of chance.
            guide: What the chunk before says.
        """
        return self.head.sample(self.encode(inputs), generator, guide)

    def trainable_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(each.numel() for each in self.parameters() if each.requires_grad)


def build_vla(config: ModelConfig) -> Vla:
    """A model with fresh weights, but for those of a vision-language model's folder.

    Raises:
        VlaError: That folder cannot be loaded, or what it needs is not installed.
    """
    trunk = build_trunk(config)
    head = build_head(config.head, trunk.width, config.rows, len(config.action_columns))
    return Vla(config, trunk, head)


def build_trunk(config: ModelConfig) -> Trunk:
    """The trunk of a configuration.

    Raises:
        VlaError: As build_vla.
    """
    match config.trunk:
        case CompactTrunkConfig():
            return CompactTrunk(config, config.trunk)
        case Rt1TrunkConfig():
            return Rt1Trunk(config, config.trunk)
        case VlmTrunkConfig():
            # Brings transformers, which the other trunks do not need.
            from vla_policy.models.vlm import VlmTrunk

            return VlmTrunk(config, config.trunk)
