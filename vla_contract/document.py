# SPDX-License-Identifier: Apache-2.0
"""Plain values → validated frozen object; every complaint names file, line, key and values."""

import difflib
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from vla_contract.errors import ContractError, ContractErrors
from vla_contract.yaml_file import Key, YamlFile, dotted


class Contradiction(NamedTuple):
    """Values of one document that cannot all be meant.

    Attributes:
        key: Of the value to look at first.
        text: That value, and the other that it contradicts.
    """

    key: Key
    text: str


class Contradictions(ValueError):  # noqa: N818  (several of them)
    """Values that are good one by one and cannot all be meant."""

    def __init__(self, found: tuple[Contradiction, ...]) -> None:
        """Keep the keys, so that each is shown at its own line."""
        self.found = found
        super().__init__('; '.join(f'{dotted(key)}: {text}' for key, text in found))


class Document(BaseModel):
    """Base of everything read from YAML: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(extra='forbid', frozen=True, strict=True, allow_inf_nan=False)

    def contradictions(self) -> Iterator[Contradiction]:
        """Values that cannot all be meant; looked for once each is good by itself."""
        return iter(())

    @model_validator(mode='after')
    def _agrees_with_itself(self) -> Self:
        found = tuple(self.contradictions())
        if found:
            raise Contradictions(found)
        return self

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """What each key means: the Attributes section of the docstring."""
        _, _, section = inspect.cleandoc(cls.__doc__ or '').partition('Attributes:\n')
        lines = re.sub(r'\n {8,}', ' ', section).splitlines()
        found = (re.match(r' {4}(\w+): (.+)', line) for line in lines)
        return {match[1]: match[2] for match in found if match}


DocumentT = TypeVar('DocumentT', bound=Document)


def validate(model: type[DocumentT], file: YamlFile) -> DocumentT:
    """Turn plain values into a document, or raise everything that is wrong with them."""
    problems = dict(file.problems)
    document: DocumentT | None = None
    try:
        document = model.model_validate_json(json.dumps(file.value))
    except ValidationError as error:
        for key, said in _complaints(model, error):
            if not any(key[: len(known)] == known for known in file.problems):
                problems.setdefault(key, file.place(key).error(said))
    if problems or document is None:
        raise ContractErrors(sorted(problems.values(), key=_by_line))
    return document


def inner_document(annotation: object) -> type[Document] | None:
    """The document inside a type such as ``tuple[Joint, ...]`` or ``Gripper | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return annotation
    return next((found for arg in get_args(annotation) if (found := inner_document(arg))), None)


def did_you_mean(name: str, known: list[str]) -> str:
    """Like ``; did you mean elbow_joint?``, empty where nothing known is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean {near[0]}?' if near else ''


def _by_line(error: ContractError) -> tuple[str, int]:
    return error.source, error.line or 0


def _complaints(model: type[Document], error: ValidationError) -> Iterator[tuple[Key, str]]:
    for detail in error.errors(include_url=False):
        key: Key = detail['loc']
        cause = detail.get('ctx', {}).get('error')
        if isinstance(cause, Contradictions):
            yield from (((*key, *inner), text) for inner, text in cause.found)
        elif not _only_seems_short(dict(detail)):
            yield key, _said(model, key, dict(detail))


def _only_seems_short(detail: dict[str, Any]) -> bool:
    """A list of enough items, some of which were refused and counted out."""
    found = detail['input']
    return (
        detail['type'] == 'too_short'
        and isinstance(found, list)
        and len(found) >= detail['ctx']['min_length']
    )


def _said(model: type[Document], key: Key, detail: dict[str, Any]) -> str:
    """One pydantic complaint in our words."""
    kind, found, bound = detail['type'], _found(detail['input']), detail.get('ctx', {})
    if kind == 'extra_forbidden':
        known = list(_document_at(model, key[:-1]).model_fields)
        near = did_you_mean(str(key[-1]), known)
        return f'unknown key{near or "; known here: " + ", ".join(known)}'
    if kind == 'missing':
        return _missing(model, key)
    if kind == 'value_error':
        return f'{bound["error"]}, found {found}'
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return f'must be {word} {bound[name]:g}, found {found}'
    if kind in ('too_short', 'too_long'):
        word, name = ('least', 'min_length') if kind == 'too_short' else ('most', 'max_length')
        return f'takes at {word} {bound[name]}, found {bound["actual_length"]}'
    if kind in ('enum', 'literal_error'):
        return f'must be one of {bound["expected"].replace(chr(39), "")}; found {found}'
    text = _EXPECTED.get(kind) or detail['msg']
    hint = '; put it in quotes' if kind == 'string_type' and _is_scalar(detail['input']) else ''
    return f'{text}, found {found}{hint}'


_BOUNDS = {
    'greater_than': ('above', 'gt'),
    'greater_than_equal': ('at least', 'ge'),
    'less_than': ('below', 'lt'),
    'less_than_equal': ('at most', 'le'),
}

_EXPECTED = {
    'float_type': 'must be a number',
    'int_type': 'must be a whole number',
    'int_from_float': 'must be a whole number',
    'finite_number': 'must be a finite number',
    'string_type': 'must be text',
    'string_too_short': 'must not be empty',
    'bool_type': 'must be true or false',
    'tuple_type': 'must be a list',
    'model_type': 'must be a mapping of keys to values',
    'model_attributes_type': 'must be a mapping of keys to values',
    'dict_type': 'must be a mapping of keys to values',
}


def _missing(model: type[Document], key: Key) -> str:
    if isinstance(key[-1], int):
        return f'a list too short: value {key[-1] + 1} is missing'
    meaning = _document_at(model, key[:-1]).meanings().get(key[-1], '')
    return f'missing, and it has no default; add it{": " + meaning if meaning else ""}'


def _document_at(model: type[Document], key: Key) -> type[Document]:
    here = model
    for part in key:
        field = here.model_fields.get(str(part))
        here = (inner_document(field.annotation) if field else None) or here
    return here


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _found(value: object) -> str:
    """A value as the user wrote it, shortened."""
    if value is None:
        return 'nothing'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        kind = 'mapping' if isinstance(value, dict) else 'list'
        return f'a {kind} of {len(value)}'
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}…'
