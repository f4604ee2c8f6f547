# SPDX-License-Identifier: Apache-2.0
"""A trunk from any vision-language model of transformers: its last hidden states are the context.

The model lies in a folder on this machine: nothing is fetched, and no code in it is run. It reads
the instruction itself, beside the pictures (prompt.py makes what it takes of them); the state joins
afterwards, where a readout token sums up what was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText

from vla_contract.errors import VlaError
from vla_policy.models.compact import mark, state_network
from vla_policy.models.config import ModelConfig, VlmTrunkConfig
from vla_policy.models.lora import add_lora
from vla_policy.models.tensors import Context, Inputs, Trunk
from vla_policy.models.transformer import Layer

MASK = 'attention_mask'


@dataclass(frozen=True)
class TextInputs(Inputs):
    """Inputs with pictures and instruction as the vision-language model takes them.

    Attributes:
        features: Its own arguments by name, as its processor makes them: input_ids and
            attention_mask (B, N), pixel_values and what else it asks for.
    """

    features: Mapping[str, Tensor]

    def to(self, device: torch.device) -> Self:
        """The same where a model is."""
        features = {name: each.to(device) for name, each in self.features.items()}
        return replace(super().to(device), features=features)


class VlmTrunk(Trunk):
    """Pictures and instruction through the model, then the state, then a readout."""

    def __init__(self, model: ModelConfig, config: VlmTrunkConfig) -> None:
        """Load the model's weights, and make fresh ones around it.

        Raises:
            VlaError: The folder does not hold such a model, or LoRA is not installed.
        """
        super().__init__()
        self.width = config.width
        self.model = load(Path(config.folder), getattr(torch, config.dtype))
        hidden = self.model.config.get_text_config().hidden_size
        self.trained = config.adapt != 'frozen'
        if config.adapt == 'lora':
            add_lora(self.model, config.lora)
        else:
            self.model.requires_grad_(requires_grad=self.trained)
            self._leave_words()
        self.read = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, config.width))
        self.state_token = state_network(len(model.state_columns), config.width)
        self.marks = mark(2, config.width)  # of readout and state
        self.layer = Layer(config.width, config.heads)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, inputs: Inputs) -> Context:
        """Encode a batch.

        Raises:
            VlaError: The inputs have no features of this model.
        """
        if not isinstance(inputs, TextInputs):
            raise VlaError(
                'a vision-language model takes TextInputs, with the features its processor makes; '
                f'found {type(inputs).__name__}'
            )
        read = self.read(self._hidden(inputs.features).to(inputs.state.dtype))
        state = self.state_token(inputs.state[:, -1])
        own = torch.stack((torch.zeros_like(state), state), dim=1) + self.marks
        counted = inputs.features[MASK].bool()
        mask = torch.cat((torch.ones_like(counted[:, :2]), counted), dim=1)
        tokens = self.layer(torch.cat((own, read), dim=1), mask[:, None, None])
        tokens = self.norm(tokens)
        return Context(tokens=tokens, mask=mask, summary=tokens[:, 0])

    def answers_loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """How badly the model itself names the words of ``labels``: the mean cross entropy."""
        loss: Tensor = self.model(**features, use_cache=False).loss
        return loss

    def train(self, mode: bool = True) -> Self:
        """A frozen model goes on as if it were used."""
        super().train(mode)
        self.model.train(mode and self.trained)
        return self

    def _leave_words(self) -> None:
        """What names the next word is not used, so nothing would train it; often it reads too."""
        reading, naming = (
            self.model.get_input_embeddings(),
            self.model.get_output_embeddings(),
        )
        if naming is not None and naming.weight is not reading.weight:
            naming.requires_grad_(requires_grad=False)

    def _hidden(self, features: Mapping[str, Tensor]) -> Tensor:
        """Last hidden states (B, N, C); without the layer that would name the next word."""
        with torch.set_grad_enabled(self.trained and torch.is_grad_enabled()):
            answer = self.model.base_model(**features, use_cache=False)
        hidden: Tensor = answer.last_hidden_state
        return hidden


def load(folder: Path, dtype: torch.dtype) -> nn.Module:
    """The model of a folder.

    Raises:
        VlaError: It holds none, or one that is not for pictures and text.
    """
    if not (folder / 'config.json').is_file():
        raise VlaError(
            f'{folder}: no config.json there; name the folder of a vision-language model in the '
            'format of transformers'
        )
    try:
        model: nn.Module = AutoModelForImageTextToText.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
        )
    except (OSError, ValueError, KeyError) as error:
        raise VlaError(f'{folder}: no vision-language model can be loaded: {error}') from error
    return model
