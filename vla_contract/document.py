# SPDX-License-Identifier: Apache-2.0
"""Plain values → validated frozen object; every complaint names file, line, key and values."""

import difflib
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Self, TypeVar, get_args, get_origin

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
        """What each key means: the Attributes sections of the docstrings, those of bases first."""
        bases = [each for each in reversed(cls.__mro__) if issubclass(each, Document)]
        return {key: text for each in bases for key, text in _attributes(each.__doc__ or '')}


def _attributes(docstring: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the Attributes section."""
    _, _, section = inspect.cleandoc(docstring).partition('Attributes:\n')
    for line in re.sub(r'\n {8,}', ' ', section).splitlines():
        match = re.match(r' {4}(\w+): (.+)', line)
        if match:
            yield match[1], match[2]


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


def inner_documents(annotation: object) -> tuple[type[Document], ...]:
    """The documents inside a type such as ``tuple[Joint, ...]`` or ``Flow | Diffusion``."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return (annotation,)
    return tuple(found for arg in get_args(annotation) for found in inner_documents(arg))


def did_you_mean(name: str, known: list[str]) -> str:
    """Like ``; did you mean elbow_joint?``, empty where nothing known is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean {near[0]}?' if near else ''


def _by_line(error: ContractError) -> tuple[str, int]:
    return error.source, error.line or 0


class _Spot(NamedTuple):
    """Where a complaint belongs.

    Attributes:
        key: In the file.
        document: The one that the last part of the key is in.
        siblings: Documents that could stand in its place, by what they are called in the file.
        choices: Documents one of which may stand at the key, likewise.
    """

    key: Key
    document: type[Document]
    siblings: dict[str, type[Document]]
    choices: dict[str, type[Document]]


def _spot(model: type[Document], place: Key) -> _Spot:
    """Turn pydantic's place into ours: it names the choice that was made, the file does not."""
    key: list[str | int] = []
    here = model
    siblings, choices = dict[str, type[Document]](), dict[str, type[Document]]()
    for index, part in enumerate(place):
        if part in choices:
            here, siblings, choices = choices[str(part)], choices, {}
            continue
        key.append(part)
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part)
        inner = inner_documents(field.annotation) if field else ()
        choices = _by_tag(inner)
        # The last part stands in the document, whatever documents stand in it.
        if len(inner) == 1 and index < len(place) - 1:
            here, siblings = inner[0], {}
    return _Spot(tuple(key), here, siblings, choices)


def _tag_key(documents: Iterable[type[Document]]) -> str:
    """The key by which these documents are told apart, like ``strategy``; empty for none."""
    first, *others = documents
    return next(
        (
            name
            for name in first.model_fields
            if all(get_origin(_annotation(each, name)) is Literal for each in (first, *others))
        ),
        '',
    )


def _annotation(document: type[Document], name: str) -> object:
    field = document.model_fields.get(name)
    return field.annotation if field else None


def _by_tag(documents: tuple[type[Document], ...]) -> dict[str, type[Document]]:
    key = _tag_key(documents) if len(documents) > 1 else ''
    return {str(get_args(_annotation(each, key))[0]): each for each in documents if key}


def _complaints(model: type[Document], error: ValidationError) -> Iterator[tuple[Key, str]]:
    for detail in error.errors(include_url=False):
        spot = _spot(model, detail['loc'])
        cause = detail.get('ctx', {}).get('error')
        if isinstance(cause, Contradictions):
            yield from (((*spot.key, *inner), text) for inner, text in cause.found)
        elif detail['type'].startswith('union_tag'):
            yield _no_choice(spot, detail['input'])
        elif not _only_seems_short(dict(detail)):
            yield spot.key, _said(spot, dict(detail))


def _no_choice(spot: _Spot, found: object) -> tuple[Key, str]:
    """No document, or one that is not known, was chosen where there are several."""
    if not isinstance(found, dict):
        return spot.key, f'{_EXPECTED["model_type"]}, found {_found(found)}'
    name = _tag_key(spot.choices.values())
    known = ', '.join(spot.choices)
    if name not in found:
        return (*spot.key, name), f'missing, and it has no default; add one of {known}'
    near = did_you_mean(str(found[name]), list(spot.choices))
    return (*spot.key, name), f'must be one of {known}; found {_found(found[name])}{near}'


def _only_seems_short(detail: dict[str, Any]) -> bool:
    """A list of enough items, some of which were refused and counted out."""
    found = detail['input']
    return (
        detail['type'] == 'too_short'
        and isinstance(found, list)
        and len(found) >= detail['ctx']['min_length']
    )


def _said(spot: _Spot, detail: dict[str, Any]) -> str:
    """One pydantic complaint in our words."""
    kind, found, bound = detail['type'], _found(detail['input']), detail.get('ctx', {})
    if kind == 'extra_forbidden':
        return _unknown(spot)
    if kind == 'missing':
        return _missing(spot)
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


def _unknown(spot: _Spot) -> str:
    name, known = str(spot.key[-1]), list(spot.document.model_fields)
    owners = [tag for tag, each in spot.siblings.items() if name in each.model_fields]
    if owners:
        key = _tag_key(spot.siblings.values())
        chosen = get_args(_annotation(spot.document, key))[0]
        return f'belongs to {key} {" or ".join(owners)}, while {key} is {chosen}; remove one'
    near = did_you_mean(name, known)
    return f'unknown key{near or "; known here: " + ", ".join(known)}'


def _missing(spot: _Spot) -> str:
    name = spot.key[-1]
    if isinstance(name, int):
        return f'a list too short: value {name + 1} is missing'
    meaning = spot.document.meanings().get(name, '')
    return f'missing, and it has no default; add it{": " + meaning if meaning else ""}'


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
