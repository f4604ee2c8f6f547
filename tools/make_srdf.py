# SPDX-License-Identifier: Apache-2.0
"""Write urdf/ur5e.srdf: groups, home posture, and pairs of links that need no collision check.

A pair needs none if the links are neighbours, if they touch in nearly every posture, or if they
come near each other in none of many random ones. Run it again when the URDF's shapes change:

    python -m tools.make_srdf
"""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pinocchio

from vla_contract.deployment import load_robot

ROOT = Path(__file__).parent.parent
URDF = ROOT / 'urdf' / 'ur5e.urdf'
SRDF = ROOT / 'urdf' / 'ur5e.srdf'
ROBOT = ROOT / 'config' / 'robots' / 'sim_ur5e.yaml'
SAMPLES = 50_000
ALWAYS = 0.95
"""Share of postures in which a pair touches that is built that way."""
NEAR_M = 0.005
"""A pair that never comes this near never touches."""

Pair = tuple[str, str]


def main() -> None:
    """Sample, decide, write."""
    model = pinocchio.buildModelFromUrdf(str(URDF))
    geometry = pinocchio.buildGeomFromUrdf(model, str(URDF), pinocchio.GeometryType.COLLISION)
    links = _links(model, geometry)
    touches = _count(model, geometry, 0.0)
    near = _count(model, geometry, NEAR_M)
    reasons = {
        pair: reason
        for pair in combinations(sorted(links), 2)
        if (reason := _reason(model, links, pair, touches[pair], near[pair]))
    }
    SRDF.write_text(_document(reasons), encoding='utf-8')
    total = len(links) * (len(links) - 1) // 2
    print(f'{SRDF.name}: {len(reasons)} of {total} pairs disabled')


def _reason(
    model: pinocchio.Model, links: Mapping[str, int], pair: Pair, touches: int, near: int
) -> str:
    """Why a pair needs no check, empty if it does."""
    a, b = (links[name] for name in pair)
    if a == b or b in (model.parents[a], a) or a == model.parents[b]:
        return 'Adjacent'
    if model.parents[a] == model.parents[b]:
        return 'Fingers'
    if touches >= ALWAYS * SAMPLES:
        return 'Default'
    return '' if near else 'Never'


def _links(model: pinocchio.Model, geometry: pinocchio.GeometryModel) -> dict[str, int]:
    """The joint that moves each link with a shape."""
    return {
        model.frames[shape.parentFrame].name: shape.parentJoint
        for shape in geometry.geometryObjects
    }


def _count(
    model: pinocchio.Model, geometry: pinocchio.GeometryModel, margin_m: float
) -> Counter[Pair]:
    """In how many random postures each pair of links comes as near as a margin."""
    checked = geometry.copy()
    checked.addAllCollisionPairs()
    data, scratch = model.createData(), checked.createData()
    for request in scratch.collisionRequests:
        request.security_margin = margin_m
    shapes = checked.geometryObjects
    pairs = [
        tuple(sorted(model.frames[shapes[i].parentFrame].name for i in (pair.first, pair.second)))
        for pair in checked.collisionPairs
    ]
    rng = np.random.default_rng(0)
    low = np.maximum(model.lowerPositionLimit, -np.pi)
    high = np.minimum(model.upperPositionLimit, np.pi)
    found: Counter[Pair] = Counter()
    for _ in range(SAMPLES):
        pinocchio.computeCollisions(model, data, checked, scratch, rng.uniform(low, high), False)
        results = scratch.collisionResults
        found.update({pairs[i] for i in range(len(pairs)) if results[i].isCollision()})
    return found


def _document(reasons: Mapping[Pair, str]) -> str:
    """The SRDF's text."""
    robot = load_robot(ROBOT)
    home = '\n'.join(
        f'    <joint name="{name}" value="{value:g}"/>'
        for name, value in zip(robot.joint_names, robot.home, strict=True)
    )
    disabled = '\n'.join(
        f'  <disable_collisions link1="{a}" link2="{b}" reason="{reason}"/>'
        for (a, b), reason in sorted(reasons.items())
    )
    return _TEMPLATE.format(home=home, disabled=disabled)


_TEMPLATE = """<?xml version="1.0" encoding="utf-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tools/make_srdf.py from ur5e.urdf and sim_ur5e.yaml: change those, then run it. -->
<robot name="ur5e">
  <group name="arm">
    <chain base_link="base_link" tip_link="tool0"/>
  </group>
  <group name="gripper">
    <link name="gripper_base_link"/>
    <link name="gripper_left_finger_link"/>
    <link name="gripper_right_finger_link"/>
    <joint name="gripper_finger_joint"/>
    <joint name="gripper_right_finger_joint"/>
  </group>
  <end_effector name="gripper" parent_link="tool0" group="gripper" parent_group="arm"/>
  <group_state name="home" group="arm">
{home}
  </group_state>
  <group_state name="open" group="gripper">
    <joint name="gripper_finger_joint" value="0.04"/>
  </group_state>
  <group_state name="closed" group="gripper">
    <joint name="gripper_finger_joint" value="0"/>
  </group_state>
  <passive_joint name="gripper_right_finger_joint"/>
{disabled}
</robot>
"""


if __name__ == '__main__':
    main()
