# SPDX-License-Identifier: Apache-2.0
"""The arms of a scene as one Pinocchio model, and what a posture's numbers do in it.

Joints outside the robot file must follow the gripper's opening. One that follows nothing would be
somewhere unknown, so a URDF that has one is refused.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_contract.errors import VlaError
from vla_safety.collision.arms import Arm, ArmText, join_arms, read_arm
from vla_safety.collision.bounds import travel_m
from vla_safety.collision.checker import ArmSlots, Layout
from vla_safety.collision.objects import Pose
from vla_safety.collision.shapes import hull, placement
from vla_safety.collision.srdf import LinkPair
from vla_safety.motion import Array

GREATEST_TURN = 100.0
"""A joint turned further than this is not believed [rad]."""


@dataclass(frozen=True)
class Assembly:
    """One model of all arms.

    Attributes:
        model: All joints of all arms.
        geometry: Their shapes, meshes as convex hulls; no pairs.
        layout: What a posture is made of.
        matrix: From a posture to the model's configuration, with ``offset``.
        offset: Configuration of a posture of zeros.
        greatest: Greatest magnitude of each joint that is believed [joint unit].
        links: Link of each shape.
        arm_of: Index of the arm of each shape.
        allowed: Pairs of links that may touch.
        base: Base frame of the arm that is checked, in the model's world.
    """

    model: pin.Model
    geometry: pin.GeometryModel
    layout: Layout
    matrix: Array
    offset: Array
    greatest: Array
    links: tuple[str, ...]
    arm_of: tuple[int, ...]
    allowed: frozenset[LinkPair]
    base: pin.SE3


def assemble(arms: Sequence[Arm]) -> Assembly:
    """Put arms together, the one that is checked first; raise what is wrong with any file."""
    names = [arm.name for arm in arms]
    if names[0] or not all(names[1:]) or len(set(names)) < len(names):
        raise VlaError(f'arms are called {names}; the first has no name, each other one of its own')
    texts = [read_arm(arm) for arm in arms]
    urdf = join_arms(texts, _stands(texts))
    model = pin.buildModelFromXML(urdf)
    try:
        geometry = pin.buildGeomFromUrdfString(model, urdf, pin.GeometryType.COLLISION)
    except ValueError as error:
        raise VlaError(f'{arms[0].urdf}: a collision shape cannot be loaded: {error}') from error
    for shape in geometry.geometryObjects:
        shape.geometry = hull(shape.geometry, f'a shape of {shape.name}')
    links = tuple(model.frames[shape.parentFrame].name for shape in geometry.geometryObjects)
    owner = {link: index for index, text in enumerate(texts) for link in text.links}
    if not links:
        raise VlaError(f'{arms[0].urdf}: no link has <collision>; nothing could be checked')
    layout = _layout(arms)
    matrix, offset = _coordinates(model, texts, layout)
    return Assembly(
        model=model,
        geometry=geometry,
        layout=layout,
        matrix=matrix,
        offset=offset,
        greatest=np.array([_greatest(model, joint) for joint in range(1, model.njoints)]),
        links=links,
        arm_of=tuple(owner[link] for link in links),
        allowed=frozenset().union(*(text.allowed for text in texts)),
        base=_base(model, arms[0]),
    )


def _layout(arms: Sequence[Arm]) -> Layout:
    names: list[str] = []
    slots: list[ArmSlots] = []
    for arm in arms:
        start = len(names)
        names.extend(arm.prefix + joint for joint in arm.robot.joint_names)
        joints = slice(start, len(names))
        if arm.robot.gripper is not None:
            names.append(f'{arm.prefix}opening')
        slots.append(ArmSlots(arm.name, joints, joints.stop if arm.robot.gripper else None))
    return Layout(tuple(names), tuple(slots))


def _coordinates(model: pin.Model, texts: Sequence[ArmText], layout: Layout) -> tuple[Array, Array]:
    """Every joint as a row over the posture, and an offset."""
    rows: dict[str, tuple[Array, float]] = {}
    for text, slots in zip(texts, layout.arms, strict=True):
        identity = np.eye(len(layout.names))
        names = [text.arm.prefix + name for name in text.arm.robot.joint_names]
        rows.update({n: (identity[slots.joints.start + i], 0.0) for i, n in enumerate(names)})
        gripper = text.arm.robot.gripper
        if gripper is not None and slots.opening is not None:
            ends = gripper.model or gripper
            joint = text.arm.prefix + ends.joint
            rows[joint] = (identity[slots.opening] * (ends.open - ends.closed), ends.closed)
        for name in _moving(text.root):
            rows[name] = _row(name, text, rows)
    matrix, offset = np.zeros((model.nq, len(layout.names))), np.zeros(model.nq)
    for name, (row, start) in rows.items():
        joint = model.joints[model.getJointId(name)]
        if not model.existJointName(name) or joint.nq != 1 or joint.nv != 1:
            raise VlaError(
                f'joint {name} has no single coordinate; give it type revolute with limits, or '
                'prismatic'
            )
        matrix[joint.idx_q], offset[joint.idx_q] = row, start
    return matrix, offset


def _row(
    name: str, text: ArmText, rows: dict[str, tuple[Array, float]], depth: int = 0
) -> tuple[Array, float]:
    """What a joint does, followed through those it mimics."""
    if name in rows:
        return rows[name]
    mimic = text.root.find(f"joint[@name='{name}']/mimic")
    if mimic is None or depth > len(text.root):
        raise VlaError(
            f'{text.arm.urdf}: joint {name} moves, and is neither in {text.arm.robot.name} nor '
            'does it mimic the gripper: where it is cannot be known; make it fixed, or give it '
            '<mimic>'
        )
    row, offset = _row(mimic.get('joint', ''), text, rows, depth + 1)
    factor, shift = float(mimic.get('multiplier', 1)), float(mimic.get('offset', 0))
    return row * factor, offset * factor + shift


def _moving(root: ET.Element) -> list[str]:
    return [j.get('name', '') for j in root.findall('joint') if j.get('type') != 'fixed']


def _greatest(model: pin.Model, joint: int) -> float:
    prismatic = model.joints[joint].shortname().startswith('JointModelP')
    return travel_m(model, joint) if prismatic else GREATEST_TURN


def _stands(texts: Sequence[ArmText]) -> list[tuple[str, str]]:
    """Where each arm's top link is in the world, which is the first arm's top link."""
    bases = [_base(_alone(text), text.arm) for text in texts]
    stands = []
    for text, base in zip(texts, bases, strict=True):
        pose = bases[0] * placement(text.arm.pose) * base.inverse()
        if not text.arm.name:
            if text.arm.pose != Pose():
                raise VlaError('the arm that is checked is at its own base frame; give no pose')
            pose = pin.SE3.Identity()
        xyz, rpy = pose.translation, pin.rpy.matrixToRpy(pose.rotation)
        stands.append((' '.join(f'{v:.17g}' for v in xyz), ' '.join(f'{v:.17g}' for v in rpy)))
    return stands


def _alone(text: ArmText) -> pin.Model:
    try:
        return pin.buildModelFromXML(ET.tostring(text.root, encoding='unicode'))
    except ValueError as error:
        raise VlaError(f'{text.arm.urdf}: Pinocchio cannot load it: {error}') from error


def _base(model: pin.Model, arm: Arm) -> pin.SE3:
    name = arm.prefix + arm.robot.base_frame
    if not model.existFrame(name):
        raise VlaError(f'{arm.robot.name}: base_frame {name} is not in {arm.urdf}')
    frame = model.frames[model.getFrameId(name)]
    if frame.parentJoint != 0:
        raise VlaError(f'{arm.robot.name}: base_frame {name} moves; name a link that stands')
    return frame.placement
