# SPDX-License-Identifier: Apache-2.0
"""Vision-language models of five families, tiny and with random weights, and inputs for them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Generator, Tensor

from test.vla_policy.models.builders import COLUMNS, model_config
from vla_policy.models.config import ModelConfig, VlmTrunkConfig
from vla_policy.models.vlm import TextInputs

HIDDEN, SIDE, WORDS = 32, 32, 64
IMAGE, VIDEO, START, END = 60, 61, 62, 63
INSTRUCTION = 5  # words
VISION = {
    'hidden_size': HIDDEN,
    'intermediate_size': 64,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'image_size': SIDE,
    'patch_size': 16,
}


WORDS_KNOWN = ('<pad>', '<bos>', '<eos>', '<unk>', 'put', 'the', 'red', 'cube', 'away')
SPECIAL = {
    'pad_token': '<pad>',
    'bos_token': '<bos>',
    'eos_token': '<eos>',
    'unk_token': '<unk>',
    'additional_special_tokens': ['<image>'],
}


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Attributes:
        config: Of a tiny one.
        picture: Words that stand for one picture.
        pixels: Shape of the pictures of a batch of two with one picture each.
        more: What else it wants to know of them.
    """

    config: Any
    picture: tuple[int, ...]
    pixels: tuple[int, ...]
    more: dict[str, Tensor]


def text(kind: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  (as transformers takes them)
    """A language model of two layers."""
    return {
        'model_type': kind,
        'hidden_size': HIDDEN,
        'intermediate_size': 64,
        'num_hidden_layers': 2,
        'num_attention_heads': 2,
        'num_key_value_heads': 1,
        'head_dim': 16,
        'vocab_size': WORDS,
        'pad_token_id': 0,
        'bos_token_id': 1,
        'eos_token_id': 2,
        **more,
    }


def paligemma() -> Family:
    """SigLIP and Gemma; it reads its prompt in both directions."""
    config = transformers.PaliGemmaConfig(
        text_config=text('gemma'),
        vision_config={'model_type': 'siglip_vision_model', 'projection_dim': HIDDEN, **VISION},
        projection_dim=HIDDEN,
        image_token_index=IMAGE,
    )
    words = 4 + INSTRUCTION + 1
    more = {'token_type_ids': torch.zeros(2, words, dtype=torch.long)}
    return Family(config, (IMAGE,) * 4, (2, 3, SIDE, SIDE), more)


def smolvlm() -> Family:
    """SigLIP and Llama, four patches shuffled into one word."""
    config = transformers.SmolVLMConfig(
        text_config=text('llama'), vision_config=VISION, image_token_id=IMAGE, scale_factor=2
    )
    return Family(config, (IMAGE,), (2, 1, 3, SIDE, SIDE), {})


def qwen() -> Family:
    """Qwen2.5-VL: patches of 14 pixels in a grid that each picture says, merged two by two."""
    config = transformers.Qwen2_5_VLConfig(
        text_config=text(
            'qwen2_5_vl_text', rope_scaling={'type': 'mrope', 'mrope_section': [2, 3, 3]}
        ),
        vision_config={
            'depth': 1,
            'hidden_size': HIDDEN,
            'intermediate_size': 64,
            'num_heads': 2,
            'out_hidden_size': HIDDEN,
            'fullatt_block_indexes': [0],
        },
        image_token_id=IMAGE,
        video_token_id=VIDEO,
        vision_start_token_id=START,
        vision_end_token_id=END,
    )
    picture = (START, IMAGE, END)
    kinds = torch.tensor([[0, 1, 0, *[0] * (INSTRUCTION + 1)]] * 2)
    more = {'image_grid_thw': torch.tensor([[1, 2, 2]] * 2), 'mm_token_type_ids': kinds}
    return Family(config, picture, (8, 3 * 2 * 14 * 14), more)


def llama() -> Family:
    """CLIP and Llama, as LLaVA joins them."""
    config = transformers.LlavaConfig(
        text_config=text('llama'),
        vision_config={'model_type': 'clip_vision_model', 'projection_dim': HIDDEN, **VISION},
        image_token_index=IMAGE,
    )
    return Family(config, (IMAGE,) * 4, (2, 3, SIDE, SIDE), {})


def llama_vision() -> Family:
    """Llama 3.2 Vision: words look at pictures by cross-attention, through a gate."""
    config = transformers.MllamaConfig(
        text_config=text(
            'mllama_text_model',
            cross_attention_layers=[1],
            rope_scaling={'rope_type': 'default', 'rope_theta': 10000.0},
        ),
        vision_config={
            'hidden_size': HIDDEN,
            'intermediate_size': 64,
            'num_hidden_layers': 2,
            'num_global_layers': 1,
            'attention_heads': 2,
            'image_size': SIDE,
            'patch_size': 16,
            'max_num_tiles': 1,
            'vision_output_dim': 2 * HIDDEN,
            'intermediate_layers_indices': [0],
            'supported_aspect_ratios': [[1, 1]],
        },
        image_token_index=IMAGE,
    )
    words = 1 + INSTRUCTION + 1
    more = {
        'aspect_ratio_ids': torch.ones(2, 1, dtype=torch.long),
        'aspect_ratio_mask': torch.ones(2, 1, 1, dtype=torch.long),
        'cross_attention_mask': torch.ones(2, words, 1, 1, dtype=torch.long),
    }
    return Family(config, (IMAGE,), (2, 1, 1, 3, SIDE, SIDE), more)


FAMILIES = {
    'paligemma': paligemma,
    'smolvlm': smolvlm,
    'qwen': qwen,
    'llama': llama,
    'llama vision': llama_vision,
}


def save(family: Family, folder: Path) -> None:
    """Write a model of random weights, its gates open, as transformers keeps it."""
    torch.manual_seed(0)
    model = transformers.AutoModelForImageTextToText.from_config(family.config)
    for name, weight in model.named_parameters():
        if 'gate' in name.rpartition('.')[2]:
            weight.data.fill_(1.0)
    model.save_pretrained(folder)


def save_with_processor(folder: Path) -> Path:
    """A tiny PaliGemma with a processor of few words."""
    save(paligemma(), folder)
    fill = [f'word{index}' for index in range(len(WORDS_KNOWN), IMAGE)]
    ids = {word: index for index, word in enumerate((*WORDS_KNOWN, *fill, '<image>'))}
    words = {
        'version': '1.0',
        'added_tokens': [],
        'pre_tokenizer': {'type': 'Whitespace'},
        'model': {'type': 'WordLevel', 'vocab': ids, 'unk_token': '<unk>'},
    }
    file = folder / 'words.json'
    file.write_text(json.dumps(words))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(file), **SPECIAL)
    resize = transformers.SiglipImageProcessorPil(size={'height': SIDE, 'width': SIDE})
    resize.image_seq_length = (SIDE // 16) ** 2
    processor = transformers.PaliGemmaProcessor(image_processor=resize, tokenizer=tokenizer)
    processor.save_pretrained(folder)
    return folder


def vlm_config(folder: Path, **changes: Any) -> ModelConfig:  # noqa: ANN401  (as Documents take)
    """A small model around the one in a folder."""
    trunk = VlmTrunkConfig(folder=str(folder), dtype='float32', width=32, heads=2, **changes)
    return model_config(images=(), trunk=trunk)


def text_inputs(family: Family, seed: int = 0) -> TextInputs:
    """Two instructions with a picture each; the second is one word shorter."""
    chance = Generator().manual_seed(seed)
    words = torch.randint(5, 50, (2, INSTRUCTION + 1), generator=chance)
    ids = torch.cat((torch.tensor([family.picture] * 2), words), dim=1)
    counted = torch.ones_like(ids)
    ids[1, -1], counted[1, -1] = 0, 0
    pixels = torch.randn(family.pixels, generator=chance)
    return TextInputs(
        images={},
        state=torch.randn(2, 1, len(COLUMNS), generator=chance),
        language=torch.zeros(2, 0),
        features={
            'input_ids': ids,
            'attention_mask': counted,
            'pixel_values': pixels,
            **family.more,
        },
    )
