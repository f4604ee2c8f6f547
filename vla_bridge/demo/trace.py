# SPDX-License-Identifier: Apache-2.0
"""An episode as curves over time: what the plot draws and the captions of the video say."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_bridge import topics
from vla_bridge.codecs.stamp import stamp_ns
from vla_bridge.recording.episode import Episode
from vla_contract.robot import Robot

Curve = NDArray[np.float64]
NS = 1_000_000_000


@dataclass
class Steps:
    """A value that holds from one time until the next."""

    times: list[float] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, at: float, value: object) -> None:
        """Note a value, if it is a new one."""
        if not self.values or self.values[-1] != value:
            self.times.append(at)
            self.values.append(value)

    def at(self, when: float, default: Any = '') -> Any:  # noqa: ANN401 - whatever was added
        """The value in force at a time."""
        index = bisect_right(self.times, when) - 1
        return self.values[index] if index >= 0 else default

    def spans(self, end: float) -> list[tuple[float, float, Any]]:
        """Start, end and value of every stretch."""
        return list(zip(self.times, [*self.times, end][1:], self.values, strict=True))


@dataclass(frozen=True)
class Trace:
    """One episode; all times in seconds from the instruction.

    Attributes:
        zero_ns: Time of the instruction, or of the first message where there was none.
        end: Of the episode.
        joint_times: Of the two that follow.
        positions: Arm joints, K by N [rad or m].
        velocities: The same, per second.
        opening_times: Of the next.
        opening: Of the gripper, 0 closed to 1 open.
        status_times: Of the five that follow.
        speed_scale: 0 to 1.
        worst_ratio: Use of the limit used most.
        worst_limit: Which limit that is, such as "jerk elbow_joint".
        clearance: From the plan in execution to what is nearest [m]; NaN where nothing is.
        nearest: Which two things these are.
        chunk_times: Arrival of each action chunk.
        safety: Name of the safety node's state.
        held: Object in the gripper.
        progress: 0 to 1.
        success: The judge's word.
    """

    zero_ns: int
    end: float
    joint_times: Curve
    positions: Curve
    velocities: Curve
    opening_times: Curve
    opening: Curve
    status_times: Curve
    speed_scale: Curve
    worst_ratio: Curve
    worst_limit: tuple[str, ...]
    clearance: Curve
    nearest: tuple[str, ...]
    chunk_times: Curve
    safety: Steps
    held: Steps
    progress: Steps
    success: Steps

    def phase(self, when: float) -> str:
        """What the arm is about, in words."""
        if self.success.at(when, default=False):
            return 'done'
        held = self.held.at(when)
        if held:
            return f'holding the {str(held).replace("_", " ")}'
        if when < 0:
            return 'waiting for the instruction'
        return 'at rest' if self.safety.at(when) in ('ARMED', 'DISARMED') else 'reaching'


def read_trace(episode: Episode, robot: Robot) -> Trace:
    """Gather the curves of an episode."""
    gathered = _Gathered(robot, _zero_ns(episode))
    names = (
        robot.joint_states,
        topics.SAFETY_STATUS,
        topics.ACTION_CHUNK,
        topics.GROUND_TRUTH,
        topics.TASK_PROGRESS,
    )
    for name, received_ns, message in episode.messages(*names):
        gathered.add(name, (received_ns - gathered.zero_ns) / NS, message)
    return gathered.trace((episode.span_ns[1] - gathered.zero_ns) / NS)


def _zero_ns(episode: Episode) -> int:
    """When the task was accepted, which may be before the recorder heard of it."""
    for _, _, task in episode.messages(topics.TASK):
        if task.active:
            return stamp_ns(task.header.stamp, topics.TASK)
    return episode.span_ns[0]


class _Gathered:
    """Lists that grow message by message."""

    def __init__(self, robot: Robot, zero_ns: int) -> None:
        self.robot, self.zero_ns = robot, zero_ns
        self._joints: list[tuple[float, list[float], list[float]]] = []
        self._opening: list[tuple[float, float]] = []
        self._status: list[tuple[float, float, float, float]] = []
        self._worst: list[str] = []
        self._nearest: list[str] = []
        self._chunks: list[float] = []
        self._safety, self._held, self._progress, self._success = (Steps() for _ in range(4))

    def add(self, name: str, at: float, message: Any) -> None:  # noqa: ANN401 - five classes
        """Take one message."""
        if name == self.robot.joint_states:
            self._add_joints(message)
        elif name == topics.SAFETY_STATUS:
            scale, ratio, clearance = (
                message.speed_scale,
                message.worst_limit_ratio,
                message.min_clearance,
            )
            self._status.append((at, scale, ratio, clearance))
            self._nearest.append(' – '.join(filter(None, message.clearance_pair)))
            self._worst.append(message.worst_limit)
            self._safety.add(at, message.state_name)
        elif name == topics.ACTION_CHUNK:
            self._chunks.append(at)
        elif name == topics.GROUND_TRUTH:
            self._held.add(at, message.held)
        else:
            self._progress.add(at, float(message.progress))
            self._success.add(at, bool(message.success))

    def trace(self, end: float) -> Trace:
        """All of it as arrays."""
        count = len(self.robot.joints)
        joints = [np.array([row[i] for row in self._joints], dtype=np.float64) for i in range(3)]
        opening = np.array(self._opening, dtype=np.float64).reshape(-1, 2)
        status = np.array(self._status, dtype=np.float64).reshape(-1, 4)
        return Trace(
            zero_ns=self.zero_ns,
            end=end,
            joint_times=joints[0],
            positions=joints[1].reshape(-1, count),
            velocities=joints[2].reshape(-1, count),
            opening_times=opening[:, 0],
            opening=opening[:, 1],
            status_times=status[:, 0],
            speed_scale=status[:, 1],
            worst_ratio=status[:, 2],
            worst_limit=tuple(self._worst),
            clearance=status[:, 3],
            nearest=tuple(self._nearest),
            chunk_times=np.array(self._chunks, dtype=np.float64),
            safety=self._safety,
            held=self._held,
            progress=self._progress,
            success=self._success,
        )

    def _add_joints(self, message: Any) -> None:  # noqa: ANN401 - of a generated class
        positions = dict(zip(message.name, message.position, strict=False))
        velocities = dict(zip(message.name, message.velocity, strict=False))
        names = self.robot.joint_names
        measured = (stamp_ns(message.header.stamp, self.robot.joint_states) - self.zero_ns) / NS
        if all(name in positions for name in names):
            moving = [velocities.get(name, np.nan) for name in names]
            self._joints.append((measured, [positions[name] for name in names], moving))
        gripper = self.robot.gripper
        if gripper is not None and gripper.joint in positions:
            self._opening.append((measured, gripper.to_opening(positions[gripper.joint])))
