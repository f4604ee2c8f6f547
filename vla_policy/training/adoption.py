# SPDX-License-Identifier: Apache-2.0
"""What was trained before: gone on with, or its trunk taken as it is to compare heads on it."""

from pathlib import Path

from vla_contract.errors import VlaError
from vla_policy.checkpoint import load_checkpoint
from vla_policy.models.config import ModelConfig
from vla_policy.models.vla import Vla
from vla_policy.normalization import Normalizer

_OF_THE_RUN = {'steps', 'draws', 'temperature'}
"""Keys of a head that its weights do not depend on."""


def start_from(vla: Vla, folder: Path) -> dict[str, Normalizer]:
    """Give a model the weights of a checkpoint, all of which go on learning.

    Returns:
        How state and action are normalised for these weights.

    Raises:
        VlaError: The checkpoint cannot be loaded, or is another model.
    """
    found = load_checkpoint(folder)
    ours, theirs = _made_of(vla.config), _made_of(found.config)
    for key, value in ours.items():
        if value != theirs[key]:
            raise VlaError(
                f'{folder}: {key}: {theirs[key]}; the recipe has {value}, so that the weights do '
                'not fit'
            )
    vla.load_state_dict(found.vla.state_dict())
    return dict(found.normalizers)


def _made_of(config: ModelConfig) -> dict[str, object]:
    """What weights depend on."""
    return config.model_dump(mode='json', exclude={'head': _OF_THE_RUN})


def adopt_trunk(vla: Vla, folder: Path) -> Normalizer:
    """Give a model the trunk of a checkpoint, which learns nothing from then on.

    Returns:
        How the state is normalised for this trunk.

    Raises:
        VlaError: The checkpoint cannot be loaded, or its trunk sees something else.
    """
    found = load_checkpoint(folder)
    for key in ('trunk', 'images', 'state_columns', 'history', 'language'):
        ours, theirs = getattr(vla.config, key), getattr(found.config, key)
        if ours != theirs:
            raise VlaError(
                f'{folder}: {key}: {theirs}; the recipe has {ours}, so that the trunk does not fit'
            )
    vla.trunk.load_state_dict(found.vla.trunk.state_dict())
    vla.trunk.requires_grad_(requires_grad=False)
    return found.normalizers['state']
