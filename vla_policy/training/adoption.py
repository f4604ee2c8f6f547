# SPDX-License-Identifier: Apache-2.0
"""A trunk that was trained before, taken as it is, so that heads can be compared on equal terms."""

from pathlib import Path

from vla_contract.errors import VlaError
from vla_policy.checkpoint import load_checkpoint
from vla_policy.models.vla import Vla
from vla_policy.normalization import Normalizer


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
