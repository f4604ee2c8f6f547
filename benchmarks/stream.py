# SPDX-License-Identifier: Apache-2.0
"""Jitter of the trajectory stream while torch saturates the policy process.

The real safety, guard and policy nodes and the simulated arm run as processes; the policy does a
forward pass of ViT-B size before every answer. Each trajectory is stamped with the moment it was
decided (less its history), so the figures are the safety node's own, not those of this listener.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.node import Node
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from vla_control.msg import Task

from benchmarks.report import write
from vla_bridge import topics
from vla_bridge.filtering import TICK_HZ
from vla_bridge.heartbeat import Heartbeat
from vla_bridge.resources import config_file
from vla_contract.deployment import load_robot
from vla_contract.errors import VlaError

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS = 30.0
WARM_UP_S = 3.0
PATIENCE_S = 90.0
NODES = {
    'vla_bridge.nodes.sim_node': ['-p', 'render:=false'],
    'vla_bridge.nodes.safety_node': [],
    'vla_bridge.nodes.guard_node': [],
    'benchmarks.saturated_policy_node': [],
}
CONTRACT = ['-p', 'robot:=sim_ur5e', '-p', 'policy:=hold']


class Listener(Node):
    """Notes when each trajectory was decided, and plays the instruction node."""

    def __init__(self) -> None:
        """Subscribe to the controller's topic."""
        super().__init__('stream_benchmark')
        robot = load_robot(config_file('sim_ur5e', 'robots'))
        self._history_s = robot.timing.history_s
        self.decided_s: list[float] = []
        Heartbeat(self, topics.INSTRUCTION_HEARTBEAT)
        task = self.create_publisher(Task, topics.TASK, topics.LATCHED)
        task.publish(Task(id='stream', instruction='sway', active=True))
        self.create_subscription(
            JointTrajectory, robot.controller.topic, self._on_trajectory, topics.COMMAND
        )
        self.arming = self.create_client(Trigger, topics.SAFETY_ARM)

    def spin(self, seconds: float) -> None:
        """Listen for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rclpy.spin_once(self, timeout_sec=0.1)

    def arm(self) -> None:
        """Arm as soon as every node is heard."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.spin(0.5)
            if not self.arming.service_is_ready():
                continue
            answer = self.arming.call_async(Trigger.Request())
            rclpy.spin_until_future_complete(self, answer, timeout_sec=5.0)
            if answer.done() and answer.result().success:
                return
        raise VlaError(f'the safety node could not be armed within {PATIENCE_S:g} s')

    def _on_trajectory(self, message: JointTrajectory) -> None:
        stamp = message.header.stamp
        self.decided_s.append(stamp.sec + stamp.nanosec * 1e-9 + self._history_s)


def measure() -> dict[str, object]:
    """Run the graph and take the figures."""
    processes = [
        subprocess.Popen(
            [sys.executable, '-m', module, '--ros-args', *CONTRACT, *own], cwd=CHECKOUT
        )
        for module, own in NODES.items()
    ]
    rclpy.init()
    listener = Listener()
    try:
        listener.arm()
        listener.spin(WARM_UP_S)
        listener.decided_s.clear()
        listener.spin(SECONDS)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)
        Node.destroy_node(listener)
        rclpy.try_shutdown()
    return _figures(np.diff(listener.decided_s) * 1e3)


def _figures(steps_ms: np.ndarray) -> dict[str, object]:
    """Distance of each step from the nominal one; pauses between chunks are not steps."""
    nominal_ms = 1e3 / TICK_HZ
    jitter_ms = np.abs(steps_ms - nominal_ms)
    streaming = jitter_ms[steps_ms < 3 * nominal_ms]
    return {
        'jitter_p50_ms': round(float(np.percentile(streaming, 50)), 3),
        'jitter_p99_ms': round(float(np.percentile(streaming, 99)), 3),
        'messages': len(steps_ms) + 1,
        'pauses': int((steps_ms >= 3 * nominal_ms).sum()),
        'rate_hz': TICK_HZ,
    }


def main() -> None:
    """Measure, print and keep."""
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    write('stream', measure(), 'Torch forward pass in the policy process, threads = cores - 1.')


if __name__ == '__main__':
    main()
