# SPDX-License-Identifier: Apache-2.0
"""The robot file: joints, limits, controllers, gripper, cameras, workspace, timing."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vla_contract.camera import Camera, Encoding
from vla_contract.document import Contradiction, Document
from vla_contract.fields import Name, OptionalTopic, Positive, Topic
from vla_contract.gripper import Gripper, GripperKind, GripperModel
from vla_contract.joint import Joint, JointUnit
from vla_contract.other_arm import OtherArm
from vla_contract.scene import Collision, CollisionBackend, Scene
from vla_contract.separation import Separation

__all__ = [
    'ArmController',
    'ArmControllerKind',
    'Box',
    'Camera',
    'Encoding',
    'Gripper',
    'GripperKind',
    'GripperModel',
    'Joint',
    'JointUnit',
    'LinkSpeed',
    'Margins',
    'OtherArm',
    'Robot',
    'Timing',
    'Workspace',
]

Vector3 = tuple[float, float, float]


def _repeats(what: str, key: str, names: Sequence[str]) -> Iterator[Contradiction]:
    for index, name in enumerate(names):
        first = names.index(name)
        if first < index:
            yield Contradiction((what, index, key), f'{name} is also {what}.{first}.{key}')


class ArmControllerKind(StrEnum):
    """How the arm takes motion."""

    JOINT_TRAJECTORY = 'joint_trajectory'
    FOLLOW_JOINT_TRAJECTORY = 'follow_joint_trajectory'
    FORWARD_POSITION = 'forward_position'
    FORWARD_VELOCITY = 'forward_velocity'
    SERVO_TWIST = 'servo_twist'
    CARTESIAN_POSE = 'cartesian_pose'

    @property
    def is_action(self) -> bool:
        """It takes goals of an action, not messages of a topic."""
        return self is ArmControllerKind.FOLLOW_JOINT_TRAJECTORY


class ArmController(Document):
    """The controller that moves the arm.

    Attributes:
        kind: What it understands.
        topic: Where it listens, relative to the robot's namespace, for example
            ``…/joint_trajectory`` or ``…/commands``; for an action its name.
        state_topic: Its JointTrajectoryControllerState, where it publishes one.
        rate_hz: Rate of streamed setpoints, or the greatest of trajectory replacements.
    """

    kind: ArmControllerKind
    topic: Topic
    state_topic: OptionalTopic = ''
    rate_hz: Positive = 50.0


class Box(Document):
    """An axis-aligned box in the robot's base frame.

    Attributes:
        name: For people.
        min: Least x, y and z [m].
        max: Greatest x, y and z [m].
    """

    name: Name
    min: Vector3
    max: Vector3

    def contradictions(self) -> Iterator[Contradiction]:
        """It has a volume."""
        for index, (low, high) in enumerate(zip(self.min, self.max, strict=True)):
            if low >= high:
                axis = 'xyz'[index]
                text = f'{axis} {high:g} of box {self.name} is not above its min {axis} {low:g}'
                yield Contradiction(('max', index), text)


class LinkSpeed(Document):
    """A link that must be slower than the tool may be.

    Attributes:
        link: As in the URDF.
        speed: Greatest speed of its origin [m/s].
    """

    link: Name
    speed: Positive


class Workspace(Document):
    """Where the arm may and may not be.

    Attributes:
        boxes: The tool stays inside at least one of them.
        keep_outs: The tool stays outside all of them; every part of the arm does where collisions
            are checked.
        tool_speed: Greatest speed of the tool and of every joint [m/s].
        link_speeds: Links that must be slower.
    """

    boxes: Annotated[tuple[Box, ...], Field(min_length=1)]
    keep_outs: tuple[Box, ...] = ()
    tool_speed: Positive
    link_speeds: tuple[LinkSpeed, ...] = ()


class Timing(Document):
    """Ages and delays beyond which data no longer counts [s].

    Attributes:
        joint_state_max_age_s: Joint states older than this stop the motion.
        image_max_age_s: Images older than this make no observation.
        max_skew_s: Greatest time between the parts of one observation.
        observation_max_age_s: Chunks computed from older images are refused.
        heartbeat_timeout_s: Silence of the policy after which the arm brakes.
        lead_s: Time from decision to the first new setpoint: latency of topic and controller.
        commit_s: Motion handed to the controller beyond the lead, before the braking tail.
        history_s: Motion repeated before now in each message, so that replacing it makes no step.
        step_min_s: Least time between rows of a chunk.
        step_max_s: Greatest time between rows of a chunk.
        horizon_max_s: Greatest length of a chunk.
    """

    joint_state_max_age_s: Positive = 0.1
    image_max_age_s: Positive = 0.3
    max_skew_s: Positive = 0.1
    observation_max_age_s: Positive = 1.0
    heartbeat_timeout_s: Positive = 0.25
    lead_s: Positive = 0.04
    commit_s: Positive = 0.06
    history_s: Positive = 0.1
    step_min_s: Positive = 0.002
    step_max_s: Positive = 1.0
    horizon_max_s: Positive = 10.0

    def contradictions(self) -> Iterator[Contradiction]:
        """Bounds are in order, and what is young enough to be used is not refused at once."""
        for key, least_key in (
            ('step_max_s', 'step_min_s'),
            ('horizon_max_s', 'step_max_s'),
            ('observation_max_age_s', 'image_max_age_s'),
        ):
            value, least = getattr(self, key), getattr(self, least_key)
            if value < least:
                yield Contradiction((key,), f'{value:g} s is below {least_key} {least:g} s')


class Margins(Document):
    """Distances kept from limits.

    Attributes:
        position: Kept from joint position limits [joint unit].
        clip: Excess over a position limit that is clipped and reported; more is cut off.
        seam_jump: Greatest distance from the plan to a new chunk at the splice [joint unit].
        tracking: Greatest measured distance from the plan [joint unit].
    """

    position: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(ge=0)] = 0.01
    seam_jump: Positive = 0.3
    tracking: Positive = 0.15


class Robot(Document):
    """A robot: what the policy is matched against and the safety node enforces.

    Attributes:
        name: Short and unique, for example ``ur5e``.
        title: For people.
        simulated: True for the arm of vla_sim.
        urdf: File beside this one, or ``package://…``.
        srdf: The same, empty for none.
        base_frame: Frame of workspace and chunks.
        tool_frame: Frame the workspace speaks of.
        joints: In the order of policy and controller.
        home: Joint positions of a safe start, empty for none.
        controller: The arm's.
        gripper: None for an arm without one.
        joint_states: Topic of the arm's joint states (sensor_msgs/JointState).
        joint_state_rate_hz: Their expected rate.
        cameras: All streams that policies may ask for.
        workspace: Where the tool may be.
        margins: Distances kept from limits.
        collision: How far the arm keeps away from itself and everything else.
        scene: Everything around the arm.
        others: Other arms that it must not touch, each with a safety node of its own.
        separation: How fast the arm may be near people.
        timing: Ages and delays.
    """

    name: Name
    title: str = ''
    simulated: bool = False
    urdf: Name
    srdf: str = ''
    base_frame: Name
    tool_frame: Name
    joints: Annotated[tuple[Joint, ...], Field(min_length=1)]
    home: tuple[float, ...] = ()
    controller: ArmController
    gripper: Gripper | None = None
    joint_states: Topic = 'joint_states'
    joint_state_rate_hz: Positive = 100.0
    cameras: tuple[Camera, ...] = ()
    workspace: Workspace
    margins: Margins = Margins()
    collision: Collision = Collision()
    scene: Scene = Scene()
    others: tuple[OtherArm, ...] = ()
    separation: Separation = Separation()
    timing: Timing = Timing()

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Arm joints in the order of policy and controller."""
        return tuple(joint.name for joint in self.joints)

    @property
    def joint_state_topics(self) -> tuple[str, ...]:
        """Where joint states come from: the arm's topic, and the gripper's if it has its own."""
        own = self.gripper.joint_states if self.gripper is not None else ''
        return tuple(dict.fromkeys(name for name in (self.joint_states, own) if name))

    @property
    def camera_names(self) -> tuple[str, ...]:
        """What policies may call the cameras."""
        return tuple(camera.name for camera in self.cameras)

    def contradictions(self) -> Iterator[Contradiction]:
        """Names are unique, the home is reachable, and streams are faster than they go stale."""
        yield from _repeats('joints', 'name', self.joint_names)
        yield from _repeats('cameras', 'name', self.camera_names)
        yield from _repeats('cameras', 'topic', [camera.topic for camera in self.cameras])
        yield from self._beside()
        if self.base_frame == self.tool_frame:
            yield Contradiction(('tool_frame',), f'{self.tool_frame} is also the base_frame')
        if self.gripper is not None and self.gripper.joint in self.joint_names:
            yield Contradiction(('gripper', 'joint'), f'{self.gripper.joint} is also an arm joint')
        if self.gripper is not None and self.gripper.target == self.controller.topic:
            yield Contradiction(
                ('gripper', 'target'), f'{self.gripper.target} is also the controller.topic'
            )
        yield from self._depth()
        yield from self._room()
        yield from self._stale()

    def _depth(self) -> Iterator[Contradiction]:
        """The camera that sees obstacles is one, and its picture can be turned into points."""
        if self.scene.depth is None:
            return
        name, key = self.scene.depth.camera, ('scene', 'depth', 'camera')
        camera = next((camera for camera in self.cameras if camera.name == name), None)
        if camera is None:
            known = ', '.join(self.camera_names) or 'no camera'
            yield Contradiction(key, f'{name} is none of the cameras; there is {known}')
        elif not camera.is_depth:
            yield Contradiction(key, f'{name} gives {camera.encoding.value}, which is no depth')
        elif not camera.info_topic:
            yield Contradiction(key, f'{name} has no info_topic, which says where its rays go')

    def _beside(self) -> Iterator[Contradiction]:
        """Other arms are told apart, and looked for."""
        yield from _repeats('others', 'name', [other.name for other in self.others])
        yield from _repeats('others', 'plan', [other.plan for other in self.others])
        if self.others and self.collision.backend is CollisionBackend.NONE:
            text = f'{self.others[0].name} is not looked for: collision.backend is none'
            yield Contradiction(('others', 0, 'name'), text)

    def _room(self) -> Iterator[Contradiction]:
        margin = self.margins.position
        if self.home and len(self.home) != len(self.joints):
            count = f'{len(self.home)} values for {len(self.joints)} joints'
            yield Contradiction(('home',), f'{count}; give one each, in the order of joints')
        for index, joint in enumerate(self.joints):
            if joint.position is None:
                continue
            low, high = joint.position
            if low + margin >= high - margin:
                yield Contradiction(
                    ('joints', index, 'position'),
                    f'{low:g} to {high:g} leaves no room for margins.position {margin:g} '
                    'at both ends',
                )
            elif index < len(self.home) and not low + margin <= self.home[index] <= high - margin:
                yield Contradiction(
                    ('home', index),
                    f'{self.home[index]:g} for {joint.name} is outside {low:g} to {high:g}, less '
                    f'margins.position {margin:g}',
                )

    def _stale(self) -> Iterator[Contradiction]:
        """Streams so slow that their newest message is always too old."""
        for index, camera in enumerate(self.cameras):
            age = self.timing.image_max_age_s
            if 1.0 / camera.rate_hz > age:
                yield Contradiction(
                    ('cameras', index, 'rate_hz'),
                    f'{camera.rate_hz:g} Hz leaves {1.0 / camera.rate_hz:.3g} s between images, '
                    f'more than timing.image_max_age_s {age:g} s',
                )
        age, rate = self.timing.joint_state_max_age_s, self.joint_state_rate_hz
        if 1.0 / rate > age:
            yield Contradiction(
                ('joint_state_rate_hz',),
                f'{rate:g} Hz leaves {1.0 / rate:.3g} s between joint states, more than '
                f'timing.joint_state_max_age_s {age:g} s',
            )
        commit, rate = self.timing.commit_s, self.controller.rate_hz
        if 1.0 / rate > commit:
            yield Contradiction(
                ('controller', 'rate_hz'),
                f'{rate:g} Hz leaves {1.0 / rate:.3g} s between messages, more than '
                f'timing.commit_s {commit:g} s: the arm would brake between them',
            )
