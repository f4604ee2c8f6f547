# SPDX-License-Identifier: Apache-2.0
"""YAML text → validated frozen object; every complaint names file, line and key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from vla_contract.errors import ContractError, ContractErrors

Key = tuple[str | int, ...]
Lines = dict[Key, int]


class Document(BaseModel):
    """Base of everything read from YAML: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(extra='forbid', frozen=True, strict=True, allow_inf_nan=False)


DocumentT = TypeVar('DocumentT', bound=Document)


def read_mapping(path: Path) -> tuple[dict[str, Any], Lines]:
    """Read a YAML file into plain values and the line of every key."""
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(str(path), '', f'cannot be read: {error}') from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = mark.line + 1 if mark else None
        problem = getattr(error, 'problem', None) or error
        raise ContractError(str(path), '', f'is not YAML: {problem}', line) from error
    if not isinstance(value, dict) or root is None:
        kind = type(value).__name__
        raise ContractError(str(path), '', f'must be a mapping of keys, found {kind}')
    lines: Lines = {}
    _index(root, (), lines, path)
    return value, lines


def validate(model: type[DocumentT], value: Mapping[str, Any], path: Path, lines: Lines) -> DocumentT:
    """Turn plain values into a document, or raise everything that is wrong with them."""
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise ContractErrors(
            [_contract_error(detail, path, lines) for detail in error.errors()]
        ) from error
    except TypeError as error:
        raise ContractError(str(path), '', f'holds a value YAML allows and we do not: {error}') from error


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over a base, mapping by mapping; lists are replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _index(node: yaml.Node, key: Key, lines: Lines, path: Path) -> None:
    """Note the line of every key below a node, and refuse a key given twice."""
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*key, index)] = child.start_mark.line + 1
            _index(child, (*key, index), lines, path)
    elif isinstance(node, yaml.MappingNode):
        for name, child in node.value:
            place = (*key, str(name.value))
            line = name.start_mark.line + 1
            if place in lines and lines[place] != line:
                dotted = '.'.join(map(str, place))
                problem = f'given twice, first in line {lines[place]}'
                raise ContractError(str(path), dotted, problem, line)
            lines[place] = line
            _index(child, place, lines, path)


def _contract_error(detail: Any, path: Path, lines: Lines) -> ContractError:
    """Say one pydantic complaint in our words, at the nearest line that is known."""
    key: Key = tuple(part for part in detail['loc'])
    line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), None)
    if detail['type'] == 'extra_forbidden':
        problem = 'unknown key; remove it or check its spelling'
    elif detail['type'] == 'missing':
        problem = 'missing; it has no default'
    else:
        message = detail['msg'].removeprefix('Value error, ')
        value = detail['input']
        shown = '' if isinstance(value, dict) else f', found {value!r}'
        problem = message[:1].lower() + message[1:] + shown
    return ContractError(str(path), '.'.join(map(str, key)), problem, line)
