# SPDX-License-Identifier: Apache-2.0
"""Message definitions for a bag: those rosbags knows, and those of installed ROS packages."""

import os
import re
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from vla_contract.errors import VlaError

_REFERENCE = re.compile(r'^\s*([a-z]\w*)/(?:msg/)?[A-Z]\w*', re.MULTILINE)


def typestore() -> Typestore:
    """The message types of the ROS distribution in use; Jazzy's where it is not known."""
    name = f'ROS2_{os.environ.get("ROS_DISTRO", "jazzy").upper()}'
    known = {store.name: store for store in Stores}
    return get_typestore(known.get(name, Stores.ROS2_JAZZY))


def learn(store: Typestore, type_name: str) -> None:
    """Make a type known, with all it is made of.

    Args:
        store: Where to add it.
        type_name: For example ``vla_control/msg/SafetyStatus``.
    """
    if type_name not in store.fielddefs:
        _learn_package(store, type_name.split('/')[0], set())
    if type_name not in store.fielddefs:
        raise VlaError(
            f'the definition of {type_name} is not in its package; build the package anew'
        )


def _learn_package(store: Typestore, package: str, seen: set[str]) -> None:
    """Read every message of a package, after those of the packages it uses."""
    if package in seen or any(name.startswith(f'{package}/') for name in store.fielddefs):
        return
    seen.add(package)
    try:
        folder = Path(get_package_share_directory(package)) / 'msg'
    except PackageNotFoundError as error:
        raise VlaError(
            f'the definitions of {package} are not installed; source the workspace that has it'
        ) from error
    types = {}
    for path in sorted(folder.glob('*.msg')):
        text = path.read_text(encoding='utf-8')
        for other in set(_REFERENCE.findall(text)) - {package}:
            _learn_package(store, other, seen)
        types.update(get_types_from_msg(text, f'{package}/msg/{path.stem}'))
    store.register(types)
