# SPDX-License-Identifier: Apache-2.0
"""What is imported is declared, what is declared is used, and every version is pinned once."""

import configparser
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from test.build.sources import FIRST_PARTY, PRODUCT, ROOT, packages
from tools.lock import normal

GROUPS = sorted(
    set((ROOT / 'requirements').glob('*.txt')) - {ROOT / 'requirements/constraints.txt'}
)


def pins(path: Path) -> dict[str, str]:
    """Versions in a requirements file, by the normal name of the package."""
    lines = [line for line in path.read_text().splitlines() if line and line[0] != '#']
    return {normal(name): version for name, version in (line.split('==') for line in lines)}


def declared_ros() -> set[str]:
    """ROS packages that package.xml says we need."""
    return set(re.findall(r'<(?:exec_|test_)?depend>(\w+)</', (ROOT / 'package.xml').read_text()))


def provided(*groups: str) -> set[str]:
    """Names that can be imported once groups of requirements are installed."""
    names = {name for group in groups for name in pins(ROOT / 'requirements' / f'{group}.txt')}
    return names | {module for module, owners in owners_of_modules().items() if names & owners}


def owners_of_modules() -> dict[str, set[str]]:
    """Which packages bring a module that can be imported."""
    imported = importlib.metadata.packages_distributions().items()
    owners = {module: {normal(owner) for owner in names} for module, names in imported}
    return owners | {'pinocchio': {'pin'}}  # installed where the metadata does not tell


@pytest.mark.parametrize('path', GROUPS, ids=lambda path: path.stem)
def test_each_pin_is_exact_and_locked(path: Path) -> None:
    """The lock agrees with the pins it was made from."""
    locked = pins(ROOT / 'requirements/constraints.txt')
    assert pins(path).items() <= locked.items()


def test_every_import_of_the_product_is_declared() -> None:
    """Either pinned in requirements/, or a dependency in package.xml."""
    used = packages(*PRODUCT, 'launch')
    known = {*sys.stdlib_module_names, *FIRST_PARTY, *provided('base', 'model'), *declared_ros()}
    assert not {name: used[name] for name in used if name not in known}


def test_every_import_of_tests_and_tools_is_declared() -> None:
    """They may use what the product uses, and what is pinned for development."""
    used = packages('benchmarks', 'test', 'tools')
    known = {*sys.stdlib_module_names, *FIRST_PARTY, *declared_ros()}
    known |= provided('base', 'dev', 'model')
    assert not {name: used[name] for name in used if name not in known}


def test_nothing_is_pinned_for_running_that_is_not_imported() -> None:
    """A dependency earns its place."""
    used = set(packages(*PRODUCT))
    unused = {name for name in pins(ROOT / 'requirements/base.txt') if name not in used}
    owners = owners_of_modules()
    assert not unused.difference(*(owners.get(module, set()) for module in used))


def test_version_is_the_same_for_both_builds() -> None:
    """ROS reads package.xml, pip reads setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    version = setup['metadata']['version']
    assert f'<version>{version}</version>' in (ROOT / 'package.xml').read_text()
