# SPDX-License-Identifier: Apache-2.0
"""The robot file: joints, limits, controllers, gripper, cameras, workspace, timing."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vla_contract.document import Document

Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
Vector3 = tuple[float, float, float]


class JointUnit(StrEnum):
    """Unit of a joint's position: revolute joints turn, prismatic joints slide."""

    RADIAN = 'rad'
    METRE = 'm'


class Joint(Document):
    """One arm joint, with limits that tighten those of the URDF and never widen them.

    Attributes:
        name: As in the URDF and in joint_states.
        unit: ``rad`` or ``m``.
        position: Lower and upper limit [unit]; absent: the URDF's.
        velocity: Greatest speed [unit/s].
        acceleration: Greatest acceleration [unit/s²].
        jerk: Greatest jerk [unit/s³].
    """

    name: Name
    unit: JointUnit = JointUnit.RADIAN
    position: tuple[float, float] | None = None
    velocity: Positive
    acceleration: Positive
    jerk: Positive

    @model_validator(mode='after')
    def _ordered(self) -> Self:
        if self.position is not None and self.position[0] >= self.position[1]:
            low, high = self.position
            raise ValueError(f'position limits of {self.name}: lower {low} is not below upper {high}')
        return self


class ArmControllerKind(StrEnum):
    """How the arm takes motion."""

    JOINT_TRAJECTORY = 'joint_trajectory'
    FORWARD_POSITION = 'forward_position'


class ArmController(Document):
    """The controller that moves the arm.

    Attributes:
        kind: What it understands.
        topic: Where it listens, relative to the robot's namespace.
        state_topic: Its JointTrajectoryControllerState, where it publishes one.
        rate_hz: Rate of a streamed setpoint (forward position) or of trajectory replacements.
    """

    kind: ArmControllerKind
    topic: Name
    state_topic: str = ''
    rate_hz: Positive = 50.0


class GripperKind(StrEnum):
    """How the gripper takes commands."""

    JOINT_TRAJECTORY = 'joint_trajectory'
    FORWARD_POSITION = 'forward_position'
    GRIPPER_COMMAND = 'gripper_command'
    PARALLEL_GRIPPER_COMMAND = 'parallel_gripper_command'


class Gripper(Document):
    """The gripper and the meaning of its joint.

    Attributes:
        kind: What its controller understands.
        target: Topic or action name, relative.
        joint: As in joint_states.
        unit: Unit of the joint.
        open: Joint position when open [unit].
        closed: Joint position when closed [unit].
        speed: Greatest speed of the joint [unit/s].
        max_effort: Effort sent with action commands [N or Nm], 0 for the controller's default.
        hysteresis: Change of opening, 0 to 1, below which no new command is sent.
    """

    kind: GripperKind
    target: Name
    joint: Name
    unit: JointUnit = JointUnit.METRE
    open: float
    closed: float
    speed: Positive
    max_effort: Annotated[float, Field(ge=0)] = 0.0
    hysteresis: Annotated[float, Field(ge=0, le=0.5)] = 0.02

    @model_validator(mode='after')
    def _moves(self) -> Self:
        if self.open == self.closed:
            raise ValueError(f'open and closed are both {self.open}: the gripper could not move')
        return self

    def to_joint(self, opening: float) -> float:
        """Joint position [unit] of an opening from 0 (closed) to 1 (open)."""
        return self.closed + opening * (self.open - self.closed)

    def to_opening(self, position: float) -> float:
        """Opening from 0 (closed) to 1 (open) of a joint position [unit]."""
        return (position - self.closed) / (self.open - self.closed)


class Encoding(StrEnum):
    """Pixel layout that a camera publishes."""

    RGB8 = 'rgb8'
    BGR8 = 'bgr8'
    MONO8 = 'mono8'
    DEPTH16 = '16UC1'
    BAYER_RGGB8 = 'bayer_rggb8'
    BAYER_BGGR8 = 'bayer_bggr8'
    BAYER_GBRG8 = 'bayer_gbrg8'
    BAYER_GRBG8 = 'bayer_grbg8'


class Camera(Document):
    """One camera stream.

    Attributes:
        name: What policies call it.
        topic: sensor_msgs/Image, or CompressedImage where transport is compressed.
        info_topic: sensor_msgs/CameraInfo, empty for none.
        transport: ``raw`` or ``compressed``.
        encoding: Pixel layout expected on the topic.
        width: Expected columns [px].
        height: Expected rows [px].
        rate_hz: Expected rate.
        frame: Optical frame.
    """

    name: Name
    topic: Name
    info_topic: str = ''
    transport: Literal['raw', 'compressed'] = 'raw'
    encoding: Encoding = Encoding.RGB8
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    rate_hz: Positive
    frame: Name


class Box(Document):
    """An axis-aligned box in the robot's base frame [m]."""

    name: Name
    min: Vector3
    max: Vector3

    @model_validator(mode='after')
    def _has_volume(self) -> Self:
        for axis, low, high in zip('xyz', self.min, self.max, strict=True):
            if low >= high:
                raise ValueError(f'box {self.name}: min {axis} {low} is not below max {axis} {high}')
        return self


class Workspace(Document):
    """Where the tool may and may not be.

    Attributes:
        boxes: The tool stays inside at least one of them.
        keep_outs: The tool stays outside all of them.
        tool_speed: Greatest speed of the tool [m/s].
    """

    boxes: Annotated[tuple[Box, ...], Field(min_length=1)]
    keep_outs: tuple[Box, ...] = ()
    tool_speed: Positive


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
        joint_states: Topic.
        joint_state_rate_hz: Expected rate.
        cameras: All streams that policies may ask for.
        workspace: Where the tool may be.
        margins: Distances kept from limits.
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
    joint_states: Name = 'joint_states'
    joint_state_rate_hz: Positive = 100.0
    cameras: tuple[Camera, ...] = ()
    workspace: Workspace
    margins: Margins = Margins()
    timing: Timing = Timing()

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Arm joints in the order of policy and controller."""
        return tuple(joint.name for joint in self.joints)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """What policies may call the cameras."""
        return tuple(camera.name for camera in self.cameras)

    @model_validator(mode='after')
    def _consistent(self) -> Self:
        _refuse_repeats('joints', self.joint_names)
        _refuse_repeats('cameras', self.camera_names)
        if self.gripper is not None and self.gripper.joint in self.joint_names:
            raise ValueError(f'gripper joint {self.gripper.joint} is also an arm joint')
        if self.home and len(self.home) != len(self.joints):
            raise ValueError(f'home has {len(self.home)} values for {len(self.joints)} joints')
        return self


def _refuse_repeats(what: str, names: tuple[str, ...]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f'{what} named more than once: {", ".join(repeated)}')
