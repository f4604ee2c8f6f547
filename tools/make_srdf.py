# SPDX-License-Identifier: Apache-2.0
"""Write urdf/*.srdf: groups, home posture, and pairs of links that need no collision check.

A pair needs none if the links are neighbours, if they touch in nearly every posture, or if they
come near each other in none of many random ones, whatever the gripper's opening; nor if only
the gripper moves one against the other. Run it again when a URDF's shapes change:

    python -m tools.make_srdf
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pinocchio

from vla_contract.deployment import load_robot
from vla_contract.robot import Robot
from vla_safety.collision.arms import Arm
from vla_safety.collision.assembly import Assembly, assemble
from vla_safety.collision.permissive import ALWAYS, moved_alike, neighbours, random_postures

ROOT = Path(__file__).parent.parent
SAMPLES = 50_000
NEAR_M = 0.005
"""A pair that never comes this near never touches."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """What an SRDF is made from.

    Attributes:
        robot: Robot file, by its name.
        tip: Link that the gripper hangs on.
    """

    robot: str
    tip: str


SOURCES = (
    Source('sim_ur5e', 'tool0'),
    Source('franka', 'fr3_link8'),
    Source('so101', 'gripper_link'),
    Source('xarm6', 'link_eef'),
)


def main() -> None:
    """Sample, decide, write, for each arm."""
    for source in SOURCES:
        path = ROOT / 'config' / 'robots' / f'{source.robot}.yaml'
        robot = load_robot(path)
        urdf = (path.parent / robot.urdf).resolve()
        assembly = assemble((Arm(robot, urdf),))
        reasons = reasons_of(assembly)
        srdf = urdf.with_suffix('.srdf')
        srdf.write_text(_document(source, urdf, robot, assembly, reasons), encoding='utf-8')
        count = len(set(assembly.links))
        print(f'{srdf.name}: {len(reasons)} of {count * (count - 1) // 2} pairs disabled')


def reasons_of(assembly: Assembly, samples: int = SAMPLES) -> dict[Pair, str]:
    """Why a pair needs no check, of every pair that needs none."""
    links = {
        link: int(shape.parentJoint)
        for link, shape in zip(assembly.links, assembly.geometry.geometryObjects, strict=True)
    }
    touches, near = _count(assembly, 0.0, samples), _count(assembly, NEAR_M, samples)
    return {
        pair: reason
        for pair in combinations(sorted(links), 2)
        if (reason := _reason(assembly, links, pair, touches[pair] / samples, near[pair]))
    }


def _reason(
    assembly: Assembly, links: Mapping[str, int], pair: Pair, touches: float, near: int
) -> str:
    """Why a pair needs no check, empty if it does."""
    a, b = (links[name] for name in pair)
    if neighbours(assembly, a, b):
        return 'Adjacent'
    if moved_alike(assembly, a, b):
        return 'Gripper'
    if touches >= ALWAYS:
        return 'Default'
    return '' if near else 'Never'


def _count(assembly: Assembly, margin_m: float, samples: int) -> Counter[Pair]:
    """In how many random postures each pair of links comes as near as a margin."""
    model, checked = assembly.model, assembly.geometry.copy()
    checked.addAllCollisionPairs()
    data, scratch = model.createData(), checked.createData()
    for request in scratch.collisionRequests:
        request.security_margin = margin_m
    pairs = [
        tuple(sorted(assembly.links[i] for i in (pair.first, pair.second)))
        for pair in checked.collisionPairs
    ]
    found: Counter[Pair] = Counter()
    for posture in random_postures(assembly, samples):
        q = assembly.matrix @ posture + assembly.offset
        pinocchio.computeCollisions(model, data, checked, scratch, q, False)
        results = scratch.collisionResults
        found.update({pairs[i] for i in range(len(pairs)) if results[i].isCollision()})
    return found


def _document(
    source: Source, urdf: Path, robot: Robot, assembly: Assembly, reasons: Mapping[Pair, str]
) -> str:
    """The SRDF's text."""
    moving = [name for name in list(assembly.model.names)[1:] if name not in robot.joint_names]
    fingers = [f'    <link name="{link}"/>' for link in _fingers(assembly, moving, source.tip)]
    gripper = robot.gripper
    ends = gripper.model or gripper if gripper else None
    return _TEMPLATE.format(
        urdf=urdf.name,
        robot=f'{source.robot}.yaml',
        name=urdf.stem,
        base=robot.base_frame,
        tip=source.tip,
        fingers='\n'.join([*fingers, *(f'    <joint name="{name}"/>' for name in moving)]),
        home='\n'.join(
            f'    <joint name="{name}" value="{value:g}"/>'
            for name, value in zip(robot.joint_names, robot.home, strict=True)
        ),
        lead=ends.joint if ends else '',
        open=ends.open if ends else 0,
        closed=ends.closed if ends else 0,
        passive='\n'.join(
            f'  <passive_joint name="{name}"/>' for name in moving if ends and name != ends.joint
        ),
        disabled='\n'.join(
            f'  <disable_collisions link1="{a}" link2="{b}" reason="{reason}"/>'
            for (a, b), reason in sorted(reasons.items())
        ),
    ).replace('\n\n', '\n')


def _fingers(assembly: Assembly, moving: Sequence[str], tip: str) -> list[str]:
    """The link that the gripper's joints hang on, unless the arm ends in it, and what they move."""
    model = assembly.model
    carriers = [
        model.frames[model.frames[model.getFrameId(name)].parentFrame].name for name in moving
    ]
    shapes = zip(assembly.links, assembly.geometry.geometryObjects, strict=True)
    moved = [link for link, shape in shapes if model.names[shape.parentJoint] in moving]
    return [link for link in dict.fromkeys([carriers[0], *moved]) if link != tip]


_TEMPLATE = """<?xml version="1.0" encoding="utf-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tools/make_srdf.py from {urdf} and {robot}: change those, then run it. -->
<robot name="{name}">
  <group name="arm">
    <chain base_link="{base}" tip_link="{tip}"/>
  </group>
  <group name="gripper">
{fingers}
  </group>
  <end_effector name="gripper" parent_link="{tip}" group="gripper" parent_group="arm"/>
  <group_state name="home" group="arm">
{home}
  </group_state>
  <group_state name="open" group="gripper">
    <joint name="{lead}" value="{open:g}"/>
  </group_state>
  <group_state name="closed" group="gripper">
    <joint name="{lead}" value="{closed:g}"/>
  </group_state>
{passive}
{disabled}
</robot>
"""


if __name__ == '__main__':
    main()
