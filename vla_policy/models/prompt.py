# SPDX-License-Identifier: Apache-2.0
"""Pictures and instruction → what a vision-language model takes, by the processor in its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoProcessor, PaliGemmaProcessor

from vla_contract.errors import VlaError
from vla_policy.models.tensors import Inputs
from vla_policy.models.vlm import TextInputs

IMAGE_WORD = '<image>'
LABELS = 'labels'  # which words to learn; no input of a trunk
UNTOLD = -100  # marks the other words among them, as transformers wants it


class Prompter:
    """A model's own processor, asked as the model was taught: by its chat template if it has one.

    Attributes:
        keys: Of the pictures, in the order they are shown.
    """

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        """Load the processor.

        Raises:
            VlaError: The folder has none that can be loaded.
        """
        try:
            self._processor = AutoProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise VlaError(f'{folder}: its processor cannot be loaded: {error}') from error
        self._processor.tokenizer.padding_side = 'right'
        self.keys = tuple(sorted(keys))

    def features(
        self, images: Mapping[str, Sequence[NDArray[np.uint8]]], instructions: Sequence[str]
    ) -> dict[str, Tensor]:
        """Features of a batch.

        Args:
            images: By key, one (H, W, 3) for each instruction.
            instructions: What to do.
        """
        shown = [[images[key][index] for key in self.keys] for index in range(len(instructions))]
        texts = [self.text(instruction, len(self.keys)) for instruction in instructions]
        answer = self._processor(text=texts, images=shown, padding=True, return_tensors='pt')
        return {name: values for name, values in answer.items() if name != LABELS}

    def answered(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        questions: Sequence[str],
        answers: Sequence[str],
    ) -> dict[str, Tensor]:
        """Features of questions with their answers, and as ``labels`` the words to learn.

        Args:
            pictures: (H, W, 3), one for each question.
            questions: What is asked.
            answers: What is to be said.
        """
        shown = [[picture] for picture in pictures]
        texts = [self.text(question, 1) for question in questions]
        options = {'images': shown, 'padding': True, 'return_tensors': 'pt'}
        if isinstance(self._processor, PaliGemmaProcessor):  # it reads the question both ways
            return dict(self._processor(text=texts, suffix=list(answers), **options))
        end = self._processor.tokenizer.eos_token or ''
        whole = [text + answer + end for text, answer in zip(texts, answers, strict=True)]
        features = dict(self._processor(text=whole, **options))
        asked = self._processor(text=texts, **options)['attention_mask'].sum(dim=1, keepdim=True)
        places = torch.arange(features['input_ids'].shape[1])
        told = (places >= asked) & features['attention_mask'].bool()
        return features | {LABELS: features['input_ids'].masked_fill(~told, UNTOLD)}

    def text(self, instruction: str, pictures: int) -> str:
        """The prompt for one instruction, with a place for each picture."""
        if self._processor.chat_template is None:
            return IMAGE_WORD * pictures + instruction
        parts = [{'type': 'image'} for _ in range(pictures)]
        message = {'role': 'user', 'content': [*parts, {'type': 'text', 'text': instruction}]}
        text: str = self._processor.apply_chat_template(
            [message], add_generation_prompt=True, tokenize=False
        )
        return text


class PromptReader:
    """Each instruction as a prompt with the newest pictures, by a model's own processor."""

    def __init__(self, prompter: Prompter) -> None:
        """Read with a processor."""
        self._prompter = prompter

    def inputs(
        self, images: Mapping[str, Tensor], state: Tensor, instructions: Sequence[str]
    ) -> Inputs:
        """As in Reader (reader.py)."""
        shown = {
            key: list((255.0 * each[:, -1]).round().byte().permute(0, 2, 3, 1).cpu().numpy())
            for key, each in images.items()
        }
        features = self._prompter.features(shown, instructions)
        there = {name: each.to(state.device) for name, each in features.items()}
        return TextInputs(images, state, state.new_zeros(len(state), 0), there)
