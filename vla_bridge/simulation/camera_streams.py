# SPDX-License-Identifier: Apache-2.0
"""Draws and publishes the cameras in a thread of its own, each at its own rate."""

import threading
from collections.abc import Callable, Sequence

from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image

from vla_bridge.simulation.conversion import to_camera_info, to_image, to_time
from vla_bridge.topics import COMMAND
from vla_contract.camera import Camera
from vla_sim.cameras import Cameras, intrinsics
from vla_sim.simulator import Simulator

_NS = 1_000_000_000


class CameraStream:
    """The topics of one camera.

    Args:
        node: Whose topics they are.
        camera: Of the robot file.
        simulator: Its intrinsics are the simulator's.
    """

    def __init__(self, node: LifecycleNode, camera: Camera, simulator: Simulator) -> None:
        """Open the topics."""
        self.camera = camera
        self.period_ns = round(_NS / camera.rate_hz)
        self.due_ns = 0
        self._info = to_camera_info(intrinsics(simulator, camera), camera)
        self._images: Publisher = node.create_lifecycle_publisher(Image, camera.topic, COMMAND)
        self._infos: Publisher | None = None
        if camera.info_topic:
            self._infos = node.create_lifecycle_publisher(CameraInfo, camera.info_topic, COMMAND)

    def publish(self, cameras: Cameras, stamp_of: Callable[[int], int]) -> None:
        """Draw what the camera sees now, and publish it with the time that it held."""
        picture, simulated_ns = cameras.render(self.camera.name)
        at_ns = stamp_of(simulated_ns)
        self._images.publish(to_image(picture, self.camera, at_ns))
        if self._infos is not None:
            self._info.header.stamp = to_time(at_ns)
            self._infos.publish(self._info)


class CameraStreams:
    """All cameras. ``tick`` says that time has passed; pictures follow as fast as they can.

    Args:
        node: Whose topics they are.
        simulator: Whose world is drawn.
        stamp_of: Simulated time to ROS time.
        on_failure: Called when the thread ends unasked.
    """

    def __init__(
        self,
        node: LifecycleNode,
        simulator: Simulator,
        stamp_of: Callable[[int], int],
        on_failure: Callable[[], None],
    ) -> None:
        """Open the topics."""
        self._simulator, self._stamp_of, self._on_failure = simulator, stamp_of, on_failure
        self._streams: Sequence[CameraStream] = [
            CameraStream(node, camera, simulator) for camera in simulator.robot.cameras
        ]
        self._wake = threading.Condition()
        self._wanted: list[CameraStream] = []
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.missed = 0

    def start(self) -> None:
        """Begin to draw."""
        self._stopping = False
        self._wanted = []
        self._thread = threading.Thread(target=self._run, name='cameras', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Draw no more; returns when the thread has ended."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def tick(self, simulated_ns: int) -> None:
        """Ask for the pictures that are due at this simulated time."""
        due = [stream for stream in self._streams if simulated_ns >= stream.due_ns]
        if not due:
            return
        with self._wake:
            for stream in due:
                stream.due_ns = max(stream.due_ns + stream.period_ns, simulated_ns)
                if stream in self._wanted:
                    self.missed += 1
                else:
                    self._wanted.append(stream)
            self._wake.notify()

    def _run(self) -> None:
        """Draw what is wanted. The drawing contexts belong to this thread."""
        try:
            cameras = Cameras(self._simulator, [stream.camera for stream in self._streams])
            try:
                while (stream := self._next()) is not None:
                    stream.publish(cameras, self._stamp_of)
            finally:
                cameras.close()
        finally:
            if not self._stopping:
                self._on_failure()

    def _next(self) -> CameraStream | None:
        """The next picture to draw; None at the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._wanted or self._stopping)
            return None if self._stopping else self._wanted.pop(0)
