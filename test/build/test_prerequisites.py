# SPDX-License-Identifier: Apache-2.0
"""What a machine lacks is named, with what to install."""

from pathlib import Path

import pytest

from tools import prerequisites


def test_python_without_headers_names_the_package_that_has_them(tmp_path: Path) -> None:
    """The interfaces are C extensions."""
    lacks = prerequisites.python_lacks((3, 12), (3, 13), str(tmp_path))
    assert [lack.packages for lack in lacks] == ['python3.12-dev']
    (tmp_path / 'Python.h').touch()
    assert not prerequisites.python_lacks((3, 12), (3, 13), str(tmp_path))


@pytest.mark.parametrize('version', [(3, 10), (3, 14)])
def test_python_too_old_or_new_is_refused_with_both_bounds(version: tuple[int, int]) -> None:
    """Neither has wheels."""
    (lack,) = prerequisites.python_lacks(version, (3, 13), '/nowhere')
    assert f'3.11 to 3.13: this is 3.{version[1]}' in str(lack)


def test_machine_without_wheels_is_told_to_source_ros() -> None:
    """ROS itself runs on more machines than there are wheels for."""
    (lack,) = prerequisites.platform_lacks('Linux', 'aarch64', ('x86_64',))
    assert 'ROS must be sourced' in str(lack)
    assert not prerequisites.platform_lacks('Linux', 'x86_64', ('x86_64',))


def test_missing_compilers_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One apt command mends it."""
    monkeypatch.setenv('PATH', '/nowhere')
    packages = ' '.join(lack.packages for lack in prerequisites.compiler_lacks())
    assert {'gcc', 'g++'} <= set(packages.split())


def test_full_disk_says_how_much_is_needed_and_how_much_is_free() -> None:
    """The wheels would fail half way."""
    (lack,) = prerequisites.disk_lacks(500_000_000)
    assert '3 GB' in str(lack)
    assert '0.5 GB are free' in str(lack)
    assert not prerequisites.disk_lacks(10**10)
