# SPDX-License-Identifier: Apache-2.0
"""The arms of a scene as the two files that MoveIt's robot model is read from.

MoveIt reads files only, skips a mesh that it cannot find without a word, and crashes on a file that
is not there. So both are written here, from what the embedded checker has read and refused.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pinocchio as pin

from vla_safety.collision.arms import Arm, join_arms, read_arm
from vla_safety.collision.assembly import Assembly


@dataclass(frozen=True)
class Description:
    """What a robot model is read from.

    Attributes:
        urdf: All arms, standing on one link.
        srdf: Says nothing: what may touch is told later, as it changes with the scene.
        driven: Joints that move by themselves; MoveIt moves those that mimic them.
    """

    urdf: Path
    srdf: Path
    driven: tuple[str, ...]


def write_description(arms: Sequence[Arm], assembly: Assembly, folder: Path) -> Description:
    """Write both files.

    Args:
        arms: The one that is checked first.
        assembly: Of the same arms.
        folder: Where to.
    """
    texts = [read_arm(arm) for arm in arms]
    urdf = ET.fromstring(join_arms(texts, [_stand(assembly.model, text.top) for text in texts]))  # noqa: S314
    for mesh in urdf.iter('mesh'):
        mesh.set('filename', Path(mesh.get('filename', '')).as_uri())
    srdf = ET.Element('robot', name=urdf.get('name', ''))
    paths = (folder / 'scene.urdf', folder / 'scene.srdf')
    for path, root in zip(paths, (urdf, srdf), strict=True):
        path.write_text(ET.tostring(root, encoding='unicode'))
    driven = (
        joint.get('name', '')
        for joint in urdf.findall('joint')
        if joint.get('type') != 'fixed' and joint.find('mimic') is None
    )
    return Description(*paths, tuple(driven))


def _stand(model: pin.Model, link: str) -> tuple[str, str]:
    """Where a link that stands is in the world, as URDF has it."""
    pose = model.frames[model.getFrameId(link)].placement
    values = (pose.translation, pin.rpy.matrixToRpy(pose.rotation))
    xyz, rpy = (' '.join(f'{value:.17g}' for value in vector) for vector in values)
    return xyz, rpy
