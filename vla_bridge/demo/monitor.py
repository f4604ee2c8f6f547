# SPDX-License-Identifier: Apache-2.0
"""What a run looks like from outside: the newest status, motion and progress, as a picture."""

import math
import time
from dataclasses import dataclass, field

import psutil
from rclpy.node import Node
from sensor_msgs.msg import JointState
from vla_control.msg import ActionChunk, GroundTruth, SafetyStatus, TaskProgress

from vla_bridge import topics
from vla_contract.robot import Robot

MOVES_RAD_S = 0.02
"""Speed above which a joint counts as moving."""


@dataclass
class Monitor:
    """Listens to a graph. Its callbacks run in the client's thread, its readers in another.

    Attributes:
        status: The safety node's newest.
        velocities: By joint [rad/s].
        progress: Of the task, 0 to 1; NaN while nobody judges.
        held: Object in the gripper, empty for none.
        chunks: Action chunks seen.
        held_back: What first held the arm back before an obstacle, empty for nothing so far.
        least_clearance_m: Of the plans in execution while the arm moved, so far.
        first_motion: Time the arm first moved since it was last reset [s, monotonic].
    """

    node: Node
    robot: Robot
    status: SafetyStatus = field(default_factory=SafetyStatus)
    velocities: dict[str, float] = field(default_factory=dict)
    progress: float = math.nan
    held: str = ''
    chunks: int = 0
    held_back: str = ''
    least_clearance_m: float = math.inf
    first_motion: float | None = None
    _held_since: float = 0.0

    def __post_init__(self) -> None:
        """Subscribe."""
        listen = self.node.create_subscription
        listen(SafetyStatus, topics.SAFETY_STATUS, self._on_status, topics.COMMAND)
        listen(JointState, self.robot.joint_states, self._on_joints, topics.SENSOR)
        listen(TaskProgress, topics.TASK_PROGRESS, self._on_progress, topics.COMMAND)
        listen(ActionChunk, topics.ACTION_CHUNK, self._on_chunk, topics.COMMAND)
        listen(GroundTruth, topics.GROUND_TRUTH, self._on_truth, topics.SENSOR)

    @property
    def held_back_s(self) -> float:
        """Time since an obstacle first held the arm back [s]."""
        return time.monotonic() - self._held_since if self.held_back else 0.0

    def _on_status(self, message: SafetyStatus) -> None:
        self.status = message
        if message.state in (SafetyStatus.ACTIVE, SafetyStatus.SCALED, SafetyStatus.HOLD):
            self.least_clearance_m = min(self.least_clearance_m, message.min_clearance)
        if message.reason == 'COLLISION' and not self.held_back:
            self._held_since = time.monotonic()
            self.held_back = message.text

    def _on_joints(self, message: JointState) -> None:
        self.velocities = dict(zip(message.name, message.velocity, strict=False))
        moves = any(abs(self.velocities.get(name, 0.0)) > MOVES_RAD_S for name in self._arm)
        if moves and self.first_motion is None:
            self.first_motion = time.monotonic()

    def _on_progress(self, message: TaskProgress) -> None:
        self.progress = message.progress

    def _on_chunk(self, _message: ActionChunk) -> None:
        self.chunks += 1

    def _on_truth(self, message: GroundTruth) -> None:
        self.held = message.held

    @property
    def _arm(self) -> tuple[str, ...]:
        return self.robot.joint_names


@dataclass
class Usage:
    """Processor time and memory of the nodes' processes.

    Attributes:
        pids: Process by node name.
    """

    pids: dict[str, int]
    _processes: dict[str, psutil.Process] = field(default_factory=dict)
    _last: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look the processes up."""
        for name, pid in self.pids.items():
            try:
                self._processes[name] = psutil.Process(pid)
            except psutil.NoSuchProcess:
                continue

    def gone(self, name: str) -> bool:
        """The process of a node has ended."""
        process = self._processes.get(name)
        return process is None or not process.is_running() or self._is_zombie(process)

    def cpu_s(self) -> dict[str, float]:
        """Processor time each node has used so far [s]."""
        return {name: self._cpu_s(process) for name, process in self._processes.items()}

    def share(self) -> dict[str, float]:
        """Share of one core that each node used since the last call, 1 for all of it."""
        now, shares = time.monotonic(), {}
        for name, used_s in self.cpu_s().items():
            before, before_s = self._last.get(name, (now, used_s))
            shares[name] = max(used_s - before_s, 0.0) / (now - before) if now > before else 0.0
            self._last[name] = (now, used_s)
        return shares

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each node [MB]."""
        return {name: self._memory_mb(process) for name, process in self._processes.items()}

    @staticmethod
    def _is_zombie(process: psutil.Process) -> bool:
        try:
            return bool(process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    @staticmethod
    def _cpu_s(process: psutil.Process) -> float:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(times.user + times.system)

    @staticmethod
    def _memory_mb(process: psutil.Process) -> float:
        try:
            return float(process.memory_info().rss) / 1e6
        except psutil.NoSuchProcess:
            return 0.0
