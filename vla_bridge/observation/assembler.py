# SPDX-License-Identifier: Apache-2.0
"""The newest complete, time-consistent set of inputs, as the policy file wants it.

Messages are kept as they come and decoded only when they are part of an observation. Live, the
clock is ROS time; a bag converter passes the times of the recording and gets the same tensors.
"""

import math
import threading
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vla_bridge.codecs.camera import decode_camera
from vla_bridge.codecs.ground_truth import GroundTruthMessage, decode_ground_truth
from vla_bridge.codecs.image import Image
from vla_bridge.codecs.joint_state import joint_positions
from vla_bridge.codecs.messages import JointStateMessage, StampedMessage
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.observation.stream import (
    FUTURE_TOLERANCE_S,
    NoObservationError,
    Now,
    Sample,
    Stream,
)
from vla_contract.errors import VlaError
from vla_contract.execution import DualRate
from vla_contract.observation import Observation
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_policy.columns import StateReader
from vla_policy.resize import resize

_NS = 1_000_000_000
_MESSAGES_PER_STATE = 4
"""Joint states may come in several messages, and faster than expected."""


@dataclass(frozen=True)
class _Selection:
    """Messages that make one observation; images and ground truth are not yet decoded.

    Attributes:
        stamp_ns: Of the newest image, or of the state where there is none.
        images: By camera.
        state: In the policy's words.
        state_stamp_ns: Of the oldest position in the state.
        truth: Where the policy may have it.
    """

    stamp_ns: int
    images: dict[str, Sample]
    state: NDArray[np.float64]
    state_stamp_ns: int
    truth: Sample | None


class Assembler:
    """Takes messages as they come, from any thread, and makes observations on demand.

    Which set: the pivot is the newest stamp that every camera has reached; from each camera comes
    the image nearest to it. Joint positions are the last ones up to the newest of these images, so
    that the state is that of the picture and not of a later moment. A policy without images gets
    the newest joint state, and so does one of two rates, whose head acts on states that are newer
    than any picture.

    Args:
        robot: Topics, sizes, ages.
        policy: What it wants to see.
        truth_topic: Where ground truth comes from, for messages to people.

    Attributes:
        cameras: Those that the policy uses, by name.
        joint_names: Joints that make the policy's state; none where it has no state.
    """

    def __init__(self, robot: Robot, policy: Policy, truth_topic: str = '') -> None:
        """Refuse a policy that would never get an observation."""
        self._robot = robot
        self._policy = policy
        self._skew_ns = round(robot.timing.max_skew_s * _NS)
        self._lock = threading.Lock()
        self._latest_ros_ns = 0
        self._state = StateReader(robot, policy)
        self.joint_names = self._state.joints
        wanted = {image.camera for image in policy.images}
        self.cameras = {camera.name: camera for camera in robot.cameras if camera.name in wanted}
        image_age, joint_age = robot.timing.image_max_age_s, robot.timing.joint_state_max_age_s
        self._images = {
            name: self._stream(f'camera {name} ({camera.topic})', image_age, camera.rate_hz)
            for name, camera in self.cameras.items()
        }
        rate = robot.joint_state_rate_hz * _MESSAGES_PER_STATE
        joint_states = f'joint states ({robot.joint_states})'
        self._joints = self._stream(joint_states, joint_age, rate, parts=True)
        self._truth = self._stream(f'ground truth ({truth_topic})', image_age, rate)
        self._newest_state = isinstance(policy.execution, DualRate) and bool(self.joint_names)
        self._pacing = list(self._images.values()) or [self._joints]
        if self._newest_state:
            self._pacing = [self._joints]
        self._pictures: dict[str, tuple[Sample, Image]] = {}
        self._announced: list[Sample] | None = None
        if not self._images and not self.joint_names:
            raise VlaError(
                f'policy {policy.name} takes neither images nor a state: it would never be asked'
            )

    def add_image(self, camera: str, message: StampedMessage, now: Now) -> bool:
        """Take a camera's message; true if another observation can now be made."""
        return self._add(self._images[camera], message, now)

    def add_joints(self, message: JointStateMessage, now: Now) -> bool:
        """Take joint states; true if another observation can now be made."""
        return self._add(self._joints, message, now)

    def add_truth(self, message: GroundTruthMessage, now: Now) -> bool:
        """Take ground truth; true if another observation can now be made."""
        return self._add(self._truth, message, now)

    def check(self, now: Now) -> None:
        """Raise VlaError with the reason why no observation can be made; decode no image."""
        with self._lock:
            self._select(now)

    def assemble(self, task_id: str, instruction: str, now: Now) -> Observation:
        """Make the newest observation, or raise VlaError with the reason why there is none."""
        with self._lock:
            chosen = self._select(now)
        truth = chosen.truth and cast(GroundTruthMessage, chosen.truth.message)
        return Observation(
            stamp_ns=chosen.stamp_ns,
            images=self._decode(chosen.images),
            image_stamps_ns={
                image.key: chosen.images[image.camera].stamp_ns for image in self._policy.images
            },
            state=chosen.state,
            state_stamp_ns=chosen.state_stamp_ns,
            instruction=instruction,
            task_id=task_id,
            world=decode_ground_truth(truth, self._truth.name) if truth else None,
        )

    def _stream(self, name: str, max_age_s: float, rate_hz: float, parts: bool = False) -> Stream:
        window_s = max_age_s + self._robot.timing.max_skew_s
        return Stream(name, max_age_s, math.ceil(window_s * rate_hz) + 2, parts)

    def _add(self, stream: Stream, message: StampedMessage, now: Now) -> bool:
        with self._lock:
            self._forget_another_time(now)
            try:
                stream.add(stamp_ns(message.header.stamp, 'header'), now, message)
            except VlaError as error:
                stream.refuse('stamp', str(error))
            pacing = self._pacing_set()
            newer = pacing is not None and pacing != self._announced
            self._announced = pacing
            return newer

    def _pacing_set(self) -> list[Sample] | None:
        """The set that would be chosen now, None where a stream is empty."""
        newest = [stream.newest for stream in self._pacing]
        stamps = [sample.stamp_ns for sample in newest if sample is not None]
        if len(stamps) < len(newest):
            return None
        return [stream.nearest(min(stamps)) for stream in self._pacing]

    def _forget_another_time(self, now: Now) -> None:
        """Drop everything when the clock goes back: it belongs to a world that was reset."""
        if now.ros_ns < self._latest_ros_ns - FUTURE_TOLERANCE_S * _NS:
            for stream in (*self._images.values(), self._joints, self._truth):
                stream.clear()
            self._latest_ros_ns = now.ros_ns
        self._latest_ros_ns = max(self._latest_ros_ns, now.ros_ns)

    def _select(self, now: Now) -> _Selection:
        self._forget_another_time(now)
        images = self._select_images(now)
        image_ns = max((sample.stamp_ns for sample in images.values()), default=None)
        if self.joint_names:
            newest_ns = self._joints.require_newest(now).stamp_ns
            newest = image_ns is None or self._newest_state
            state, state_ns = self._select_state(newest_ns if newest else cast(int, image_ns))
        else:
            state, state_ns = np.empty(0), cast(int, image_ns)
        stamp = state_ns if image_ns is None else image_ns
        truth = self._select_truth(stamp, now) if self._policy.ground_truth else None
        return _Selection(stamp, images, state, state_ns, truth)

    def _select_images(self, now: Now) -> dict[str, Sample]:
        newest = [stream.require_newest(now).stamp_ns for stream in self._images.values()]
        if not newest:
            return {}
        images = {name: stream.nearest(min(newest)) for name, stream in self._images.items()}
        latest_ns = max(sample.stamp_ns for sample in images.values())
        for name, sample in images.items():
            self._images[name].require_fresh(sample, now)
            self._require_near(self._images[name], sample, latest_ns)
        return images

    def _select_state(self, reference_ns: int) -> tuple[NDArray[np.float64], int]:
        """The state at a time, merged from messages that may each hold some of the joints."""
        positions: dict[str, float] = {}
        oldest_ns = reference_ns
        for sample in self._joints.around(reference_ns, self._skew_ns):
            missing = [name for name in self.joint_names if name not in positions]
            if not missing:
                break
            message = cast(JointStateMessage, sample.message)
            found = joint_positions(message, missing, self._robot.joint_states)
            if found:
                positions.update(found)
                oldest_ns = min(oldest_ns, sample.stamp_ns)
        missing = [name for name in self.joint_names if name not in positions]
        if missing:
            raise NoObservationError(
                self._joints.name,
                f'without {missing}',
                f'no position of {", ".join(missing)} within {self._skew_ns / _NS:g} s of the '
                'observation',
            )
        return self._state.read(positions), oldest_ns

    def _select_truth(self, reference_ns: int, now: Now) -> Sample:
        self._truth.require_newest(now)
        truth = self._truth.nearest(reference_ns)
        self._require_near(self._truth, truth, reference_ns)
        return truth

    def _require_near(self, stream: Stream, sample: Sample, reference_ns: int) -> None:
        apart_ns = abs(reference_ns - sample.stamp_ns)
        if apart_ns > self._skew_ns:
            raise NoObservationError(
                stream.name,
                'skew',
                f'{apart_ns / _NS:.3f} s from the newest part of the observation, at most '
                f'{self._skew_ns / _NS:g} s is allowed',
            )

    def _decode(self, samples: dict[str, Sample]) -> dict[str, Image]:
        """Images by the policy's keys; a camera that serves several keys is decoded once.

        So is a picture that several observations share, as those of two rates do.
        """
        pixels: dict[str, Image] = {}
        found: dict[str, Image] = {}
        for image in self._policy.images:
            sample = samples[image.camera]
            known, picture = self._pictures.get(image.key, (None, None))
            if picture is None or known is not sample:
                if image.camera not in pixels:
                    camera = self.cameras[image.camera]
                    pixels[image.camera] = decode_camera(sample.message, camera)
                picture = resize(pixels[image.camera], image.width, image.height)
                self._pictures[image.key] = sample, picture
            found[image.key] = picture
        return found
