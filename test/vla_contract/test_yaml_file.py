# SPDX-License-Identifier: Apache-2.0
"""YAML itself: what is refused, what is read as what, and where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vla_contract.errors import ContractError
from vla_contract.yaml_file import LARGEST_FILE, YamlFile, read_yaml

Read = Callable[[str | bytes], YamlFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a text as a YAML file."""

    def read_text(text: str | bytes) -> YamlFile:
        path = tmp_path / 'file.yaml'
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_yaml(path)

    return read_text


def refused(read: Read, text: str | bytes) -> ContractError:
    """The reason why a text is not read at all."""
    with pytest.raises(ContractError) as caught:
        read(text)
    return caught.value


def problem(read: Read, text: str) -> ContractError:
    """The one value of a text that is refused."""
    found = list(read(text).problems.values())
    assert len(found) == 1, found
    return found[0]


def test_scalars_mean_what_they_mean_in_yaml_1_2(read: Read) -> None:
    """The traps of YAML 1.1 (no = false, 1:30 = 90, 010 = 8, 1e3 = text) are gone."""
    text = 'a: no\nb: off\nc: 1:30\nd: 010\ne: 1e3\nf: 2026-01-02\ng: ~\nh: True\ni: .5\nj: "1"'
    assert read(text).value == {
        'a': 'no',
        'b': 'off',
        'c': '1:30',
        'd': 10,
        'e': 1000.0,
        'f': '2026-01-02',
        'g': None,
        'h': True,
        'i': 0.5,
        'j': '1',
    }


def test_every_key_and_item_has_its_line(read: Read) -> None:
    """Also inside flow collections, and after aliases."""
    file = read('a: &x\n  b: [1,\n    2]\nc: *x\n')
    lines = {key: place.line for key, place in file.places.items()}
    assert lines['a',] == 1
    assert lines['a', 'b'] == 2
    assert lines['a', 'b', 1] == 3
    assert lines['c',] == 4
    assert lines['c', 'b'] == 2


def test_a_key_that_is_not_there_stands_at_its_parent(read: Read) -> None:
    """A missing key has no line of its own."""
    place = read('a:\n  b: 1\n').place(('a', 'c'))
    assert (place.line, place.key) == (1, 'a.c')


@pytest.mark.parametrize('text', ['a: 1\na: 2', '{a: 1, a: 2}', 'a: 1\n"a": 2'])
def test_a_key_given_twice_is_refused(read: Read, text: str) -> None:
    """Also on one line: YAML parsers keep the last and say nothing."""
    error = problem(read, text)
    assert error.key == 'a'
    assert 'given twice, first in line 1' in error.problem


def test_aliases_and_merge_keys_are_followed(read: Read) -> None:
    """Repeating one joint's limits for six is what they are for."""
    file = read('d: &d {v: 1, w: 2}\nj:\n  - {<<: *d, w: 3}\n  - *d\n  - {<<: [*d], n: x}\n')
    assert file.value['j'] == [{'v': 1, 'w': 3}, {'v': 1, 'w': 2}, {'v': 1, 'w': 2, 'n': 'x'}]
    assert not file.problems


def test_an_alias_of_a_merged_mapping_holds_no_key_twice(read: Read) -> None:
    """The same node is walked twice and must not be merged twice."""
    file = read('d: &d {v: 1}\ne: &e {<<: *d, v: 2}\nf: *e\n')
    assert file.value['f'] == {'v': 2}
    assert not file.problems


@pytest.mark.parametrize(
    ('text', 'key', 'says'),
    [
        ('a: !secret x', 'a', 'YAML tag !secret'),
        ('a: !!binary aGk=', 'a', 'YAML tag !!binary'),
        ('a: !!python/object:os.system {}', 'a', 'YAML tag !!python/object:os.system'),
        ('a: !!set {x}', 'a', 'YAML tag !!set'),
        ('a: !!int x', 'a', "cannot be read as int: 'x'"),
        ('a: !!bool x', 'a', "cannot be read as bool: 'x'"),
        (f'a: {"9" * 5000}', 'a', 'cannot be read as int'),
        ('a: "\\ud800"', 'a', 'cannot be read as str'),
        ('1: x', "'1'", 'not text'),
        ('? [a]\n: x', '[', 'not text'),
        ('a: {<<: 5}', 'a.<<', 'takes an alias of a mapping'),
    ],
)
def test_what_yaml_allows_and_a_contract_does_not(
    read: Read, text: str, key: str, says: str
) -> None:
    """Tags, odd keys and broken text are refused where they stand."""
    error = problem(read, text)
    assert error.key.startswith(key)
    assert error.line == 1
    assert says in error.problem


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('', 'found nothing'),
        ('- a\n- b\n', 'found a list'),
        ('just text', 'found a value'),
        ('!x {a: 1}', '!x'),
        ('a: [1', 'is not YAML'),
        ('a: 1\n\tb: 2', 'is not YAML'),
        ('a: *b', 'is not YAML'),
        ('a: 1\n---\nb: 2', 'is not YAML'),
        ('a: \x07', 'is not YAML'),
        (b'\xff\xfe\x00', 'is not UTF-8'),
        ('a: ' + '[' * 5000, 'is'),
        ('x: ' + '1' * LARGEST_FILE, 'larger than'),
    ],
)
def test_what_is_not_a_file_of_ours(read: Read, text: str | bytes, says: str) -> None:
    """Everything that cannot be a contract is refused with a reason."""
    assert says in refused(read, text).problem


def test_a_syntax_error_names_its_line(read: Read) -> None:
    """The line where the parser gave up, not the first."""
    assert refused(read, 'a: 1\nb: [1, 2\nc: 3\n').line == 3


def test_aliases_cannot_fill_the_memory(read: Read) -> None:
    """Nine levels of nine aliases would be 400 million values."""
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for level in range(1, 9):
        aliases = ', '.join([f'*a{level - 1}'] * 9)
        lines.append(f'a{level}: &a{level} [{aliases}]')
    assert 'more than' in refused(read, '\n'.join(lines)).problem


def test_a_list_that_holds_itself_ends(read: Read) -> None:
    """An alias of the list or mapping it stands in is followed only so far."""
    for text in ('a: &a [*a]', 'a: &a {b: &b {<<: *a}}'):
        assert 'nested deeper' in next(iter(read(text).problems.values())).problem
    assert read('a: &a {<<: *a, b: 1}').value == {'a': {'b': 1}}


def test_a_folder_and_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    """The operating system's reason is passed on."""
    for path in (tmp_path, tmp_path / 'none.yaml', Path('a\0b')):
        with pytest.raises(ContractError, match='cannot be read'):
            read_yaml(path)
