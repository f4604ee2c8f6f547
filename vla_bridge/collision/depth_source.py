# SPDX-License-Identifier: Apache-2.0
"""A depth camera's pictures as news of the scene."""

import time
from typing import cast

from sensor_msgs.msg import CameraInfo, Image

from vla_bridge import topics
from vla_bridge.codecs.image import decode_image
from vla_bridge.codecs.messages import ImageMessage
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.codecs.wire import read_message
from vla_bridge.collision.messages import FrameMessage
from vla_bridge.lifecycle_node import VlaNode
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_contract.scene import DepthCamera
from vla_safety.avoidance import Avoidance
from vla_safety.collision.solids import ArmBody, Solid
from vla_safety.measured import Instant, Measured
from vla_safety.motion import NS
from vla_safety.posture_history import PostureHistory
from vla_safety.voxels import Lens, VoxelMap

PERIOD_NS = NS // 5
"""Pictures that come sooner after the last are left out."""
_SAMPLE_HZ = 50.0
_FUTURE_NS = NS // 20


class DepthSource:
    """Listens to one camera, and knows where the arm was when a picture was taken."""

    def __init__(
        self,
        node: VlaNode,
        robot: Robot,
        rule: DepthCamera,
        body: ArmBody,
        standing: tuple[Solid, ...],
        avoidance: Avoidance,
        measured: Measured,
    ) -> None:
        """Open the subscriptions.

        Args:
            node: Whose they are.
            robot: Describes the camera.
            rule: What to make of its pictures.
            body: The arm, which is no obstacle.
            standing: Objects of the robot file, which are known already.
            avoidance: Is told.
            measured: Says where the arm is.
        """
        self._node, self._rule, self._body = node, rule, body
        self._standing, self._avoidance, self._measured = standing, avoidance, measured
        self._camera = next(camera for camera in robot.cameras if camera.name == rule.camera)
        self._source = f'depth camera {rule.camera}'
        self._postures = PostureHistory()
        self._lens: Lens | None = None
        self._looked_ns = -PERIOD_NS
        self._stamp_ns = 0
        node.create_subscription(CameraInfo, self._camera.info_topic, self._on_info, topics.SENSOR)
        node.create_subscription(Image, self._camera.topic, self._on_image, topics.SENSOR, raw=True)
        node.create_timer(1 / _SAMPLE_HZ, self._sample)

    def _sample(self) -> None:
        now = Instant(self._node.now_ns(), time.monotonic_ns())
        if self._measured.finding(now) is None:
            opening = self._measured.opening
            known = opening if opening == opening else 1.0
            posture = self._body.layout.posture(self._measured.positions, known)
            self._postures.add(self._measured.stamp_ns, posture)

    def _on_info(self, message: CameraInfo) -> None:
        try:
            self._learn(message)
        except VlaError as error:
            self._avoidance.refuse(self._source, f'{self._camera.info_topic}: {error}')

    def _learn(self, message: CameraInfo) -> None:
        if (message.width, message.height) != (self._camera.width, self._camera.height):
            raise VlaError(
                f'says {message.width} x {message.height}, where the robot file has '
                f'{self._camera.width} x {self._camera.height}'
            )
        matrix = [float(value) for value in message.k]
        lens = Lens(message.width, message.height, (matrix[0], matrix[4]), (matrix[2], matrix[5]))
        if lens != self._lens:
            self._map = VoxelMap(self._rule, lens, self._standing)
            self._lens = lens

    def _on_image(self, data: bytes) -> None:
        steady_ns = time.monotonic_ns()
        if steady_ns - self._looked_ns < PERIOD_NS:
            return
        self._looked_ns = steady_ns
        try:
            self._look(cast(ImageMessage, read_message(data, 'sensor_msgs/msg/Image')), steady_ns)
        except VlaError as error:
            self._avoidance.refuse(self._source, str(error))

    def _look(self, message: ImageMessage, steady_ns: int) -> None:
        if self._lens is None:
            raise VlaError(f'nothing has come from {self._camera.info_topic}')
        frame = cast(FrameMessage, message.header).frame_id
        if frame.removeprefix('/') != self._camera.frame:
            raise VlaError(f'a picture in frame {frame!r}, not in {self._camera.frame}')
        taken_ns = stamp_ns(message.header.stamp, self._camera.topic)
        age_ns = self._node.now_ns() - taken_ns
        if age_ns < -_FUTURE_NS:
            raise VlaError(f'a picture stamped {-age_ns / NS:.3f} s from now')
        posture = self._postures.at(taken_ns)
        if taken_ns == self._stamp_ns or posture is None:
            return  # the same picture again, or one that shows the arm nobody knows where
        self._stamp_ns = taken_ns
        arm = self._body.solids(posture, self._avoidance.carried)
        self._map.look(decode_image(message, self._camera), arm, steady_ns)
        seen_ns = steady_ns - max(age_ns, 0)
        self._avoidance.see(self._source, self._map.objects(self._source), seen_ns)
