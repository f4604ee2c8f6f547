# SPDX-License-Identifier: Apache-2.0
"""Do inputs fit the model they are given to? Shapes that merely broadcast would be nonsense."""

from torch import Tensor

from vla_contract.errors import VlaError
from vla_policy.models.config import ModelConfig
from vla_policy.models.tensors import Inputs


def check_inputs(config: ModelConfig, inputs: Inputs) -> None:
    """Refuse inputs of other names or shapes than the model was made for.

    Raises:
        VlaError: With what is there, and what is needed.
    """
    needed = {image.key for image in config.images}
    if set(inputs.images) != needed:
        raise VlaError(
            f'images {_names(set(inputs.images))}, while the model sees {_names(needed)}; '
            'give these, by these names'
        )
    batch, frames = inputs.state.shape[0], config.history
    _check('state', inputs.state, (batch, frames, len(config.state_columns)))
    _check('language', inputs.language, (batch, config.language_width))
    for image in config.images:
        shape = (batch, frames, 3, image.height, image.width)
        _check(f'image {image.key}', inputs.images[image.key], shape)


def _check(name: str, found: Tensor, needed: tuple[int, ...]) -> None:
    if tuple(found.shape) != needed:
        raise VlaError(f'{name} has shape {tuple(found.shape)}, while the model takes {needed}')


def _names(names: set[str]) -> str:
    return ', '.join(sorted(names)) or 'none'
