# SPDX-License-Identifier: Apache-2.0
"""YAML text → plain values, each with the place it was written. Knows no document's keys.

Scalars are read as YAML 1.2 reads them: ``no`` and ``off`` are text, ``1e3`` is a number, and a
date or ``12:30`` is text. Duplicate keys, tags and keys that are not text are refused.
"""

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vla_contract.errors import ContractError

Key = tuple[str | int, ...]

LARGEST_FILE = 1_000_000
"""Bytes. A contract is a few kilobytes; something larger was named by mistake."""
MOST_VALUES = 20_000
"""Values after aliases are followed, which can multiply a small file without bound."""
DEEPEST = 32
"""Levels of nesting."""

_TAG = 'tag:yaml.org,2002:'


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the plain scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own attribute)


for _name, _pattern, _first in (
    ('bool', 'true|True|TRUE|false|False|FALSE', 'tTfF'),
    ('null', '~|null|Null|NULL|', ['~', 'n', 'N', '']),
    ('merge', '<<', '<'),
    ('int', '[-+]?[0-9]+', '-+0123456789'),
    ('float', r'[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?', '-+.0123456789'),
    ('float', r'[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)', '-+.'),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f'^(?:{_pattern})$'), list(_first))


@dataclass(frozen=True)
class Place:
    """Where a value was written.

    Attributes:
        source: File, as people would name it.
        key: Dotted key, as written in that file; empty for the whole file.
        line: From 1, where known.
    """

    source: str
    key: str = ''
    line: int | None = None

    def __str__(self) -> str:
        """Like ``config/robots/ur5e.yaml:12: joints.0.velocity``."""
        head = self.source if self.line is None else f'{self.source}:{self.line}'
        return f'{head}: {self.key}' if self.key else head

    def error(self, problem: str) -> ContractError:
        """An error about the value written here."""
        return ContractError(self.source, self.key, problem, self.line)


@dataclass(frozen=True)
class YamlFile:
    """Plain values and where each was written.

    Attributes:
        path: The file.
        value: Mappings, lists, text, numbers, booleans and None.
        places: Where each key was written; values laid over others keep their own place.
        problems: What was refused while reading, by key; the value there is None.
    """

    path: Path
    value: dict[str, Any]
    places: dict[Key, Place]
    problems: dict[Key, ContractError]

    def place(self, key: Key) -> Place:
        """Where a key was written, or its nearest parent for a key that was not."""
        for length in range(len(key), 0, -1):
            found = self.places.get(key[:length])
            if found is not None and length == len(key):
                return found
            if found is not None:
                return Place(found.source, dotted((found.key, *key[length:])), found.line)
        return Place(shown(self.path), dotted(key))


def dotted(key: Key) -> str:
    """``joints.2.velocity`` for the key ('joints', 2, 'velocity')."""
    return '.'.join(str(part) for part in key)


def shown(path: Path) -> str:
    """A path as people would name it: from here where it lies below here."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))  # noqa: PTH100  (no links)
    except (OSError, ValueError):
        return str(path)


def read_yaml(path: Path) -> YamlFile:
    """Read a file that holds one mapping, or raise why it cannot be."""
    here = Place(shown(path))
    root = _compose(_text(path, here), here)
    if not isinstance(root, yaml.MappingNode) or root.tag != f'{_TAG}map':
        found = 'nothing' if root is None else f'a {_kind(root)} ({_short(root.tag)})'
        raise here.error(f'must be a mapping of keys to values, found {found}')
    reader = _Reader(here.source)
    value = reader.read_mapping(root, ())
    return YamlFile(path, value, reader.places, reader.problems)


def _text(path: Path, here: Place) -> str:
    try:
        with path.open('rb') as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise here.error(f'cannot be read: {error.strerror or error}') from error
    except ValueError as error:  # a zero byte in the name
        raise here.error(f'cannot be read: {error}') from error
    if len(data) > LARGEST_FILE:
        raise here.error(f'is larger than {LARGEST_FILE:,} bytes; is it the file you meant?')
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        problem = f'is not UTF-8 text: byte {error.object[error.start]:#04x}; save it as UTF-8'
        raise Place(here.source, '', line).error(problem) from error


def _compose(text: str, here: Place) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ', '.join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else None
        raise Place(here.source, '', line).error(f'is not YAML: {said}') from error
    except yaml.YAMLError as error:
        raise here.error(f'is not YAML: {" ".join(str(error).split())}') from error
    except RecursionError as error:
        raise here.error(f'is nested deeper than {DEEPEST} levels') from error


class _Reader:
    """One walk over the nodes of a file: values, places and problems."""

    def __init__(self, source: str) -> None:
        self.places: dict[Key, Place] = {(): Place(source)}
        self.problems: dict[Key, ContractError] = {}
        self._source = source
        self._count = 0
        self._flattened: set[int] = set()
        self._loader = _Loader('')

    def read(self, node: yaml.Node, key: Key) -> object:
        """The plain value of a node."""
        line = node.start_mark.line + 1
        self.places.setdefault(key, Place(self._source, dotted(key), line))
        self._count += 1
        if self._count > MOST_VALUES:
            raise self.places[key].error(f'there are more than {MOST_VALUES:,} values by here')
        if len(key) > DEEPEST:
            self._refuse(key, f'nested deeper than {DEEPEST} levels')
            return None
        if isinstance(node, yaml.MappingNode) and node.tag == f'{_TAG}map':
            return self.read_mapping(node, key)
        if isinstance(node, yaml.SequenceNode) and node.tag == f'{_TAG}seq':
            return [self.read(child, (*key, index)) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        self._refuse(key, f'has the YAML tag {_short(node.tag)}; give a plain {_kind(node)}')
        return None

    def read_mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        """The plain mapping of a mapping node."""
        if id(node) not in self._flattened:  # an alias brings the same node again
            self._flattened.add(id(node))
            self._refuse_repeats(node, key)
            try:
                self._loader.flatten_mapping(node)  # follows <<
            except yaml.YAMLError:
                self._refuse((*key, '<<'), '<< takes an alias of a mapping, like <<: *name')
        pairs = dict(self._named(node, key))
        return {name: self.read(child, (*key, name)) for name, child in pairs.items()}

    def _named(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, yaml.Node]]:
        for name, child in node.value:
            if name.tag == f'{_TAG}merge':
                continue
            text = isinstance(name, yaml.ScalarNode) and name.tag == f'{_TAG}str'
            text = text and _is_text(name.value)
            place = (*key, name.value if text else ascii(name.value)[:40])
            self.places[place] = Place(self._source, dotted(place), name.start_mark.line + 1)
            if text:
                yield name.value, child
            else:
                self._refuse(place, 'the key is not text; put it in quotes if it is meant')

    def _refuse_repeats(self, node: yaml.MappingNode, key: Key) -> None:
        first: dict[str, int] = {}
        for name, _ in node.value:
            if not isinstance(name, yaml.ScalarNode):
                continue
            line = name.start_mark.line + 1
            if name.value in first:
                place = (*key, name.value)
                problem = f'given twice, first in line {first[name.value]}; keep one of them'
                self.problems[place] = ContractError(self._source, dotted(place), problem, line)
            first.setdefault(name.value, line)

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> object:
        text, tag = node.value, node.tag.removeprefix(_TAG)
        try:
            return _SCALARS[tag](text)
        except KeyError:
            problem = f'has the YAML tag {_short(node.tag)}; give a plain value'
        except ValueError:
            problem = f'cannot be read as {tag}: {text[:40]!r}'
        self._refuse(key, problem)
        return None

    def _refuse(self, key: Key, problem: str) -> None:
        place = self.places.get(key) or self.places[key[:-1]]
        self.problems.setdefault(key, Place(self._source, dotted(key), place.line).error(problem))


def _encodable(text: str) -> str:
    """Text, unless it holds half a character, which no file or message could carry."""
    text.encode('utf-8')
    return text


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and _encodable(value) == value
    except UnicodeEncodeError:
        return False


def _truth(text: str) -> bool:
    if text.lower() not in ('true', 'false'):
        raise ValueError(text)
    return text.lower() == 'true'


def _number(text: str) -> float:
    plain = text.lower().replace('.inf', 'inf').replace('.nan', 'nan')
    value = float(plain)
    if math.isinf(value) and 'inf' not in plain:
        raise ValueError(text)
    return value


def _nothing(_: str) -> None:
    return None


_SCALARS: dict[str, Any] = {
    'str': _encodable,
    'int': int,
    'float': _number,
    'bool': _truth,
    'null': _nothing,
    'merge': _encodable,
}


def _short(tag: str) -> str:
    return tag.replace(_TAG, '!!')


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return 'mapping'
    return 'list' if isinstance(node, yaml.SequenceNode) else 'value'
