# SPDX-License-Identifier: Apache-2.0
"""What a URDF says of joints, limits and frames, and whether a robot file agrees with it.

Reads the XML alone: no meshes, no kinematics, no library beyond Python's own.
"""

import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vla_contract.document import Contradiction, did_you_mean
from vla_contract.gripper import Gripper
from vla_contract.joint import Joint, JointUnit
from vla_contract.robot import Robot
from vla_contract.yaml_file import LARGEST_FILE, Key, Place, shown

_UNITS = {
    'revolute': JointUnit.RADIAN,
    'continuous': JointUnit.RADIAN,
    'prismatic': JointUnit.METRE,
}

ROUNDING = 1e-6
"""Decimals that a file may write rounded, such as 3.141593 for pi [joint unit]."""


@dataclass(frozen=True)
class UrdfJoint:
    """A joint of the description, with limits in its own unit.

    Attributes:
        name: As in the file.
        kind: ``revolute``, ``continuous``, ``prismatic``, ``fixed`` …
        parent: Link towards the root.
        child: Link away from it.
        lower: Least position, minus infinity where there is none.
        upper: Greatest position, infinity where there is none.
        velocity: Greatest speed, infinity where there is none.
        mimics: The joint it follows, empty for none.
    """

    name: str
    kind: str
    parent: str
    child: str
    lower: float
    upper: float
    velocity: float
    mimics: str


@dataclass(frozen=True)
class Description:
    """Joints and links of a URDF.

    Attributes:
        path: The file, as people would name it.
        joints: By name.
        links: Their names.
    """

    path: str
    joints: dict[str, UrdfJoint]
    links: frozenset[str]

    def chain(self, base: str, tool: str) -> tuple[UrdfJoint, ...] | None:
        """Joints from the base frame to the tool frame; None where no chain joins them."""
        above = {joint.child: joint for joint in self.joints.values()}
        found: list[UrdfJoint] = []
        link = tool
        while link != base:
            joint = above.get(link)
            if joint is None or joint in found:
                return None
            found.append(joint)
            link = joint.parent
        return tuple(reversed(found))


def find_description(uri: str, beside: Path) -> Path | None:
    """The file that a robot file names: beside it, or in a ROS package found by its index."""
    if not uri.startswith('package://'):
        return beside.parent / uri.removeprefix('file://')
    package, _, rest = uri.removeprefix('package://').partition('/')
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    shares = (Path(prefix) / 'share' / package for prefix in prefixes if prefix)
    return next((share / rest for share in shares if _is_folder(share)), None)


def read_description(path: Path, named_at: Place) -> Description:
    """Read a URDF, or raise why it cannot be, at the place that names it."""
    root = read_xml(path, named_at)
    if path.suffix == '.xacro' or any('xacro' in element.tag for element in root.iter()):
        raise named_at.error(f'{shown(path)} is xacro; expand it with xacro and name the URDF')
    links = frozenset(link.get('name', '') for link in root.findall('link'))
    try:
        joints = [_joint(element) for element in root.findall('joint')]
    except ValueError as error:
        raise named_at.error(f'{shown(path)}: {error}') from error
    return Description(shown(path), {joint.name: joint for joint in joints}, links)


def read_xml(path: Path, named_at: Place) -> ET.Element:
    """Parse a URDF or SRDF and return its robot element."""
    try:
        with path.open('rb') as file:
            text = file.read(10 * LARGEST_FILE)
        root = ET.fromstring(text)  # noqa: S314  (a file of the user's own)
    except (OSError, ValueError) as error:
        problem = f'names {shown(path)}, which cannot be read: {error}'
        raise named_at.error(problem) from error
    except ET.ParseError as error:
        raise named_at.error(f'names {shown(path)}, which is not XML: {error}') from error
    if root.tag != 'robot':
        raise named_at.error(f'{shown(path)} holds <{root.tag}>, where <robot> must stand')
    return root


def disagreements(robot: Robot, description: Description) -> Iterator[Contradiction]:
    """Every key of the robot file that the URDF contradicts."""
    yield from _frames(robot, description)
    for index, joint in enumerate(robot.joints):
        for key, text in _arm_joint(joint, description):
            yield Contradiction(('joints', index, *key), text)
    yield from _home(robot, description)
    yield from _links(robot, description)
    if robot.gripper is not None:
        for key, text in _gripper(robot.gripper, description):
            yield Contradiction(('gripper', *key), text)


def _is_folder(path: Path) -> bool:
    """Whether a folder is there; a name too long for the file system is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _joint(element: ET.Element) -> UrdfJoint:
    name, kind = element.get('name', ''), element.get('type', '')
    limit, mimic = element.find('limit'), element.find('mimic')
    bounded = kind in ('revolute', 'prismatic')
    if bounded and limit is None:
        raise ValueError(f'joint {name} is {kind} and has no <limit>; give it one')
    limits = {} if limit is None else limit.attrib
    lower, upper = (
        _value(name, limits, side, 0.0) if bounded else sign * math.inf
        for side, sign in (('lower', -1), ('upper', 1))
    )
    return UrdfJoint(
        name=name,
        kind=kind,
        parent=_link(element, 'parent'),
        child=_link(element, 'child'),
        lower=lower,
        upper=upper,
        velocity=_value(name, limits, 'velocity', math.inf),
        mimics='' if mimic is None else mimic.get('joint', ''),
    )


def _link(element: ET.Element, which: str) -> str:
    found = element.find(which)
    return '' if found is None else found.get('link', '')


def _value(joint: str, limits: dict[str, str], name: str, default: float) -> float:
    text = limits.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ValueError(f'joint {joint}: {name} is {text!r}, not a number')
    return value


def _frames(robot: Robot, description: Description) -> Iterator[Contradiction]:
    frames = {'base_frame': robot.base_frame, 'tool_frame': robot.tool_frame}
    unknown = [key for key, link in frames.items() if link not in description.links]
    for key in unknown:
        yield Contradiction(
            (key,), _no_such('link', frames[key], sorted(description.links), description)
        )
    if unknown:
        return
    chain = description.chain(robot.base_frame, robot.tool_frame)
    if chain is None:
        yield Contradiction(
            ('tool_frame',),
            f'{robot.tool_frame} does not hang from base_frame {robot.base_frame} '
            f'in {description.path}; name two frames that one chain joins',
        )
        return
    moving = {joint.name for joint in chain if joint.kind in _UNITS and not joint.mimics}
    for index, joint in enumerate(robot.joints):
        found = description.joints.get(joint.name)
        if found is not None and found.kind in _UNITS and joint.name not in moving:
            yield Contradiction(
                ('joints', index, 'name'),
                f'{joint.name} does not move {robot.tool_frame} in {description.path}; '
                f'the joints from {robot.base_frame} to it are {", ".join(sorted(moving))}',
            )
    for name in sorted(moving - set(robot.joint_names)):
        yield Contradiction(
            ('joints',),
            f'{name} moves {robot.tool_frame} in {description.path} and is missing here; add it',
        )


def _arm_joint(joint: Joint, description: Description) -> Iterator[Contradiction]:
    found = description.joints.get(joint.name)
    if found is None:
        yield Contradiction(
            ('name',), _no_such('joint', joint.name, _moving(description), description)
        )
        return
    yield from _unit(('unit',), joint.unit, found, description)
    if joint.position is not None:
        low, high = joint.position
        if low < found.lower - ROUNDING or high > found.upper + ROUNDING:
            yield Contradiction(
                ('position',),
                f'{low:g} to {high:g} {joint.unit} is wider than {found.lower:g} to '
                f'{found.upper:g} in {description.path}; this file can only tighten',
            )
    if joint.velocity > found.velocity + ROUNDING:
        yield Contradiction(
            ('velocity',),
            f'{joint.velocity:g} {joint.unit}/s is above {found.velocity:g} in '
            f'{description.path}; this file can only tighten',
        )


def _home(robot: Robot, description: Description) -> Iterator[Contradiction]:
    margin = robot.margins.position
    for index, (value, joint) in enumerate(zip(robot.home, robot.joints, strict=False)):
        found = description.joints.get(joint.name)
        if found and not found.lower + margin <= value <= found.upper - margin:
            yield Contradiction(
                ('home', index),
                f'{value:g} {joint.unit} for {joint.name} is outside {found.lower:g} to '
                f'{found.upper:g} in {description.path}, less margins.position {margin:g}',
            )


def _links(robot: Robot, description: Description) -> Iterator[Contradiction]:
    """Links that the file speaks of beside the frames."""
    named: list[tuple[Key, str]] = [
        (('workspace', 'link_speeds', index, 'link'), item.link)
        for index, item in enumerate(robot.workspace.link_speeds)
    ]
    named += [
        (('scene', 'objects', index, 'touch_links', at), link)
        for index, item in enumerate(robot.scene.objects)
        for at, link in enumerate(item.touch_links)
    ]
    for key, link in named:
        if link not in description.links:
            text = _no_such('link', link, sorted(description.links), description)
            yield Contradiction(key, text)


def _gripper(gripper: Gripper, description: Description) -> Iterator[Contradiction]:
    model = gripper.model
    at = () if model is None else ('model',)
    name = gripper.joint if model is None else model.joint
    found = description.joints.get(name)
    if found is None:
        text = _no_such('joint', name, _moving(description), description)
        hint = '; where the URDF models another gripper, say which of its joints under model'
        yield Contradiction((*at, 'joint'), text + (hint if model is None else ''))
        return
    if model is None:
        yield from _unit(('unit',), gripper.unit, found, description)
    ends = gripper if model is None else model
    for key, value in (('open', ends.open), ('closed', ends.closed)):
        if not found.lower - ROUNDING <= value <= found.upper + ROUNDING:
            yield Contradiction(
                (*at, key),
                f'{value:g} for {name} is outside {found.lower:g} to {found.upper:g} '
                f'in {description.path}',
            )


def _unit(
    key: tuple[str], unit: JointUnit, found: UrdfJoint, description: Description
) -> Iterator[Contradiction]:
    real = _UNITS.get(found.kind)
    if real is None:
        yield Contradiction(
            ('name',), f'{found.name} is {found.kind} in {description.path}, so nothing drives it'
        )
    elif real is not unit:
        yield Contradiction(
            key,
            f'{unit} for {found.name}, which is {found.kind} in {description.path}; '
            f'its unit is {real}',
        )


def _moving(description: Description) -> list[str]:
    return [joint.name for joint in description.joints.values() if joint.kind in _UNITS]


def _no_such(what: str, name: str, known: list[str], description: Description) -> str:
    near = did_you_mean(name, known) or f'; it has {", ".join(known)}'
    return f'{description.path} has no {what} {name}{near}'
