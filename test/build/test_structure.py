# SPDX-License-Identifier: Apache-2.0
"""The layers do not leak, and files stay short and marked with their licence."""

import pytest

from test.build.sources import PRODUCT, ROOT, packages, python_files

LONGEST = 400
PURE = ('vla_contract', 'vla_policy', 'vla_safety', 'vla_sim')
LICENCE = '# SPDX-License-Identifier: Apache-2.0'


def ros_packages() -> set[str]:
    """Names that only a ROS installation, or our own build of interfaces, provides."""
    installed = {path.parent.name for path in ROOT.glob('.venv/share/*/package.xml')}
    return installed | {'ament_index_python', 'launch', 'launch_ros', 'rclpy', 'vla_control'}


@pytest.mark.parametrize('package', PURE)
def test_pure_packages_know_no_ros(package: str) -> None:
    """Policies, safety, contract and simulation can be used and tested without ROS."""
    used = packages(package)
    assert not {name: used[name] for name in used if name in ros_packages() | {'vla_bridge'}}


@pytest.mark.parametrize(
    ('package', 'forbidden'),
    [
        ('vla_contract', ('vla_policy', 'vla_safety', 'vla_sim', 'torch')),
        ('vla_policy', ('vla_safety',)),
        ('vla_safety', ('vla_policy', 'vla_sim', 'torch', 'transformers')),
        ('vla_sim', ('vla_safety', 'torch')),
    ],
)
def test_packages_keep_to_themselves(package: str, forbidden: tuple[str, ...]) -> None:
    """What vets motion shares no code with what plans it, nor with what stands in for the arm."""
    used = packages(package)
    assert not {name: used[name] for name in used if name in forbidden}


def test_every_source_file_names_its_licence() -> None:
    """The first line says it, as REUSE tools expect."""
    files = python_files(*PRODUCT, 'benchmarks', 'launch', 'test', 'tools')
    files += [ROOT / name for name in ('CMakeLists.txt', 'Makefile', 'pyproject.toml', 'setup.py')]
    unmarked = [path for path in files if path.read_text().splitlines()[:1] != [LICENCE]]
    assert not unmarked


def test_no_file_is_too_long_to_read() -> None:
    """One concept a file: past the ceiling there are two."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in python_files(*PRODUCT, 'benchmarks', 'launch', 'test', 'tools')
    }
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST}
