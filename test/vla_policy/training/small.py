# SPDX-License-Identifier: Apache-2.0
"""A small thing to learn: a bright square says where the arm should go."""

import numpy as np
import torch

from vla_contract.policy import Policy
from vla_policy.heads.config import DecoderConfig, RegressionHeadConfig
from vla_policy.models.config import CompactTrunkConfig, LanguageConfig
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
    embeddings = np.zeros((1, model.language_width), np.float32)
    return learner, Examples(found, model, recipe, measure(found, model, recipe), embeddings)
