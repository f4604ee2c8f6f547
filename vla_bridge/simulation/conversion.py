# SPDX-License-Identifier: Apache-2.0
"""ROS messages ⇄ what the simulator and its controllers speak."""

import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from vla_control.msg import SimObject

from vla_bridge.codecs.stamp import stamp_ns
from vla_contract.camera import Camera
from vla_contract.observation import Body
from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint

_NS = 1_000_000_000


def to_time(at_ns: int) -> Time:
    """Nanoseconds as a stamp."""
    seconds, rest = divmod(at_ns, _NS)
    return Time(sec=seconds, nanosec=rest)


def duration_ns(duration: Duration) -> int:
    """A duration in nanoseconds; may be negative."""
    return int(duration.sec) * _NS + int(duration.nanosec)


def to_doubles(values: Sequence[float] | Vector) -> 'array.array[float]':
    """Numbers as rclpy takes them without looking at each."""
    return array.array('d', values)


def trajectory_message(message: JointTrajectory, where: str) -> TrajectoryMessage:
    """A trajectory as the controllers take it, unchecked but for its stamp.

    Args:
        message: As received.
        where: Topic or action, for the error.
    """
    points = tuple(
        TrajectoryPoint(
            duration_ns(point.time_from_start),
            tuple(point.positions),
            tuple(point.velocities),
            tuple(point.accelerations),
            tuple(point.effort),
        )
        for point in message.points
    )
    return TrajectoryMessage(
        stamp_ns(message.header.stamp, where), tuple(message.joint_names), points
    )


def trajectory_point(motion: Motion) -> JointTrajectoryPoint:
    """A motion as one point of a trajectory, at time 0."""
    point = JointTrajectoryPoint(positions=to_doubles(motion.positions))
    if motion.velocities is not None:
        point.velocities = to_doubles(motion.velocities)
    if motion.accelerations is not None:
        point.accelerations = to_doubles(motion.accelerations)
    return point


def to_pose(position: NDArray[np.float64], orientation: NDArray[np.float64]) -> Pose:
    """Position [m] and quaternion x y z w."""
    x, y, z = map(float, position)
    qx, qy, qz, qw = map(float, orientation)
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def to_object(body: Body) -> SimObject:
    """One object of the ground truth."""
    x, y, z = map(float, body.size)
    return SimObject(
        name=body.name,
        shape=body.shape,
        colour=body.colour,
        pose=to_pose(body.position, body.orientation),
        size=Vector3(x=x, y=y, z=z),
    )


def to_image(picture: NDArray[np.uint8], camera: Camera, at_ns: int) -> Image:
    """A picture as a message. The constructor would copy the data again; the setter does not."""
    height, width = picture.shape[:2]
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(picture).data.cast('B'))
    image = Image(
        header=Header(stamp=to_time(at_ns), frame_id=camera.frame),
        height=height,
        width=width,
        encoding=str(camera.encoding),
        step=len(data) // height,
    )
    image.data = data
    return image


def to_camera_info(matrix: NDArray[np.float64], camera: Camera) -> CameraInfo:
    """Calibration of an ideal camera without distortion, yet without a stamp.

    Args:
        matrix: K, 3 x 3 [px].
        camera: Size and frame.
    """
    projection = np.hstack([matrix, np.zeros((3, 1))])
    return CameraInfo(
        header=Header(frame_id=camera.frame),
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=matrix.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=projection.ravel().tolist(),
    )
