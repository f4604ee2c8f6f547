# SPDX-License-Identifier: Apache-2.0
"""The safety node over real DDS, told of its surroundings by markers and by a depth camera."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
import yaml
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from typing_extensions import override
from visualization_msgs.msg import Marker, MarkerArray
from vla_control.msg import ActionChunk, SafetyStatus, Task

from test.vla_bridge.node_bench import NodeBench
from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.nodes.safety_node import SafetyNode
from vla_contract.action import ActionChunk as Chunk
from vla_contract.action import ActionSpace
from vla_contract.deployment import load_robot
from vla_safety.avoidance import Avoidance
from vla_safety.kinematics import Kinematics
from vla_safety.motion import NS, Array
from vla_safety.reasons import Reason

CONFIG = Path(__file__).resolve().parents[3] / 'config' / 'robots' / 'sim_ur5e.yaml'
MARKERS = 'obstacles'
TURN = np.array([0.4, 0.0, 0.0, 0.0, 0.0, 0.0])
FINGER = 'gripper_finger_joint'
DEPTH: dict[str, Any] = {
    'name': 'above',
    'topic': 'above/depth',
    'info_topic': 'above/camera_info',
    'encoding': '16UC1',
    'width': 160,
    'height': 120,
    'rate_hz': 10.0,
    'frame': 'above_optical',
}


def robot_file(
    folder: Path, scene: dict[str, Any], cameras: tuple[dict[str, Any], ...] = ()
) -> Path:
    """The simulated arm with another scene around it."""
    text = yaml.safe_load(CONFIG.read_text())
    for key in ('urdf', 'srdf'):
        text[key] = str((CONFIG.parent / text[key]).resolve())
    text['scene'] = scene
    text['cameras'] = [*text['cameras'], *cameras]
    text['timing'] = {**text['timing'], 'joint_state_max_age_s': 1.0, 'heartbeat_timeout_s': 2.0}
    path = folder / 'robot.yaml'
    path.write_text(yaml.safe_dump(text))
    return path


class Bench(NodeBench[SafetyNode]):
    """A safety node; the test is its arm, its companions, and what stands around."""

    def __init__(self, domain: int, path: Path) -> None:
        """Start everything but news of the scene."""
        super().__init__(domain, SafetyNode, f'robot:={path}', 'policy:=hold', 'realtime:=false')
        self.robot = load_robot(path)
        self.kinematics = Kinematics(self.robot, Path(self.robot.urdf))
        self.home = np.array(self.robot.home)
        self._motion: JointTrajectory | None = None
        probe = self.probe
        self._beats = [
            Heartbeat(probe, topic)
            for topic in (
                topics.POLICY_HEARTBEAT,
                topics.INSTRUCTION_HEARTBEAT,
                topics.GUARD_HEARTBEAT,
            )
        ]
        self._joints = probe.create_publisher(JointState, self.robot.joint_states, topics.SENSOR)
        self._chunks = probe.create_publisher(ActionChunk, topics.ACTION_CHUNK, topics.COMMAND)
        self._tasks = probe.create_publisher(Task, topics.TASK, topics.LATCHED)
        self._arm = probe.create_client(Trigger, topics.SAFETY_ARM)
        probe.create_subscription(
            JointTrajectory, self.robot.controller.topic, self._follow, topics.COMMAND
        )
        self.statuses: list[SafetyStatus] = self.hear(SafetyStatus, topics.SAFETY_STATUS)
        probe.create_timer(0.01, self._publish_joints)
        self._tasks.publish(Task(id='task', active=True))

    @property
    def avoidance(self) -> Avoidance:
        """The node's."""
        assert self.node.filter is not None
        assert self.node.filter.avoidance is not None
        return self.node.filter.avoidance

    @property
    def q(self) -> Array:
        """Where the arm is."""
        motion = self._motion
        if motion is None:
            return self.home
        stamp = motion.header.stamp
        now_s = self.probe.get_clock().now().nanoseconds / NS - stamp.sec - stamp.nanosec / NS
        times = [p.time_from_start.sec + p.time_from_start.nanosec / NS for p in motion.points]
        rows = np.array([point.positions for point in motion.points])
        return np.array([np.interp(now_s, times, column) for column in rows.T])

    def arm(self) -> None:
        """Arm, as soon as everything is heard."""
        assert self._arm.wait_for_service(20.0)
        self.until(lambda: self.answer(self._arm.call_async(Trigger.Request())).success)

    def refusal(self) -> str:
        """Why the arm is not armed."""
        assert self._arm.wait_for_service(20.0)
        self.spin(0.3)
        answer = self.answer(self._arm.call_async(Trigger.Request()))
        assert not answer.success
        return str(answer.message)

    def turn(self) -> None:
        """Send one smooth turn of the shoulder, from where the arm is."""
        share = np.linspace(0, 1, 40)[:, None]
        rows = self.q + TURN * share**3 * (10 - 15 * share + 6 * share**2)
        now_ns = self.probe.get_clock().now().nanoseconds
        names = self.robot.joint_names
        chunk = Chunk(
            session='test',
            sequence=len(self.statuses) + 1,
            task_id='task',
            observation_stamp_ns=now_ns,
            start_ns=now_ns,
            step_s=0.05,
            space=ActionSpace.JOINT_POSITION,
            columns=names,
            units=('rad',) * len(names),
            frame=self.robot.base_frame,
            values=rows,
        )
        self._chunks.publish(encode(chunk))

    def holds(self, reason: Reason, words: str) -> None:
        """Spin until the arm holds, and says why."""
        self.until(
            lambda: any(
                s.state == SafetyStatus.HOLD and s.reason == reason.name and words in s.text
                for s in self.statuses
            )
        )

    @override
    def close(self) -> None:
        """End everything."""
        for beat in self._beats:
            beat.close()
        super().close()

    def _follow(self, message: JointTrajectory) -> None:
        self._motion = message

    def _publish_joints(self) -> None:
        names = [*self.robot.joint_names, FINGER]
        message = JointState(name=names, position=[*self.q.tolist(), 0.04])
        message.velocity = [0.0] * len(names)
        message.header.stamp = self.probe.get_clock().now().to_msg()
        self._joints.publish(message)


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(ros_domain: int, tmp_path: Path) -> Iterator[MakeBench]:
    """Benches in a domain of this test's own."""
    made: list[Bench] = []

    def make(scene: dict[str, Any], *cameras: dict[str, Any]) -> Bench:
        made.append(Bench(ros_domain, robot_file(tmp_path, scene, cameras)))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


class Obstacles:
    """Whoever publishes markers, again and again."""

    def __init__(self, bench: Bench) -> None:
        """Publish that there is nothing."""
        self.marker: Marker | None = None
        self.speaks = True
        self._news = bench.probe.create_publisher(MarkerArray, MARKERS, topics.COMMAND)
        bench.probe.create_timer(0.1, self._publish)

    def put(self, place: tuple[float, float, float], frame: str = 'base_link') -> None:
        """A cube."""
        x, y, z = place
        self.marker = Marker(type=Marker.CUBE, ns='seen', scale=Vector3(x=0.08, y=0.08, z=0.08))
        self.marker.header.frame_id = frame
        self.marker.pose.position = Point(x=x, y=y, z=z)

    def _publish(self) -> None:
        if self.speaks:
            self._news.publish(MarkerArray(markers=[self.marker] if self.marker else []))


def test_a_marker_in_the_way_holds_the_arm(make_bench: MakeBench) -> None:
    """Case 59 on the real graph: it comes while the arm moves, which stops and says before what."""
    bench = make_bench({'markers': MARKERS, 'max_age_s': 5.0, 'required': True})
    assert f'nothing has come from {MARKERS}' in bench.refusal()
    obstacles = Obstacles(bench)
    bench.until(lambda: MARKERS in bench.avoidance.seen.said)
    assert 'the scene is empty' in bench.refusal()
    obstacles.put((-0.6, 0.0, 0.5))
    bench.arm()
    bench.turn()
    bench.until(lambda: bench.q[0] - bench.home[0] > 0.02)
    x, y, z = bench.kinematics.tool_positions((bench.home + TURN)[None])[0].tolist()
    obstacles.put((x, y, z))
    bench.holds(Reason.COLLISION, 'marker seen/0')
    bench.spin(0.5)
    assert bench.q[0] - bench.home[0] < 0.9 * TURN[0]


def test_a_marker_in_a_frame_of_nobody_and_silence_hold_the_arm(make_bench: MakeBench) -> None:
    """Case 28: what stands somewhere unknown may stand anywhere. And no news is bad news."""
    bench = make_bench({'markers': MARKERS, 'max_age_s': 0.8})
    obstacles = Obstacles(bench)
    bench.arm()
    bench.turn()
    obstacles.put((1.0, 0.0, 0.0), frame='camera_link')
    bench.holds(Reason.SCENE_BAD, "frame 'camera_link'")
    obstacles.put((-0.6, 0.0, 0.5))
    bench.until(lambda: bench.avoidance.finding(time.monotonic_ns()) is None)
    obstacles.speaks = False
    bench.until(
        lambda: (
            getattr(bench.avoidance.finding(time.monotonic_ns()), 'reason', None)
            is Reason.STALE_SCENE
        )
    )


class Eye:
    """A depth camera 1.5 m above the base, 0.8 m before it, looking down on the floor."""

    def __init__(self, bench: Bench) -> None:
        """Publish pictures of the floor."""
        self.picture = np.full((120, 160), 1500, dtype=np.uint16)
        self.frame = 'above_optical'
        self._bench = bench
        self._pictures = bench.probe.create_publisher(Image, DEPTH['topic'], topics.SENSOR)
        self._info = bench.probe.create_publisher(CameraInfo, DEPTH['info_topic'], topics.SENSOR)
        bench.probe.create_timer(0.1, self._publish)

    def _publish(self) -> None:
        info = CameraInfo(width=160, height=120, k=[150.0, 0, 79.5, 0, 150.0, 59.5, 0, 0, 1.0])
        self._info.publish(info)
        message = Image(encoding='16UC1', width=160, height=120, step=320)
        message.header.frame_id = self.frame
        message.header.stamp = self._bench.probe.get_clock().now().to_msg()
        message.data = self.picture.tobytes()
        self._pictures.publish(message)


def test_a_depth_camera_brings_obstacles(make_bench: MakeBench) -> None:
    """A block on the floor is one; a picture of another camera is refused."""
    rule = {
        'camera': 'above',
        'position': [0.8, 0.0, 1.5],
        'orientation': [1.0, 0.0, 0.0, 0.0],
        'reach': 1.4,
    }
    bench = make_bench({'depth': rule, 'max_age_s': 10.0}, DEPTH)
    assert 'nothing has come from depth camera above' in bench.refusal()
    eye = Eye(bench)
    source = 'depth camera above'
    bench.until(lambda: bench.avoidance.seen.said.get(source) == ())
    eye.picture[50:70, 70:90] = 1300
    bench.until(lambda: bench.avoidance.seen.said.get(source))
    (block,) = bench.avoidance.seen.said[source]
    cells = np.array(getattr(block.shape, 'cells', ()))
    assert (np.abs((cells + 0.5) * 0.04 - [0.8, 0.0, 0.2]).max(axis=1) < 0.12).all()
    eye.frame = 'below_optical'
    bench.until(lambda: source in bench.avoidance.seen.faults)
    assert 'below_optical' in bench.avoidance.seen.faults[source].text
    eye.frame = 'above_optical'
    bench.until(lambda: source not in bench.avoidance.seen.faults)


@pytest.mark.skipif(
    importlib.util.find_spec('moveit_msgs') is not None,
    reason='moveit_msgs is installed here, and this is about its absence: runs without ROS sourced',
)
def test_a_planning_scene_without_its_messages_is_refused(ros_domain: int, tmp_path: Path) -> None:
    """At once and in words, not by never hearing anything."""
    path = robot_file(tmp_path, {'planning_scene': 'monitored_planning_scene'})
    arguments = ['-p', f'robot:={path}', '-p', 'policy:=hold']
    rclpy.init(args=['--ros-args', *arguments], domain_id=ros_domain)
    node = SafetyNode()
    try:
        node.trigger_configure()
        assert 'ros-$ROS_DISTRO-moveit-msgs' in str(node.refusal)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
