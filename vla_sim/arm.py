# SPDX-License-Identifier: Apache-2.0
"""The arm of a URDF as a MuJoCo specification with servos. Knows nothing of the scene around it."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import mujoco

from vla_contract.errors import VlaError
from vla_contract.robot import Robot

PHYSICS_STEP_S = 0.002
"""Servos and contacts are tuned for this step."""
COLLISION_GROUP = 3
"""Geometry that touches and is not drawn."""
VISUAL_GROUP = 2
"""Geometry that is drawn and does not touch."""
GRIPPER_ACTUATOR = 'gripper_servo'


@dataclass(frozen=True)
class Servo:
    """A position servo with velocity feed-forward.

    Attributes:
        stiffness: Torque by position error [Nm/rad].
        damping: Torque by velocity error [Nm s/rad].
        armature: Inertia of the motor, seen through its gear [kg m²].
    """

    stiffness: float
    damping: float
    armature: float


BIG_SERVO = Servo(stiffness=30000.0, damping=600.0, armature=0.5)
"""Shoulder and elbow."""
SMALL_SERVO = Servo(stiffness=6000.0, damping=90.0, armature=0.15)
"""Wrist."""
STRONG_JOINT_NM = 100.0
"""Joints at least this strong get the big servo."""

FINGER_STIFFNESS = 3000.0
FINGER_DAMPING = 120.0
FINGER_FORCE = 60.0
FINGER_ARMATURE = 0.2
GRIP_FRICTION = (1.0, 0.005, 0.002)
"""Sliding; spinning [m]; rolling [m], so that a cylinder on its side comes to rest."""


def description_path(robot: Robot, robot_path: Path) -> Path:
    """The URDF named by a robot file."""
    return _beside(robot.urdf, 'urdf', robot_path)


def load_arm(robot: Robot, robot_path: Path) -> mujoco.MjSpec:
    """Read the robot's URDF and give every joint of the robot file a servo."""
    path = description_path(robot, robot_path)
    try:
        spec = mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise VlaError(f'{path}: MuJoCo cannot load this URDF: {error}') from error
    for body in spec.bodies:
        body.gravcomp = 1.0
    for geom in spec.geoms:
        geom.group = COLLISION_GROUP if geom.contype else VISUAL_GROUP
    if robot.srdf:
        _exclude_disabled_pairs(spec, _beside(robot.srdf, 'srdf', robot_path))
    for name in robot.joint_names:
        _add_arm_servo(spec, name, path)
    if robot.gripper is not None:
        _add_finger_servo(spec, robot.gripper.joint, path)
    return spec


def servo_of(effort: float) -> Servo:
    """The servo of a joint with this greatest torque [Nm]."""
    return BIG_SERVO if effort >= STRONG_JOINT_NM else SMALL_SERVO


def make_grippy(geom: mujoco.MjsGeom) -> None:
    """Give a shape the hard, sticky contact with which things stay where they are held.

    MuJoCo's friction undoes sliding at the rate of the contact's damping, and what is held on a
    curve slides outwards until then. So the contact is as stiff as the time step allows.
    """
    geom.solref = (2.0 * PHYSICS_STEP_S, 1.0)
    geom.solimp = (0.95, 0.99, 0.001, 0.5, 2.0)
    geom.friction = GRIP_FRICTION
    geom.condim = 6


def _beside(name: str, key: str, robot_path: Path) -> Path:
    """Resolve a file named in the robot file, relative to it."""
    found = (robot_path.parent / name).resolve()
    if not found.is_file():
        raise VlaError(
            f'{robot_path}: {key}: {name} is not a file beside it; the simulator needs one'
        )
    return found


def _exclude_disabled_pairs(spec: mujoco.MjSpec, path: Path) -> None:
    """Let the pairs that the SRDF disables pass through each other."""
    root = ET.parse(path).getroot()  # noqa: S314 (the user's own robot)
    for pair in root.iter('disable_collisions'):
        spec.add_exclude(bodyname1=pair.attrib['link1'], bodyname2=pair.attrib['link2'])


def _add_arm_servo(spec: mujoco.MjSpec, name: str, path: Path) -> None:
    """Add a position servo to an arm joint."""
    joint = _joint(spec, name, path)
    servo = servo_of(float(joint.actfrcrange[1]))
    joint.armature = servo.armature
    actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.set_to_position(kp=servo.stiffness, kv=servo.damping)


def _add_finger_servo(spec: mujoco.MjSpec, name: str, path: Path) -> None:
    """Add a servo that pulls the finger and the fingers that mimic it alike."""
    joint = _joint(spec, name, path)
    mimics = [pair.name1 for pair in spec.equalities if pair.name2 == name]
    mimics += [pair.name2 for pair in spec.equalities if pair.name1 == name]
    fingers = [joint, *(_joint(spec, mimic, path) for mimic in mimics)]
    tendon = spec.add_tendon(name=GRIPPER_ACTUATOR)
    for finger in fingers:
        finger.armature = FINGER_ARMATURE
        for pad in finger.parent.geoms:
            make_grippy(pad)
        tendon.wrap_joint(finger.name, 1.0 / len(fingers))
    actuator = spec.add_actuator(
        name=GRIPPER_ACTUATOR, target=GRIPPER_ACTUATOR, trntype=mujoco.mjtTrn.mjTRN_TENDON
    )
    actuator.set_to_position(kp=FINGER_STIFFNESS, kv=FINGER_DAMPING)
    actuator.forcelimited = True
    actuator.forcerange = (-FINGER_FORCE, FINGER_FORCE)


def _joint(spec: mujoco.MjSpec, name: str, path: Path) -> mujoco.MjsJoint:
    joint = spec.joint(name)
    if joint is None:
        known = ', '.join(each.name for each in spec.joints)
        raise VlaError(f'{path}: has no joint {name}, which the robot file names; it has {known}')
    return joint
