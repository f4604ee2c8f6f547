# SPDX-License-Identifier: Apache-2.0
"""Every case of the table is proven by tests that exist."""

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from test.safety_cases import CASES, FIRST, FIRST_FAULT, LAST, LAST_FAULT, Case, read_cases

TESTS = Path(__file__).resolve().parents[1]


@cache
def names_in(file: str) -> Collection[str]:
    """Names of the tests that pytest collects from a file; it is not imported."""
    module = ast.parse((TESTS / file).read_text(encoding='utf-8'))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in module.body if isinstance(node, functions)}


def test_no_number_is_missing_and_none_comes_twice() -> None:
    """All of them, in order."""
    assert [case.number for case in CASES] == list(range(FIRST, LAST + 1))


@pytest.mark.parametrize('case', CASES, ids=lambda case: f'{case.number} {case.title}')
def test_a_case_names_tests_that_exist(case: Case) -> None:
    """At least one, and every one of them is there under this name."""
    assert case.tests
    assert not [(file, name) for file, name in case.tests if name not in names_in(file)]


@pytest.mark.parametrize(
    'case',
    [case for case in CASES if FIRST_FAULT <= case.number <= LAST_FAULT],
    ids=lambda case: f'{case.number} {case.title}',
)
def test_a_fault_is_proven_on_the_running_graph(case: Case) -> None:
    """Real nodes in their own processes."""
    assert any(file.startswith('graph/') for file, _ in case.tests)


def test_a_test_that_does_not_exist_is_noticed() -> None:
    """Otherwise this file would prove nothing."""
    (case,) = read_cases('7 zero points\n    refusals no_such_test')
    assert case.tests == (('vla_safety/test_refusals.py', 'test_no_such_test'),)
    assert case.tests[0][1] not in names_in(case.tests[0][0])
