# SPDX-License-Identifier: Apache-2.0
"""The ROS interfaces, generated and compiled into the virtual environment.

Ours always; a stand-in for control_msgs where the machine has none.
"""

from __future__ import annotations

import importlib.util
import shutil
from functools import partial
from pathlib import Path

from tools.checkout import Checkout, contents
from tools.errors import SetupError

TOOLCHAIN = ('catkin-pkg=', 'cmake=', 'empy=', 'lark-parser=', 'ninja=', 'numpy=', 'ros-')
"""Packages that what we generate and compile depends on, as constraints.txt spells them."""


def build(checkout: Checkout) -> None:
    """Build each package whose definitions, toolchain or ROS have changed."""
    sources = {'vla_control': checkout.root}
    if not (checkout.distro and importlib.util.find_spec('control_msgs')):
        sources['control_msgs'] = checkout.root / 'interfaces' / 'control_msgs'
    for name, source in sources.items():
        checkout.step(
            name,
            f'Interfaces of {name}',
            inputs(checkout, source),
            partial(build_one, checkout, name, source),
        )


def inputs(checkout: Checkout, source: Path) -> str:
    """All that the built package depends on."""
    files = [*source.glob('msg/*.msg'), *source.glob('srv/*.srv'), *source.glob('action/*.action')]
    files += [source / 'CMakeLists.txt', source / 'package.xml']
    pins = (checkout.root / 'requirements' / 'constraints.txt').read_text().splitlines()
    tools = '\n'.join(pin for pin in pins if pin.startswith(TOOLCHAIN))
    return f'{checkout.identity}\n{tools}\n{contents(files)}'


def build_one(checkout: Checkout, name: str, source: Path) -> None:
    """Configure, compile and install one package."""
    folder = checkout.venv / 'build' / name
    remove_earlier(folder)
    cmake = checkout.venv / 'bin' / 'cmake'
    settings = {
        'CMAKE_MAKE_PROGRAM': checkout.venv / 'bin' / 'ninja',
        'CMAKE_INSTALL_PREFIX': checkout.venv,
        'Python3_EXECUTABLE': checkout.python,
        'VLA_INTERFACES_ONLY': 'ON',
        'BUILD_TESTING': 'OFF',
    }
    defines = (f'-D{key}={value}' for key, value in settings.items())
    try:
        checkout.run(name, cmake, '-S', source, '-B', folder, '-G', 'Ninja', *defines)
        checkout.run(name, cmake, '--build', folder, '--target', 'install')
    except SetupError as error:
        raise SetupError(f'{error}\nThe interfaces of {name} do not build.') from None


def remove_earlier(folder: Path) -> None:
    """Remove an earlier build and what it installed, so that no deleted message lives on."""
    manifest = folder / 'install_manifest.txt'
    if manifest.is_file():
        for path in manifest.read_text().splitlines():
            Path(path).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
