# SPDX-License-Identifier: Apache-2.0
"""The JSON part of a checkpoint: what it was trained for and is made of. Needs no torch.

=======================  ============================================================
``model.safetensors``    the weights (the slow average of a training run)
``config.json``          what the model is made of (vla_policy/models/config.py)
``statistics.json``      of state and action, and how they normalise
``contract.json``        what it was trained to see and to answer, and the robot
``training.json``        recipe, data, step, git commit: for people, never read back
=======================  ============================================================
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from vla_contract.document import Document
from vla_contract.errors import VlaError
from vla_contract.policy import ActionLayout, ImageInput, Policy, StateLayout
from vla_policy.models.config import ModelConfig
from vla_policy.normalization import Normalizer

CONFIG, STATISTICS, CONTRACT = 'config.json', 'statistics.json', 'contract.json'
FORMAT = 1
DocumentT = TypeVar('DocumentT', bound=Document)


class Contract(Document):
    """What the model was trained to see and to answer.

    Attributes:
        format: Version of the checkpoint's format.
        robot: Name of the robot.
        images: As in the policy file.
        state: As in the policy file.
        action: As in the policy file.
        rate_hz: Rows a second.
        rows: Rows a chunk.
    """

    format: int
    robot: str
    images: tuple[ImageInput, ...]
    state: StateLayout
    action: ActionLayout
    rate_hz: float
    rows: int

    @classmethod
    def of(cls, policy: Policy, robot: str) -> 'Contract':
        """What a policy file says."""
        return cls(
            format=FORMAT,
            robot=robot,
            images=policy.images,
            state=policy.state,
            action=policy.action,
            rate_hz=policy.rate_hz,
            rows=policy.rows,
        )


def read_contract(folder: Path) -> Contract:
    """What a checkpoint was trained for.

    Raises:
        VlaError: It is no checkpoint, or of another format.
    """
    contract = _document(Contract, folder / CONTRACT)
    if contract.format != FORMAT:
        raise VlaError(f'{folder / CONTRACT}: format: {contract.format}; {FORMAT} is read here')
    return contract


def read_config(folder: Path) -> ModelConfig:
    """What a checkpoint's model is made of.

    Raises:
        VlaError: It cannot be read, or names what is not known here.
    """
    return _document(ModelConfig, folder / CONFIG)


def read_normalizers(folder: Path, config: ModelConfig) -> dict[str, Normalizer]:
    """Of ``state`` and ``action``.

    Raises:
        VlaError: Statistics are missing, impossible, or of other columns than the model's.
    """
    path = folder / STATISTICS
    document = _read(path)
    found: dict[str, Normalizer] = {}
    for name, columns in (('state', config.state_columns), ('action', config.action_columns)):
        if not isinstance(document.get(name), dict):
            raise VlaError(f'{path}: {name}: missing; statistics of it are needed')
        found[name] = Normalizer.from_json(document[name], f'{path}: {name}')
        if found[name].names != columns:
            raise VlaError(
                f'{path}: {name}: of {", ".join(found[name].names)}, and the model has '
                f'{", ".join(columns)}'
            )
    return found


def write_json(path: Path, value: object) -> None:
    """Replace a file by a JSON value."""
    new = path.with_suffix('.new')
    new.write_text(json.dumps(value, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')
    new.replace(path)


def _document(kind: type[DocumentT], path: Path) -> DocumentT:
    try:
        return kind.model_validate_json(json.dumps(_read(path)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = '.'.join(map(str, first['loc']))
        raise VlaError(f'{path}: {key}: {first["msg"]}; found {first["input"]!r}') from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise VlaError(f'{path}: missing; {path.parent} is no checkpoint, or not whole') from error
    except (OSError, ValueError) as error:
        raise VlaError(f'{path}: cannot be read: {error}; copy the checkpoint again') from error
    if not isinstance(found, dict):
        raise VlaError(f'{path}: no JSON object')
    return found
