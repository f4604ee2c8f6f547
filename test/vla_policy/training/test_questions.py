# SPDX-License-Identifier: Apache-2.0
"""A vision-language model learns to act and goes on learning to answer."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from test.vla_policy.models.tiny_vlms import SIDE as EYE
from test.vla_policy.models.tiny_vlms import save_with_processor
from test.vla_policy.training.small import POLICY, RECIPE, frames, write_dataset, write_recipe
from vla_contract.document import validate
from vla_contract.errors import ContractErrors, VlaError
from vla_contract.observation import Observation
from vla_contract.yaml_file import read_yaml
from vla_policy.learned import Learned
from vla_policy.models.config import VlmTrunkConfig
from vla_policy.training.parallel import Crew
from vla_policy.training.questions import read_questions
from vla_policy.training.recipe import Recipe
from vla_policy.training.session import Plan, train
from vla_policy.training.trainer import Progress

ALONE = Crew(0, 1, 'ddp', torch.device('cpu'))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two questions about one picture."""
    picture = np.zeros((EYE, EYE, 3), np.uint8)
    picture[..., 2] = 255
    cv2.imwrite(str(tmp_path / 'red.png'), picture)
    turns = [('human', '<image>\nput the cube'), ('gpt', 'red'), ('human', 'away'), ('gpt', 'cube')]
    told = [{'from': who, 'value': words} for who, words in turns]
    path = tmp_path / 'questions.json'
    path.write_text(json.dumps([{'image': 'red.png', 'conversations': told}]))
    return path


def test_each_turn_of_a_conversation_is_a_question(file: Path) -> None:
    """Without the word that stands for the picture."""
    known = read_questions(file)
    assert [(each.text, each.answer) for each in known] == [
        ('put the cube', 'red'),
        ('away', 'cube'),
    ]


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'image': 'blue.png'}, r'blue\.png is missing'),
        ({'conversations': [{'from': 'gpt', 'value': 'red'}]}, 'entry 0: '),
        ({'conversations': 'red'}, 'entry 0: .* it needs image, and conversations'),
    ],
)
def test_what_is_no_question_is_refused(file: Path, change: dict[str, object], said: str) -> None:
    """By file and entry."""
    entry = json.loads(file.read_text())[0]
    file.write_text(json.dumps([entry | change]))
    with pytest.raises(VlaError, match=said):
        read_questions(file)


def test_a_trunk_without_words_is_asked_nothing(tmp_path: Path) -> None:
    """The compact one reads vectors."""
    path = write_recipe(tmp_path)
    path.write_text(path.read_text().replace('questions: 0.0', 'questions: 0.2'))
    with pytest.raises(ContractErrors, match=r'questions.*does not learn words'):
        validate(Recipe, read_yaml(path))


def test_a_vision_language_model_learns_to_act_and_to_answer(file: Path, tmp_path: Path) -> None:
    """From a dataset and questions to a policy, with low-rank changes to a tiny PaliGemma."""
    torch.set_num_threads(1)
    data = write_dataset(tmp_path / 'data')
    (tmp_path / 'vlm').mkdir()
    trunk = VlmTrunkConfig(
        folder=str(save_with_processor(tmp_path / 'vlm')), dtype='float32', width=32, heads=2
    )
    recipe = RECIPE.model_copy(
        update={'trunk': trunk, 'questions': 0.25, 'batch': 8, 'parts': 1, 'steps': 25}
    )
    path = write_recipe(tmp_path)
    path.write_text(yaml.safe_dump(recipe.model_dump(mode='json')))
    plan = Plan(recipe, path, (data,), tmp_path / 'run', questions=file)
    steps: list[Progress] = []
    train(plan, ALONE, lambda *_: None, steps.append)
    answers = [each.losses['answers'] for each in steps]
    assert np.mean(answers[-5:]) < 0.95 * np.mean(answers[:5])
    assert steps[-1].losses['loss'] < steps[0].losses['loss']
    policy = Learned(POLICY, tmp_path / 'run' / 'model')
    policy.reset('put the red cube away')
    found = frames(episodes=1)
    seen = Observation(
        1, {'eye': found.images['eye'][0]}, {'eye': 1}, found.state[0], 1, 'put', 'task'
    )
    assert policy.infer(seen, np.empty((0, 3))).values.shape == (4, 3)
    with pytest.raises(VlaError, match=r'questions: 0\.25, and no file given'):
        train(replace(plan, questions=None, folder=tmp_path / 'no'), ALONE, print, print)
