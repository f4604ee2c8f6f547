# SPDX-License-Identifier: Apache-2.0
"""What `vla doctor` says of MoveIt: whether it can be imported, which version, and what for."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vla_bridge.cli.findings import Finding, Verdict
from vla_bridge.collision.installed import PACKAGES, find_bindings, find_state_validity
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_contract.scene import CollisionBackend


@dataclass(frozen=True)
class _Part:
    """A part of MoveIt.

    Attributes:
        name: For people.
        module: Python's.
        package: ROS's.
        use: What it is for.
        find: Imports it, or raises VlaError.
    """

    name: str
    module: str
    package: str
    use: str
    find: Callable[[], object]


_BINDINGS = _Part('MoveIt', 'moveit', 'moveit_py', 'collision.backend: moveit', find_bindings)
_MESSAGES = _Part(
    'moveit_msgs',
    'moveit_msgs',
    'moveit_msgs',
    'collision.auditor and scene.planning_scene',
    find_state_validity,
)
_MODULES = (_BINDINGS.module, _MESSAGES.module)


def moveit_findings() -> Iterator[Finding]:
    """Both parts; nothing needs them unless a robot file asks."""
    yield _look(_BINDINGS)
    yield _look(_MESSAGES)


def moveit_asked_for(robot: Robot) -> Iterator[Finding]:
    """What a robot file asks for and is not there."""
    rule, scene = robot.collision, robot.scene
    for part, asks, key in (
        (_BINDINGS, rule.backend is CollisionBackend.MOVEIT, 'collision.backend'),
        (_MESSAGES, bool(rule.auditor), 'collision.auditor'),
        (_MESSAGES, bool(scene.planning_scene), 'scene.planning_scene'),
    ):
        if asks and _look(part).verdict is not Verdict.GOOD:
            text = f'cannot be imported, and {key} of {robot.name} asks for it'
            yield Finding(part.name, Verdict.BAD, text, _advice())


def _look(part: _Part) -> Finding:
    try:
        part.find()
    except VlaError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name in _MODULES:
            lacks = '' if cause.name == part.module else f' (no {cause.name})'
            return Finding(part.name, Verdict.NOTE, f'not installed{lacks}; for {part.use}')
        text = f'cannot be imported: {cause}; for {part.use}'
        return Finding(part.name, Verdict.WARNING, text, _advice())
    number = _version(part) or 'version unknown'
    return Finding(part.name, Verdict.GOOD, f'{number}, for {part.use}')


def _advice() -> str:
    return f'install {PACKAGES} and source that installation'


def _version(part: _Part) -> str:
    """As the Python package says, or the ROS package; empty where neither does."""
    try:
        return version(part.module)
    except PackageNotFoundError:
        pass
    try:
        share = import_module('ament_index_python').get_package_share_directory(part.package)
        file = Path(share) / 'package.xml'
        return ET.parse(file).getroot().findtext('version', '')  # noqa: S314 - of ROS itself
    except (ImportError, LookupError, OSError, ET.ParseError):
        return ''
