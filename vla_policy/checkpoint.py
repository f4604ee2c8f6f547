# SPDX-License-Identifier: Apache-2.0
"""A model on disk, with its weights (see trained.py); nothing in it is ever executed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from vla_contract.errors import VlaError
from vla_policy.models.config import ModelConfig
from vla_policy.models.vla import Vla, build_vla
from vla_policy.normalization import Normalizer
from vla_policy.trained import (
    CONFIG,
    CONTRACT,
    STATISTICS,
    Contract,
    read_config,
    read_contract,
    read_normalizers,
    write_json,
)

WEIGHTS, TRAINING = 'model.safetensors', 'training.json'


@dataclass(frozen=True)
class Checkpoint:
    """A model and what it takes to use it.

    Attributes:
        vla: With its weights, ready to answer.
        config: What it is made of.
        normalizers: Of ``state`` and ``action``.
        contract: What it was trained for.
    """

    vla: Vla
    config: ModelConfig
    normalizers: Mapping[str, Normalizer]
    contract: Contract


def save_checkpoint(
    folder: Path,
    weights: Mapping[str, Tensor],
    config: ModelConfig,
    normalizers: Mapping[str, Normalizer],
    contract: Contract,
    training: Mapping[str, Any],
) -> None:
    """Write a checkpoint; what is there already is replaced file by file, the weights last."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config.model_dump(mode='json'))
    write_json(folder / CONTRACT, contract.model_dump(mode='json'))
    write_json(folder / STATISTICS, {name: each.to_json() for name, each in normalizers.items()})
    write_json(folder / TRAINING, training)
    new = folder / f'{WEIGHTS}.new'
    new.write_bytes(save(apart(weights)))  # save_file keeps others from reading it
    new.replace(folder / WEIGHTS)


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as a file takes them: models that name words with what reads them share some."""
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for key, value in tensors.items():
        whole = value.detach().cpu().contiguous()
        kept[key] = whole.clone() if whole.data_ptr() in seen else whole
        seen.add(whole.data_ptr())
    return kept


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint whole.

    Raises:
        VlaError: A file is missing, corrupt, or does not fit the others; it says which and why.
    """
    contract, config = read_contract(folder), read_config(folder)
    normalizers = read_normalizers(folder, config)
    vla = build_vla(config)
    path = folder / WEIGHTS
    try:
        vla.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise VlaError(f'{path}: cannot be read: {error}; copy the checkpoint again') from error
    except RuntimeError as error:
        raise VlaError(f'{path}: these are weights of another model: {error}') from error
    vla.eval().requires_grad_(requires_grad=False)
    return Checkpoint(vla, config, normalizers, contract)
