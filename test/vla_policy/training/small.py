# SPDX-License-Identifier: Apache-2.0
"""A small thing to learn: a bright square says where the arm should go."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from vla_contract.errors import VlaError
from vla_contract.policy import Policy
from vla_policy.datasets import layout
from vla_policy.datasets.spec import Codec, DatasetSpec, ImageFeature, VectorFeature
from vla_policy.datasets.writer import DatasetWriter
from vla_policy.heads.config import DecoderConfig, RegressionHeadConfig
from vla_policy.models.config import CompactTrunkConfig, LanguageConfig
from vla_policy.models.language import installed_folder
from vla_policy.models.tensors import Inputs
from vla_policy.models.vla import build_vla
from vla_policy.training.examples import Examples
from vla_policy.training.frames import Frames
from vla_policy.training.learner import Learner
from vla_policy.training.recipe import OptimizerConfig, Recipe
from vla_policy.training.session import measure

SIDE = 32
POLICY = Policy.model_validate(
    {
        'name': 'small',
        'kind': 'hold',
        'images': [{'key': 'eye', 'camera': 'eye', 'width': SIDE, 'height': SIDE}],
        'state': {'columns': ['pan', 'lift', 'gripper']},
        'action': {'space': 'joint_position', 'columns': ['pan', 'lift', 'gripper']},
        'rate_hz': 10.0,
        'rows': 4,
    },
    strict=False,
)
RECIPE = Recipe(
    policy='small.yaml',
    trunk=CompactTrunkConfig(
        channels=(8, 8, 16, 16), keypoints=4, condition=16, width=32, layers=1, heads=2
    ),
    head=RegressionHeadConfig(decoder=DecoderConfig(width=32, depth=1, attention_heads=2)),
    language=LanguageConfig(waves=1),
    optimizer=OptimizerConfig(rate=3e-3, warmup=3),
    steps=8,
    batch=16,
    parts=2,
    hints=0.5,
    save_every=4,
)


class Unread:
    """Leaves instructions unread: all there are say the same."""

    def inputs(
        self, images: Mapping[str, Tensor], state: Tensor, instructions: Sequence[str]
    ) -> Inputs:
        """Zeros for each."""
        width = RECIPE.language.width
        return Inputs(images, state, torch.zeros(len(instructions), width))


def frames(episodes: int = 6, length: int = 12) -> Frames:
    """Squares at random places; the arm goes there by and by, the gripper closes at the end."""
    rng = np.random.default_rng(3)
    count = episodes * length
    images = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    state = np.zeros((count, 3), np.float32)
    hints = np.zeros((count, 2), np.float32)
    for episode in range(episodes):
        place = rng.uniform(0.2, 0.8, 2)
        for step in range(length):
            index = episode * length + step
            y, x = (place * (SIDE - 6)).astype(int)
            images[index, y : y + 6, x : x + 6] = (255, 200, 40)
            hints[index] = place
            share = step / (length - 1)
            state[index] = (*(share * place), float(step < length - 3))
    action = np.concatenate((state[1:], state[-1:]))
    action[length - 1 :: length] = state[length - 1 :: length]
    return Frames(
        images={'eye': images},
        state=state,
        action=action,
        task=np.zeros(count, np.int64),
        tasks=('go there',),
        episode=np.repeat(np.arange(episodes), length),
        hints=hints,
    )


def parts(recipe: Recipe = RECIPE) -> tuple[Learner, Examples]:
    """What learns, and from what; always the same."""
    found = frames()
    model = recipe.model(POLICY)
    torch.manual_seed(recipe.seed)
    learner = Learner(build_vla(model), 2)
    return learner, Examples(found, model, recipe, measure(found, model, recipe), Unread())


def write_dataset(folder: Path) -> Path:
    """Three episodes of the frames as a dataset."""
    found = frames(episodes=3)
    image = POLICY.images[0]
    vectors = (
        VectorFeature(layout.STATE, POLICY.state.columns),
        VectorFeature(layout.ACTION, POLICY.action.columns),
        VectorFeature(layout.HINTS, ('across', 'down')),
    )
    pictures = (ImageFeature(image.key, image.width, image.height),)
    writer = DatasetWriter(folder, DatasetSpec(10, 'small_robot', vectors, pictures, Codec.PNG))
    for index in range(len(found)):
        writer.add_frame(
            {
                layout.STATE: found.state[index],
                layout.ACTION: found.action[index],
                layout.HINTS: found.hints[index],
                image.key: found.images[image.key][index],
            },
            'go there',
        )
        if index + 1 == len(found) or found.episode[index + 1] != found.episode[index]:
            writer.save_episode({})
    writer.finish()
    return folder


def write_recipe(folder: Path) -> Path:
    """The recipe as a file, with its policy file beside it."""
    for name, document in (('small', POLICY), ('recipe', RECIPE)):
        text = yaml.safe_dump(document.model_dump(mode='json'))
        (folder / f'{name}.yaml').write_text(text)
    return folder / 'recipe.yaml'


def weights_or_skip() -> None:
    """The sentence encoder is needed."""
    try:
        installed_folder()
    except VlaError as error:
        pytest.skip(f'{error}; `make test` does')
