# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses ⇄ what JSON can say, exactly: the same bits come back.

Numbers are written as Python prints them, which loses nothing; those that JSON has no word for are
``"nan"``, ``"inf"`` and ``"-inf"``. What is read was written by anybody, so that whatever does not
fit raises an error that names the place, and nothing else happens.
"""

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from vla_contract.document import Document
from vla_contract.errors import VlaError

_NOT_FINITE = {'nan': math.nan, 'inf': math.inf, '-inf': -math.inf}
_KIND = 'kind'
"""Names the class where a value may be of several."""
_LONGEST = 2**31
"""Length that an empty array may have along its other axes."""
T = TypeVar('T')


def to_plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON knows
    """A value as mappings, lists, text, numbers, booleans and None."""
    match value:
        case Enum():
            return value.value
        case float() if not math.isfinite(value):
            return 'nan' if math.isnan(value) else 'inf' if value > 0 else '-inf'
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
        case Document():
            return value.model_dump(mode='json')
        case Mapping():
            return {key: to_plain(item) for key, item in value.items()}
        case frozenset() | tuple():
            items = [to_plain(item) for item in value]
            return sorted(items) if isinstance(value, frozenset) else items
    return _array_to_plain(value) if isinstance(value, np.ndarray) else _fields_to_plain(value)


def from_plain(kind: type[T], plain: object, where: str = '') -> T:
    """The value of a type that plain values say.

    Args:
        kind: Of the value: a dataclass, or anything that one may hold.
        plain: What ``to_plain`` made of it.
        where: Stands before the place in errors.

    Raises:
        VlaError: They say something else.
    """
    read: T = _read(kind, plain, where)
    return read


def _fields_to_plain(value: object) -> object:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f'{type(value).__name__} cannot be written')
    fields = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return {_KIND: type(value).__name__, **fields}


def _array_to_plain(array: NDArray[Any]) -> object:
    if not array.size:
        return {'shape': list(array.shape)}
    nested = array.tolist()
    finite = array.dtype.kind == 'i' or np.isfinite(array).all()
    return nested if finite else _each(nested, to_plain)


def _each(nested: object, change: Any) -> object:  # noqa: ANN401 - a function of one number
    return [_each(item, change) for item in nested] if isinstance(nested, list) else change(nested)


def _read(kind: Any, plain: object, where: str) -> Any:  # noqa: ANN401 - by kind
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_one_of(get_args(kind), plain, where)
    if origin is np.ndarray:
        return _read_array(kind, plain, where)
    if origin in (tuple, frozenset, dict) or origin is Mapping:
        return _read_collection(origin, get_args(kind), plain, where)
    if dataclasses.is_dataclass(kind):
        return _read_fields(kind, plain, where)
    if issubclass(kind, Document):
        return _read_document(kind, plain, where)
    return _read_scalar(kind, plain, where)


def _read_scalar(kind: Any, plain: object, where: str) -> Any:  # noqa: ANN401 - by kind
    if kind is float:
        return _number(plain, where)
    if kind is Path:
        return Path(_expect(str, plain, where))
    if issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError:
            known = ', '.join(str(item.value) for item in kind)
            raise _wrong(where, f'one of {known}', plain) from None
    return _expect(kind, plain, where)


def _number(plain: object, where: str) -> float:
    if isinstance(plain, str) and plain in _NOT_FINITE:
        return _NOT_FINITE[plain]
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise _wrong(where, 'a number', plain)
    return float(plain)


def _expect(kind: type[T], plain: object, where: str) -> T:
    if type(plain) is not kind:
        name = {str: 'text', int: 'a whole number', bool: 'true or false'}.get(kind, kind.__name__)
        raise _wrong(where, name, plain)
    return plain


def _read_one_of(kinds: tuple[Any, ...], plain: object, where: str) -> object:
    if plain is None and type(None) in kinds:
        return None
    classes = [kind for kind in kinds if kind is not type(None)]
    if len(classes) == 1:
        return _read(classes[0], plain, where)
    name = plain.get(_KIND) if isinstance(plain, Mapping) else None
    for kind in classes:
        if kind.__name__ == name:
            return _read(kind, plain, where)
    raise _wrong(where, f'kind of {", ".join(kind.__name__ for kind in classes)}', plain)


def _read_collection(origin: Any, inner: tuple[Any, ...], plain: object, where: str) -> object:  # noqa: ANN401
    if origin in (dict, Mapping):
        if not isinstance(plain, Mapping):
            raise _wrong(where, 'a mapping', plain)
        return {key: _read(inner[1], item, f'{where}.{key}') for key, item in plain.items()}
    if not isinstance(plain, list):
        raise _wrong(where, 'a list', plain)
    if origin is tuple and inner[-1] is not Ellipsis:
        if len(plain) != len(inner):
            raise _wrong(where, f'{len(inner)} values', plain)
        kinds = inner
    else:
        kinds = (inner[0],) * len(plain)
    pairs = enumerate(zip(kinds, plain, strict=True))
    items = [_read(kind, item, f'{where}.{index}') for index, (kind, item) in pairs]
    return frozenset(items) if origin is frozenset else tuple(items)


def _read_fields(kind: Any, plain: object, where: str) -> object:  # noqa: ANN401 - a dataclass
    if not isinstance(plain, Mapping):
        raise _wrong(where, 'a mapping', plain)
    fields = {field.name for field in dataclasses.fields(kind)}
    if missing := sorted(fields - plain.keys()):
        raise VlaError(f'{where or kind.__name__}: {missing[0]} is missing')
    if unknown := sorted(plain.keys() - fields - {_KIND}):
        raise VlaError(f'{where or kind.__name__}: {unknown[0]} is not known')
    hints = get_type_hints(kind)
    places = {name: f'{where}.{name}'.lstrip('.') for name in fields}
    values = {name: _read(hints[name], plain[name], places[name]) for name in fields}
    return kind(**values)


def _read_document(kind: type[Document], plain: object, where: str) -> Document:
    try:
        return kind.model_validate_json(json.dumps(plain))
    except ValueError as error:
        raise VlaError(f'{where}: {error}') from error


def _read_array(kind: Any, plain: object, where: str) -> NDArray[Any]:  # noqa: ANN401 - NDArray[…]
    dtype = np.dtype(get_args(get_args(kind)[1])[0])
    try:
        if isinstance(plain, Mapping):
            return np.zeros(_no_items(plain['shape']), dtype)
        if not isinstance(plain, list):
            raise _wrong(where, 'a list of numbers', plain)
        if dtype.kind == 'i':
            return np.array(_each(plain, lambda item: _expect(int, item, where)), dtype)
        return np.array(_each(plain, lambda item: _number(item, where)), dtype)
    except (ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise VlaError(f'{where}: rows do not make an array of {dtype.name}: {error}') from error


def _no_items(shape: list[int]) -> list[int]:
    """A shape, as long as an array of it holds nothing."""
    if 0 not in shape or max(shape) > _LONGEST:
        raise ValueError(f'the shape {shape} has items')
    return shape


def _wrong(where: str, wanted: str, plain: object) -> VlaError:
    found = repr(plain)
    return VlaError(f'{where or "it"} must be {wanted}, found {found[:60]}')
