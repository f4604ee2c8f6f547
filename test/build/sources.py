# SPDX-License-Identifier: Apache-2.0
"""What the checkout's Python files import, read without importing them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ('vla_bridge', 'vla_contract', 'vla_policy', 'vla_safety', 'vla_sim')
FIRST_PARTY = (*PRODUCT, 'benchmarks', 'test', 'tools', 'vla_control')


def python_files(*folders: str) -> list[Path]:
    """Python files below folders of the checkout."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob('*.py'))


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def packages(*folders: str) -> dict[str, Path]:
    """Top-level packages that the files below folders import, each with one file that does."""
    return {
        name.partition('.')[0]: path for path in python_files(*folders) for name in imports(path)
    }
