# SPDX-License-Identifier: Apache-2.0
"""A model's own processor makes what the model takes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from test.vla_policy.models.builders import COLUMNS
from test.vla_policy.models.tiny_vlms import IMAGE, SIDE, save_with_processor, vlm_config
from test.vla_policy.models.tiny_vlms import WORDS_KNOWN as WORDS
from vla_contract.errors import VlaError
from vla_policy.models.prompt import UNTOLD, Prompter, PromptReader
from vla_policy.models.vla import build_trunk
from vla_policy.models.vlm import TextInputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny PaliGemma with a processor of few words."""
    return save_with_processor(tmp_path)


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


def test_answers_are_to_be_learned_and_nothing_else(folder: Path) -> None:
    """Neither the question, nor the picture, nor the padding."""
    picture = np.full((48, 64, 3), 200, np.uint8)
    features = Prompter(folder, ('wrist',)).answered(
        [picture, picture], ['put the cube away', 'the cube'], ['red', 'red cube']
    )
    told = features['labels'] != UNTOLD
    end = 2  # the word that ends an answer
    red, cube = (WORDS.index(word) for word in ('red', 'cube'))
    assert features['labels'][0][told[0]].tolist() == [red, end]
    assert features['labels'][1][told[1]].tolist() == [red, cube, end]


class Letters:
    """A processor without a suffix of its own: one letter, one word."""

    chat_template = None
    tokenizer = SimpleNamespace(eos_token='.')  # noqa: S106  (a word)

    def __call__(self, text: list[str], **_: object) -> dict[str, torch.Tensor]:
        """Numbers of letters, padded to the right."""
        longest = max(map(len, text))
        rows = [[ord(letter) for letter in each] for each in text]
        ids = [row + [0] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return {'input_ids': torch.tensor(ids), 'attention_mask': torch.tensor(mask)}


def test_other_processors_get_the_answer_after_the_question() -> None:
    """What follows the prompt is learned, its end included."""
    prompter = Prompter.__new__(Prompter)
    prompter._processor, prompter.keys = Letters(), ('wrist',)
    picture = np.zeros((8, 8, 3), np.uint8)
    labels = prompter.answered([picture, picture], ['what', 'how'], ['cube', 'so'])['labels']
    said = [''.join(chr(each) for each in row if each != UNTOLD) for row in labels.tolist()]
    assert said == ['cube.', 'so.']
