# SPDX-License-Identifier: Apache-2.0
"""The Python packages by pip, for machines that train or serve policies and have no ROS.

The ROS build is CMakeLists.txt; both take the commands from setup.cfg.
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
SHARED = ('config', 'launch', 'urdf')


def requirements(group: str) -> list[str]:
    """Pins of one group, from the one place that lists them."""
    lines = (ROOT / 'requirements' / f'{group}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def shared_files() -> list[tuple[str, list[str]]]:
    """Files outside the packages, by the folder they are installed in."""
    files = [path for name in SHARED for path in (ROOT / name).rglob('*') if path.is_file()]
    folders = sorted({path.parent.relative_to(ROOT) for path in files})
    return [
        (
            f'share/vla_control/{folder}',
            [str(path.relative_to(ROOT)) for path in files if path.parent == ROOT / folder],
        )
        for folder in folders
    ]


setup(
    packages=find_packages(include=['vla_*']),
    package_data={'': ['*.yaml', '*.xml', '*.json', 'py.typed']},
    data_files=shared_files(),
    install_requires=requirements('base'),
    extras_require={'model': requirements('model')},
)
