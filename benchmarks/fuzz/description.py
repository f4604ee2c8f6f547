# SPDX-License-Identifier: Apache-2.0
"""What the oracle reads of a URDF and an SRDF, by itself."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from benchmarks.fuzz.record import Array
from vla_contract.robot import Robot

LinkPair = frozenset[str]


@dataclass(frozen=True)
class Description:
    """A robot's files.

    Attributes:
        urdf: The file.
        mimics: Joint → the joint that it follows, factor, offset.
        limits: Joint → lower, upper, velocity; infinite where not given.
        allowed: Pairs of links that may touch: the SRDF's, and neighbours.
        base: Pose of the base frame in the world, which is the top link: position, w x y z.
    """

    urdf: Path
    mimics: dict[str, tuple[str, float, float]]
    limits: dict[str, tuple[float, float, float]]
    allowed: frozenset[LinkPair]
    base: tuple[Array, Array]


def read(robot: Robot, path: Path) -> Description:
    """Read the files that a robot file names."""
    urdf = (path.parent / robot.urdf).resolve()
    tree = ET.parse(urdf).getroot()  # noqa: S314 (our own file)
    allowed = {frozenset((_end(j, 'parent'), _end(j, 'child'))) for j in tree.findall('joint')}
    if robot.srdf:
        srdf = ET.parse((path.parent / robot.srdf).resolve()).getroot()  # noqa: S314 (the same)
        pairs = srdf.iter('disable_collisions')
        allowed |= {frozenset((pair.attrib['link1'], pair.attrib['link2'])) for pair in pairs}
    return Description(
        urdf, _mimics(tree), _limits(tree), frozenset(allowed), _place_of(tree, robot.base_frame)
    )


def _mimics(tree: ET.Element) -> dict[str, tuple[str, float, float]]:
    found = {}
    for joint in tree.findall('joint'):
        mimic = joint.find('mimic')
        if mimic is not None:
            factor, shift = float(mimic.get('multiplier', 1)), float(mimic.get('offset', 0))
            found[joint.get('name', '')] = (mimic.get('joint', ''), factor, shift)
    return found


def _limits(tree: ET.Element) -> dict[str, tuple[float, float, float]]:
    found = {}
    for joint in tree.findall('joint'):
        limit = joint.find('limit')
        if limit is not None:
            lower, upper = float(limit.get('lower', '-inf')), float(limit.get('upper', 'inf'))
            found[joint.get('name', '')] = (lower, upper, float(limit.get('velocity', 'inf')))
    return found


def _place_of(tree: ET.Element, frame: str) -> tuple[Array, Array]:
    above = {_end(joint, 'child'): joint for joint in tree.findall('joint')}
    position, rotation = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    while frame in above:
        joint = above[frame]
        if joint.get('type') != 'fixed':
            raise ValueError(f'{frame} moves')
        turn, moved, before = np.zeros(4), np.zeros(3), rotation.copy()
        mujoco.mju_euler2Quat(turn, _origin(joint, 'rpy'), 'XYZ')
        mujoco.mju_rotVecQuat(moved, position, turn)
        mujoco.mju_mulQuat(rotation, turn, before)
        position, frame = _origin(joint, 'xyz') + moved, _end(joint, 'parent')
    return position, rotation


def _origin(joint: ET.Element, key: str) -> Array:
    origin = joint.find('origin')
    text = '0 0 0' if origin is None else origin.get(key, '0 0 0')
    return np.array([float(value) for value in text.split()])


def _end(joint: ET.Element, key: str) -> str:
    element = joint.find(key)
    return '' if element is None else element.get('link', '')
