# SPDX-License-Identifier: Apache-2.0
"""Values of one file laid over another's, each keeping the place where it was written."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from vla_contract.document import did_you_mean
from vla_contract.yaml_file import Key, Place, YamlFile

_CHOICE = 'strategy'
"""Key on whose value it depends which other keys a mapping may have."""


def lay_over(base: YamlFile, changes: YamlFile, under: str) -> YamlFile:
    """The base with the mapping that stands under one key of another file laid over it.

    Mappings are merged key by key and other values are replaced whole. A mapping laid over a list
    of named things (joints, cameras, boxes) changes those of these names. A mapping with another
    strategy replaces the one that is there, whose keys would mean nothing to it.
    """
    change = changes.value.get(under)
    if not isinstance(change, dict) or not change:
        return base
    layer = _Layer(base, changes, under)
    value = layer.merged(base.value, change, ())
    assert isinstance(value, dict)  # noqa: S101  (two mappings merge into one)
    return YamlFile(base.path, value, layer.places, layer.problems)


class _Layer:
    """One pass over the changes: where each value of the result was written."""

    def __init__(self, base: YamlFile, changes: YamlFile, under: str) -> None:
        self.places = dict(base.places)
        self.problems = dict(base.problems)
        self._changes = changes
        self._under = under

    def merged(self, old: object, new: object, key: Key, source: Key = ()) -> object:
        """A new value laid over an old one; ``source`` is its key below the overrides."""
        if isinstance(old, Mapping) and isinstance(new, Mapping) and not _chooses(old, new):
            result = dict(old)
            for name, value in new.items():
                result[name] = self.merged(old.get(name), value, (*key, name), (*source, name))
            return result
        if isinstance(new, Mapping) and _are_named(old):
            return self._named(old, new, key, source)
        self._move(key, source)
        return new

    def _named(
        self, old: Sequence[Mapping[str, Any]], new: Mapping[str, Any], key: Key, source: Key
    ) -> list[object]:
        result: list[object] = list(old)
        names = [str(item.get('name')) for item in old]
        for name, value in new.items():
            if name in names:
                index = names.index(name)
                result[index] = self.merged(result[index], value, (*key, index), (*source, name))
            else:
                near = did_you_mean(name, names) or f'; it has {", ".join(names)}'
                place = self._place((*source, name))
                self.problems[*key, name] = place.error(f'{self.places[key]} has no {name}{near}')
        return result

    def _move(self, key: Key, source: Key) -> None:
        """Forget where the old value stood and note where the new one does."""
        for place in [place for place in self.places if place[: len(key)] == key]:
            del self.places[place]
        start = (self._under, *source)
        for place, written in self._changes.places.items():
            if place[: len(start)] == start:
                self.places[key + place[len(start) :]] = written

    def _place(self, source: Key) -> Place:
        return self._changes.place((self._under, *source))


def _chooses(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return _CHOICE in new and new[_CHOICE] != old.get(_CHOICE)


def _are_named(value: object) -> TypeGuard[list[Mapping[str, Any]]]:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and 'name' in item for item in value)
    )
