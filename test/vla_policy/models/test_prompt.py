# SPDX-License-Identifier: Apache-2.0
"""A model's own processor makes what the model takes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from test.vla_policy.models.builders import COLUMNS
from test.vla_policy.models.tiny_vlms import IMAGE, SIDE, paligemma, save, vlm_config
from vla_contract.errors import VlaError
from vla_policy.models.prompt import Prompter, PromptReader
from vla_policy.models.vla import build_trunk
from vla_policy.models.vlm import TextInputs

WORDS = ('<pad>', '<bos>', '<eos>', '<unk>', 'put', 'the', 'red', 'cube', 'away')

SPECIAL = {
    'pad_token': '<pad>',
    'bos_token': '<bos>',
    'eos_token': '<eos>',
    'unk_token': '<unk>',
    'additional_special_tokens': ['<image>'],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny PaliGemma with a processor of few words."""
    save(paligemma(), tmp_path)
    fill = [f'word{index}' for index in range(len(WORDS), IMAGE)]
    ids = {word: index for index, word in enumerate((*WORDS, *fill, '<image>'))}
    words = {
        'version': '1.0',
        'added_tokens': [],
        'pre_tokenizer': {'type': 'Whitespace'},
        'model': {'type': 'WordLevel', 'vocab': ids, 'unk_token': '<unk>'},
    }
    file = tmp_path / 'words.json'
    file.write_text(json.dumps(words))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(file), **SPECIAL)
    resize = transformers.SiglipImageProcessorPil(size={'height': SIDE, 'width': SIDE})
    resize.image_seq_length = (SIDE // 16) ** 2
    processor = transformers.PaliGemmaProcessor(image_processor=resize, tokenizer=tokenizer)
    processor.save_pretrained(tmp_path)
    return tmp_path


def test_a_reader_prompts_with_the_newest_picture(folder: Path) -> None:
    """What training and use hand to the trunk is what the processor makes of pixels and words."""
    torch.manual_seed(0)
    pictures = {key: torch.rand(1, 2, 3, SIDE, SIDE) for key in ('wrist', 'scene')}
    reader = PromptReader(Prompter(folder, tuple(pictures)))
    found = reader.inputs(pictures, torch.zeros(1, 2, 3), ['put the red cube away'])
    assert isinstance(found, TextInputs)
    pixels = {
        key: [(255.0 * each[0, -1]).round().byte().permute(1, 2, 0).numpy()]
        for key, each in pictures.items()
    }
    expected = Prompter(folder, tuple(pictures)).features(pixels, ['put the red cube away'])
    assert found.features.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found.features[name], values)


def test_pictures_and_instruction_become_a_context(folder: Path) -> None:
    """From pixels and words to the trunk's answer, nothing by hand in between."""
    prompter = Prompter(folder, ('wrist', 'scene'))
    picture = np.full((48, 64, 3), 200, np.uint8)
    features = prompter.features(
        {'wrist': [picture] * 2, 'scene': [picture] * 2},
        ['put the red cube away', 'put the cube away'],
    )
    assert features['pixel_values'].shape == (4, 3, SIDE, SIDE)
    assert (features['input_ids'] == IMAGE).sum(dim=1).tolist() == [8, 8]
    assert features['attention_mask'].sum(dim=1).diff().item() == -1
    inputs = TextInputs({}, torch.zeros(2, 1, len(COLUMNS)), torch.zeros(2, 0), features)
    trunk = build_trunk(vlm_config(folder, adapt='frozen')).eval()
    counted = trunk(inputs).mask.sum(dim=1)
    assert torch.equal(counted, features['attention_mask'].sum(dim=1) + 2)


def test_pictures_are_shown_in_the_order_of_their_keys(folder: Path) -> None:
    """However the camera list is written."""
    dark, light = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    images = {'wrist': [light], 'scene': [dark]}
    one, other = (
        Prompter(folder, keys).features(images, ['put'])['pixel_values']
        for keys in (('wrist', 'scene'), ('scene', 'wrist'))
    )
    assert torch.equal(one, other)
    assert one[0].max() < one[1].min()


def test_folder_without_processor_is_refused(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(VlaError, match='its processor cannot be loaded'):
        Prompter(tmp_path, ())
