# SPDX-License-Identifier: Apache-2.0
"""From a camera's publish call to the observation in a policy's hands.

One process publishes two 640x480 rgb8 streams at 30 Hz and joint states at 100 Hz; another runs the
real policy node, whose policy notes how old the newest picture is when it is asked. The age counts
from just before publish() is called, so conversion, serialisation, transport, buffers, assembly,
resizing and the hand-over to the policy's thread are all in it.
"""

import array
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import rclpy
import yaml
from numpy.typing import NDArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image, JointState
from vla_control.msg import Task

from benchmarks import report
from vla_bridge import topics
from vla_bridge.launching.domain import own_domain
from vla_bridge.nodes.policy_node import PolicyNode
from vla_bridge.resources import config_file
from vla_bridge.transport import keep_pages, make_room
from vla_contract.deployment import Deployment, load_robot
from vla_contract.observation import Observation
from vla_policy.policy import Rows

WIDTH, HEIGHT, RATE_HZ = 640, 480, 30.0
SIZE = 224
ROWS = 30
CAMERAS = ('wrist', 'scene')
JOINT_RATE_HZ = 100.0
WARM_UP_S, MEASURE_S = 3.0, 20.0
APART_S = 1.0 / RATE_HZ / 3.0
"""Between two cameras that nobody keeps in step."""


class Sensors(Node):
    """Two cameras and an arm."""

    def __init__(self, apart_s: float) -> None:
        """Start them; the second camera a while after the first, or at the same tick."""
        super().__init__('observation_benchmark_sensors')
        robot = load_robot(config_file('sim_ur5e', 'robots'))
        names = [*robot.joint_names, 'gripper_finger_joint']
        self._state = JointState(name=names, position=[0.0] * len(names))
        self._joints = self.create_publisher(JointState, robot.joint_states, topics.SENSOR)
        self._image = _picture()
        self.create_timer(1.0 / JOINT_RATE_HZ, self._publish_joints)
        for name in CAMERAS:
            publisher = self.create_publisher(Image, f'{name}/image', topics.SENSOR)
            self.create_timer(1.0 / RATE_HZ, partial(self._publish_image, publisher))
            time.sleep(apart_s)

    def _publish_joints(self) -> None:
        self._state.header.stamp = self.get_clock().now().to_msg()
        self._joints.publish(self._state)

    def _publish_image(self, publisher: Publisher) -> None:
        self._image.header.stamp = self.get_clock().now().to_msg()
        publisher.publish(self._image)


class Stopwatch:
    """A policy that only looks at how old its observations are."""

    def __init__(self, node: Node, deployment: Deployment) -> None:
        """Nothing seen yet."""
        self._clock = node.get_clock()
        self._rows = Rows(np.zeros((ROWS, len(deployment.policy.action.columns))))
        self.ages_ms: list[float] = []

    def reset(self, instruction: str) -> None:
        """Every instruction is the same to it."""

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Note the age of the newest picture."""
        del prefix
        now_ns = self._clock.now().nanoseconds
        self.ages_ms.append((now_ns - observation.stamp_ns) / 1e6)
        return self._rows


def _picture() -> Image:
    """Noise, so that nothing on the way gets away with less."""
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    image = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=WIDTH * 3)
    image.data = array.array('B', pixels.tobytes())
    return image


def _write_deployment(folder: Path) -> Path:
    """The simulated arm with larger cameras, and a policy that is always due."""
    robot = load_robot(config_file('sim_ur5e', 'robots'))
    size = {'width': WIDTH, 'height': HEIGHT, 'rate_hz': RATE_HZ}
    columns = [*robot.joint_names, 'gripper']
    policy = {
        'name': 'stopwatch',
        'kind': 'hold',
        'images': [
            {'key': name, 'camera': name, 'width': SIZE, 'height': SIZE} for name in CAMERAS
        ],
        'state': {'columns': columns},
        'action': {'space': 'joint_position', 'columns': columns},
        'rate_hz': RATE_HZ,
        'rows': ROWS,
        'execution': {'refill_below': 1.0},
    }
    (folder / 'policy.yaml').write_text(yaml.safe_dump(policy), encoding='utf-8')
    deployment = {
        'robot': str(config_file('sim_ur5e', 'robots')),
        'robot_overrides': {
            'cameras': [
                {'name': name, 'topic': f'{name}/image', 'frame': name, **size} for name in CAMERAS
            ]
        },
        'policy': 'policy.yaml',
    }
    path = folder / 'deployment.yaml'
    path.write_text(yaml.safe_dump(deployment), encoding='utf-8')
    return path


def publish(apart_s: float) -> None:
    """Publish until ended."""
    make_room()
    keep_pages()
    rclpy.init()
    with suppress(ExternalShutdownException):
        rclpy.spin(Sensors(apart_s))


def measure(apart_s: float) -> tuple[list[float], float]:
    """Ages of the newest picture [ms], and the policy node's share of a core."""
    command = [sys.executable, '-m', 'benchmarks.observation', str(apart_s)]
    sensors = subprocess.Popen(command)
    try:
        return _run_policy_node()
    finally:
        sensors.terminate()
        sensors.wait()


def _run_policy_node() -> tuple[list[float], float]:
    made: list[Stopwatch] = []

    def load(deployment: Deployment) -> Stopwatch:
        made.append(Stopwatch(node, deployment))
        return made[-1]

    with tempfile.TemporaryDirectory() as folder:
        rclpy.init(args=['--ros-args', '-p', f'deployment:={_write_deployment(Path(folder))}'])
        node = PolicyNode(load)
        node.trigger_configure()
    if node.refusal is not None:
        raise node.refusal
    node.trigger_activate()
    tasks = node.create_publisher(Task, topics.TASK, topics.LATCHED)
    tasks.publish(Task(id='benchmark', instruction='look', active=True))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    share = 0.0
    for seconds in (WARM_UP_S, MEASURE_S):
        made[0].ages_ms.clear()
        began_s, used_s = time.monotonic(), time.process_time()
        while time.monotonic() < began_s + seconds:
            executor.spin_once(timeout_sec=0.1)
        share = (time.process_time() - used_s) / seconds
    node.trigger_shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return made[0].ages_ms, share


def main() -> None:
    """Measure, print and keep."""
    keep_pages()
    with own_domain():
        together, share = measure(0.0)
        apart, _ = measure(APART_S)
    figures = {
        'p50_ms': float(np.percentile(together, 50)),
        'p99_ms': float(np.percentile(together, 99)),
        'apart_p50_ms': float(np.percentile(apart, 50)),
        'apart_p99_ms': float(np.percentile(apart, 99)),
        'observations': len(together),
        'expected_observations': round(MEASURE_S * RATE_HZ),
        'cpu_policy_node': share,
    }
    notes = (
        f'Age of the newest of two {WIDTH}x{HEIGHT} rgb8 pictures, from before its publish() until '
        f'the policy has both as {SIZE}x{SIZE} with the state. p50, p99: cameras in step, so that '
        f'both pictures are on their way at once; apart_…: {APART_S * 1e3:.0f} ms between them.'
    )
    report.write('observation', figures, notes)


if __name__ == '__main__':
    publish(float(sys.argv[1])) if len(sys.argv) > 1 else main()
