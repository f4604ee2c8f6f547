# SPDX-License-Identifier: Apache-2.0
"""Random damage to good files: it loads and means what it says, or it is refused in our words."""

import copy
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vla_contract.deployment import load_deployment, load_policy, load_robot
from vla_contract.document import Document
from vla_contract.errors import ContractError, ContractErrors
from vla_contract.yaml_file import read_yaml

if TYPE_CHECKING:
    from test.vla_contract.conftest import Cell


QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Plain = dict[str, Any] | list[Any]
LOADERS = {'robot.yaml': load_robot, 'policy.yaml': load_policy}

odd_numbers = st.sampled_from([0, -1, 1, 10**400, 1e308, -1e-320, math.nan, math.inf, -0.0, 0.5])
leaves = st.one_of(
    st.none(), st.booleans(), odd_numbers, st.floats(), st.integers(), st.text(max_size=8)
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


def accepted(cell: 'Cell', name: str) -> Document | None:
    """The document of a damaged file, or None where it is refused in our words."""
    try:
        document = LOADERS[name](cell.folder / name)
    except (ContractError, ContractErrors) as error:
        strangers = [each for each in error.errors if each.source != name]
        if strangers:
            pytest.fail(f'not about {name}: {strangers}')
        return None
    return document


def keys_of(value: Plain, key: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key of nested plain values."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for name, child in inner:
        found.append((*key, name))
        if isinstance(child, dict | list):
            found += keys_of(child, (*key, name))
    return found


def damaged(value: Plain, data: st.DataObject) -> Plain:
    """Plain values with one of them replaced, removed, renamed, moved or repeated."""
    result = copy.deepcopy(value)
    *path, last = data.draw(st.sampled_from(keys_of(result)), label='key')
    parent: Any = result
    for part in path:
        parent = parent[part]
    how = data.draw(st.sampled_from(['replace', 'remove', 'rename', 'shuffle']), label='how')
    if how == 'replace':
        parent[last] = data.draw(values, label='value')
    elif how == 'remove':
        del parent[last]
    elif isinstance(parent, list):
        data.draw(st.randoms()).shuffle(parent)
    else:
        parent[data.draw(leaves, label='name')] = parent.pop(last)
    return result


@pytest.mark.parametrize('name', LOADERS)
def test_a_damaged_value_is_refused_or_meant(cell: 'Cell', name: str) -> None:
    """What loads is written out and read again as the same thing."""
    good = read_yaml(cell.folder / name).value

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        cell.write(name, yaml.safe_dump(damaged(good, data), sort_keys=False))
        document = accepted(cell, name)
        if document is not None:
            cell.write(name, yaml.safe_dump(document.model_dump(mode='json')))
            assert accepted(cell, name) == document

    check()


@pytest.mark.parametrize('name', LOADERS)
def test_a_damaged_text_is_refused_or_read(cell: 'Cell', name: str) -> None:
    """A slip of the fingers anywhere in the text never escapes as another exception."""
    good = (cell.folder / name).read_text(encoding='utf-8')

    @QUICK
    @given(
        st.integers(0, len(good)),
        st.integers(0, 12),
        st.one_of(
            st.text(max_size=4),
            st.text(alphabet='{}[]:,-&*!|>?%@`#<\'"\n\t 0aλ\ud800', max_size=6),
        ),
    )
    def check(start: int, length: int, piece: str) -> None:
        text = good[:start] + piece + good[start + length :]
        (cell.folder / name).write_bytes(text.encode('utf-8', 'surrogatepass'))
        accepted(cell, name)

    check()


def test_random_bytes_are_refused(cell: 'Cell') -> None:
    """Not text, not YAML, not a mapping."""

    @QUICK
    @given(st.binary(max_size=40))
    def check(data: bytes) -> None:
        (cell.folder / 'robot.yaml').write_bytes(data)
        assert accepted(cell, 'robot.yaml') is None

    check()


def test_random_overrides_are_refused_or_meant(cell: 'Cell') -> None:
    """A deployment may say anything; it loads or is refused."""
    text = (cell.folder / 'cell.yaml').read_text(encoding='utf-8')
    robot = read_yaml(cell.folder / 'robot.yaml').value

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        overrides = data.draw(st.one_of(values, st.just(damaged(robot, data))))
        cell.write('cell.yaml', text + yaml.safe_dump({'robot_overrides': overrides}))
        try:
            load_deployment(cell.deployment)
        except (ContractError, ContractErrors) as error:
            if not error.errors:
                pytest.fail('refused without a reason')

    check()


def test_a_damaged_urdf_is_refused_or_read(cell: 'Cell') -> None:
    """The same for the XML."""
    path: Path = cell.folder / 'arm.urdf'
    good = path.read_text(encoding='utf-8')

    @QUICK
    @given(st.integers(0, len(good)), st.integers(0, 20), st.text(max_size=4))
    def check(start: int, length: int, piece: str) -> None:
        text = good[:start] + piece + good[start + length :]
        path.write_bytes(text.encode('utf-8', 'surrogatepass'))
        accepted(cell, 'robot.yaml')

    check()
