# SPDX-License-Identifier: Apache-2.0
"""The pairs of links that an SRDF takes out of collision checking, and why. Reads nothing else."""

import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping
from pathlib import Path

from vla_contract.errors import VlaError

LinkPair = frozenset[str]


def read_allowed(path: Path, links: Collection[str]) -> Mapping[LinkPair, str]:
    """Pairs of links that may touch, with the reason the file gives.

    Args:
        path: The SRDF.
        links: All links of the URDF; a pair that names another is an error, since what it was
            meant to allow, or to leave checked, is not known.
    """
    allowed: dict[LinkPair, str] = {}
    for element in _root(path).iter('disable_collisions'):
        names = [element.get(key, '') for key in ('link1', 'link2')]
        for key, name in zip(('link1', 'link2'), names, strict=True):
            if name not in links:
                raise VlaError(
                    f'{path}: disable_collisions names {key} {name!r}, which the URDF lacks; '
                    'make the SRDF anew from it'
                )
        if names[0] == names[1]:
            raise VlaError(f'{path}: disable_collisions names {names[0]} twice; name two links')
        allowed[frozenset(names)] = element.get('reason', '')
    return allowed


def _root(path: Path) -> ET.Element:
    try:
        root = ET.parse(path).getroot()  # noqa: S314  (a file of the user's own)
    except OSError as error:
        raise VlaError(f'{path}: the SRDF cannot be read: {error}') from error
    except ET.ParseError as error:
        raise VlaError(f'{path}: the SRDF is not XML: {error}') from error
    if root.tag != 'robot':
        raise VlaError(f'{path}: holds <{root.tag}>, where an SRDF has <robot>')
    return root
