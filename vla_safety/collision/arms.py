# SPDX-License-Identifier: Apache-2.0
"""One URDF text out of the arms of a scene, with every mesh found and every name unique.

The arm that is checked keeps its names; those of another arm ``left`` become ``left/…``.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vla_contract.description import find_description
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.collision.objects import Pose
from vla_safety.collision.srdf import LinkPair, read_allowed

WORLD = '__world__'
"""The link that all arms stand on in the text."""


@dataclass(frozen=True)
class Arm:
    """An arm of the scene.

    Attributes:
        robot: Its robot file.
        urdf: The file that names.
        srdf: The same; None where there is none: then only neighbouring links may touch.
        name: Empty for the arm that is checked, unique for any other.
        pose: Of its base frame, in the base frame of the arm that is checked.
    """

    robot: Robot
    urdf: Path
    srdf: Path | None = None
    name: str = ''
    pose: Pose = field(default_factory=Pose)

    @property
    def prefix(self) -> str:
        """Stands before the names of its links and joints."""
        return f'{self.name}/' if self.name else ''


@dataclass(frozen=True)
class ArmText:
    """An arm's URDF, read.

    Attributes:
        arm: Whose.
        root: The robot element, names prefixed, meshes as absolute paths.
        top: The link that hangs from nothing.
        links: All links, prefixed.
        allowed: Pairs of links that may touch, prefixed.
    """

    arm: Arm
    root: ET.Element
    top: str
    links: tuple[str, ...]
    allowed: frozenset[LinkPair]


def read_arm(arm: Arm) -> ArmText:
    """Read the URDF and SRDF, or raise what is wrong with them."""
    root = _parse(arm)
    for element in root.findall('link'):
        _refuse_unprotected(element, arm)
        for visual in element.findall('visual'):
            element.remove(visual)
    for mesh in root.iter('mesh'):
        mesh.set('filename', str(_mesh(mesh, arm)))
    links = [link.get('name', '') for link in root.findall('link')]
    allowed = set(read_allowed(arm.srdf, links)) if arm.srdf else set()
    joints = [_ends(joint) for joint in root.findall('joint')]
    allowed |= {frozenset(ends) for ends in joints}
    tops = set(links) - {child for _, child in joints}
    if len(tops) != 1:
        raise VlaError(f'{arm.urdf}: {len(tops)} links hang from nothing, one must')
    _prefix(root, arm.prefix)
    return ArmText(
        arm=arm,
        root=root,
        top=arm.prefix + tops.pop(),
        links=tuple(arm.prefix + link for link in links),
        allowed=frozenset(frozenset(arm.prefix + link for link in pair) for pair in allowed),
    )


def join_arms(texts: Sequence[ArmText], poses: Sequence[tuple[str, str]]) -> str:
    """One URDF with every arm's top link fixed to the world.

    Args:
        texts: The arms.
        poses: Of each arm's top link: URDF's ``xyz`` and ``rpy``.
    """
    robot = ET.Element('robot', name='scene')
    ET.SubElement(robot, 'link', name=WORLD)
    for text, (xyz, rpy) in zip(texts, poses, strict=True):
        robot.extend(text.root.findall('link'))
        robot.extend(text.root.findall('joint'))
        joint = ET.SubElement(robot, 'joint', name=f'{WORLD}/{text.top}', type='fixed')
        ET.SubElement(joint, 'parent', link=WORLD)
        ET.SubElement(joint, 'child', link=text.top)
        ET.SubElement(joint, 'origin', xyz=xyz, rpy=rpy)
    return ET.tostring(robot, encoding='unicode')


def _parse(arm: Arm) -> ET.Element:
    try:
        return ET.parse(arm.urdf).getroot()  # noqa: S314  (a file of the user's own)
    except OSError as error:
        raise VlaError(f'{arm.robot.name}: {arm.urdf} cannot be read: {error}') from error
    except ET.ParseError as error:
        raise VlaError(f'{arm.robot.name}: {arm.urdf} is not XML: {error}') from error


def _refuse_unprotected(link: ET.Element, arm: Arm) -> None:
    """A link that can be seen can be hit."""
    if link.find('visual') is not None and link.find('collision') is None:
        raise VlaError(
            f'{arm.urdf}: link {link.get("name")} has <visual> and no <collision>, so nothing '
            'would keep it from hitting things; give it one'
        )


def _mesh(element: ET.Element, arm: Arm) -> Path:
    uri = element.get('filename', '')
    found = find_description(uri, arm.urdf)
    if found is None or not found.is_file():
        raise VlaError(
            f'{arm.urdf}: mesh {uri} is not on this machine'
            f'{"" if found is None else f" ({found})"}; nothing stands in for it'
        )
    return found.resolve()


def _ends(joint: ET.Element) -> tuple[str, str]:
    parent, child = (joint.find(key) for key in ('parent', 'child'))
    return (
        '' if parent is None else parent.get('link', ''),
        '' if child is None else child.get('link', ''),
    )


def _prefix(root: ET.Element, prefix: str) -> None:
    for link in root.findall('link'):
        link.set('name', prefix + link.get('name', ''))
    for joint in root.findall('joint'):
        joint.set('name', prefix + joint.get('name', ''))
        for key, attribute in (('parent', 'link'), ('child', 'link'), ('mimic', 'joint')):
            for element in joint.findall(key):
                element.set(attribute, prefix + element.get(attribute, ''))
