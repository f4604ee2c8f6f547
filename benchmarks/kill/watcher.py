# SPDX-License-Identifier: Apache-2.0
"""Sees the arm, the safety node, the guard and the simulator's collisions from outside the graph.

Callbacks run in the client's thread and only keep what they get; the campaign's thread reads it.
"""

import math
import time
from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action.client import ActionClient
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from vla_control.action import RecordEpisode
from vla_control.msg import SafetyStatus

from benchmarks.kill.verdict import Report, Track
from vla_bridge import topics
from vla_bridge.launching.client import GraphClient
from vla_contract.robot import Robot
from vla_safety.measured import STANDSTILL
from vla_safety.mode import Mode

REMEMBERED_S = 3.0
"""Reports from before a window that still tell why the arm moves in it."""
FRESH_S = 0.1
RECORDING_S = 2.0
INSTRUCTION = 'roam'
_ALL = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE
)


class Watcher:
    """What was seen since the last time that everything was forgotten.

    Attributes:
        reports: Of the safety node.
        guard_s: When the guard said that it had stopped the arm.
        text: What the safety node said last.
        clearance_m: Least distance of what is planned from anything, as it said last.
        episodes: Recordings asked for.
    """

    def __init__(self, client: GraphClient, robot: Robot) -> None:
        """Listen; the client must not have been entered yet."""
        self._robot = robot
        self._samples: deque[tuple[float, list[float], list[float]]] = deque()
        self.reports: deque[Report] = deque()
        self.guard_s: list[float] = []
        self.text = 'nothing yet'
        self.clearance_m = math.nan
        self.episodes = 0
        self._collisions, self._collided, self._told = 0, '', 0
        self._diagnosed_s = self._asked_s = self._recording_s = 0.0
        node = client.node
        self._instruct = node.create_publisher(String, topics.INSTRUCTION, topics.COMMAND)
        self._record = ActionClient(node, RecordEpisode, topics.RECORD_EPISODE)
        node.create_subscription(JointState, robot.joint_states, self._on_joints, _ALL)
        node.create_subscription(SafetyStatus, topics.SAFETY_STATUS, self._on_status, _ALL)
        node.create_subscription(String, topics.GUARD_STOPPED, self._on_guard, _ALL)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, _ALL)

    def instruct(self) -> None:
        """Ask for motion."""
        self._instruct.publish(String(data=INSTRUCTION))

    def keep_recording(self) -> None:
        """Ask for a recording where none is being made; does not wait for an answer."""
        now_s = time.monotonic()
        silent = now_s - max(self._recording_s, self._asked_s) > RECORDING_S
        if silent and self._record.server_is_ready():
            self._asked_s = now_s
            self.episodes += 1
            self._record.send_goal_async(
                RecordEpisode.Goal(name=f'episode {self.episodes}'),
                feedback_callback=self._on_recording,
            )

    def speed(self) -> float:
        """Of the fastest joint now; 0 where nothing fresh is known [rad/s]."""
        if not self._samples:
            return 0.0
        time_s, _, velocities = self._samples[-1]
        return max(map(abs, velocities)) if time.time() - time_s < FRESH_S else 0.0

    def rests(self, seconds: float, since_s: float) -> bool:
        """The arm has been at rest for the last so many seconds, all of them after a moment."""
        for time_s, _, velocities in reversed(self._samples.copy()):
            if time_s <= since_s or max(map(abs, velocities)) > STANDSTILL:
                return False
            if self._samples[-1][0] - time_s >= seconds:
                return True
        return False

    def track(self) -> Track:
        """Everything seen of the arm."""
        samples = list(self._samples)
        width = len(self._robot.joint_names)
        rows = [np.array([s[i] for s in samples]).reshape(-1, width) for i in (1, 2)]
        return Track(np.array([s[0] for s in samples]), *rows)

    def new_collisions(self) -> list[str]:
        """Collisions that were not told of before, as the simulator describes them."""
        new = self._collisions - self._told
        self._told = self._collisions
        described = self._collided.split('; ')[-new:] if new else []
        return described + ['not described'] * (new - len(described))

    def diagnosed_after(self, moment_s: float) -> bool:
        """The simulator has reported since."""
        return self._diagnosed_s > moment_s

    def forget(self, before_s: float) -> None:
        """Keep of the arm only what came after a moment, and of the reports a little more."""
        while len(self._samples) > 1 and self._samples[1][0] <= before_s:
            self._samples.popleft()
        while self.reports and self.reports[0].time_s < before_s - REMEMBERED_S:
            self.reports.popleft()
        self.guard_s = [said_s for said_s in self.guard_s if said_s > before_s]

    def _on_joints(self, message: JointState) -> None:
        names = list(message.name)
        order = [names.index(name) for name in self._robot.joint_names]
        self._samples.append(
            (
                _seconds(message.header.stamp),
                [message.position[i] for i in order],
                [message.velocity[i] for i in order],
            )
        )

    def _on_status(self, message: SafetyStatus) -> None:
        self.reports.append(Report(_seconds(message.header.stamp), Mode(message.state)))
        self.clearance_m = message.min_clearance
        self.text = f'{message.state_name}: {message.reason} {message.text}'

    def _on_guard(self, _: String) -> None:
        self.guard_s.append(time.time())

    def _on_recording(self, _: object) -> None:
        self._recording_s = time.monotonic()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if 'collisions' in values:
                self._collisions = int(values['collisions'])
                self._collided = values['collided']
                self._diagnosed_s = _seconds(message.header.stamp)


def _seconds(stamp: object) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)  # type: ignore[attr-defined]
