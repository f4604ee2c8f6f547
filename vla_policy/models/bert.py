# SPDX-License-Identifier: Apache-2.0
"""A BERT encoder as it was published, for reading only: words in, one vector a word out.

It is loaded in a fraction of a second, where transformers takes many: a policy node starts with it.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  (its usual name)
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from vla_contract.errors import VlaError


class Bert:
    """Weights and words of one folder, in the layout in which such models are shared.

    Attributes:
        width: Of a vector.
    """

    def __init__(self, folder: Path, most_words: int) -> None:
        """Read the folder.

        Args:
            folder: With config.json, model.safetensors and tokenizer.json.
            most_words: Pieces of words that are read of a sentence.

        Raises:
            VlaError: Something of it is missing or cannot be read.
        """
        try:
            config = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
            self._weights = load_file(folder / 'model.safetensors')
            self._words: Tokenizer = Tokenizer.from_file(str(folder / 'tokenizer.json'))
        except (OSError, ValueError, SafetensorError) as error:
            raise VlaError(f'{folder}: the sentence encoder cannot be read: {error}') from error
        self._words.no_padding()
        self._words.enable_truncation(most_words)
        self.width = int(config['hidden_size'])
        self._heads = int(config['num_attention_heads'])
        self._depth = int(config['num_hidden_layers'])
        self._small = float(config['layer_norm_eps'])

    @torch.inference_mode()
    def read(self, sentence: str) -> Tensor:
        """The last layer's vectors, one a piece of a word, those of begin and end included."""
        found = torch.tensor(self._words.encode(sentence).ids)
        tokens = (
            self._weights['embeddings.word_embeddings.weight'][found]
            + self._weights['embeddings.position_embeddings.weight'][: len(found)]
            + self._weights['embeddings.token_type_embeddings.weight'][0]
        )
        tokens = self._normal(tokens, 'embeddings')
        for index in range(self._depth):
            tokens = self._layer(tokens, f'encoder.layer.{index}')
        return tokens

    def _layer(self, tokens: Tensor, name: str) -> Tensor:
        """Words read each other, then each is thought about; normalised after either."""
        attention = f'{name}.attention'
        query, key, value = (
            self._linear(tokens, f'{attention}.self.{part}').unflatten(-1, (self._heads, -1))
            for part in ('query', 'key', 'value')
        )
        scores = torch.einsum('nhc,mhc->hnm', query, key) / math.sqrt(query.shape[-1])
        read = torch.einsum('hnm,mhc->nhc', scores.softmax(dim=-1), value).flatten(1)
        read = self._linear(read, f'{attention}.output.dense')
        tokens = self._normal(tokens + read, f'{attention}.output')
        thought = F.gelu(self._linear(tokens, f'{name}.intermediate.dense'))
        return self._normal(
            tokens + self._linear(thought, f'{name}.output.dense'), f'{name}.output'
        )

    def _linear(self, tokens: Tensor, name: str) -> Tensor:
        return F.linear(tokens, self._weights[f'{name}.weight'], self._weights[f'{name}.bias'])

    def _normal(self, tokens: Tensor, name: str) -> Tensor:
        scale, shift = (self._weights[f'{name}.LayerNorm.{part}'] for part in ('weight', 'bias'))
        return F.layer_norm(tokens, (self.width,), scale, shift, self._small)
