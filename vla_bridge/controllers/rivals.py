# SPDX-License-Identifier: Apache-2.0
"""Who else moves a controller: publishers on its topic, and goals of its action."""

import secrets
import time
from typing import Any

from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import qos_profile_action_status_default
from rclpy.serialization import deserialize_message

from vla_bridge.heartbeat import Pulses
from vla_bridge.publishers import UNKNOWN, foreign_publishers
from vla_bridge.topics import GUARD_HEARTBEAT, SAFETY_HEARTBEAT

NAMED_S = 1.0
"""A publisher that still has no name after this is somebody else, perhaps not even of ROS."""
_OURS = b'vla_ctrl'
"""Beginning of the ids of all goals of ours: safety node and guard know each other's by it."""
_BEATS = {'safety_node': SAFETY_HEARTBEAT, 'guard_node': GUARD_HEARTBEAT}
"""The nodes that may move a controller, once each, and where they beat."""
_AT_WORK = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)


class OtherPublishers:
    """Who else publishes on a controller's topic. Listens to nobody before it is asked.

    Args:
        node: The safety node.
        topic: Of the controller.
    """

    def __init__(self, node: LifecycleNode, topic: str) -> None:
        """Only note it: the guard, which never asks, has the same outputs."""
        self._node, self._topic = node, topic
        self._pulses: dict[str, Pulses] = {}
        self._unknown_s: float | None = None

    def words(self) -> str:
        """Who, in words; empty for nobody."""
        if not self._pulses:
            self._pulses = {name: Pulses(self._node, topic) for name, topic in _BEATS.items()}
        alone = [name for name, pulses in self._pulses.items() if pulses.alone]
        others = foreign_publishers(self._node, self._topic, allowed=_BEATS, alone=alone)
        others = self._introduced(others)
        return f'{", ".join(others)} also publishes on {self._topic}' if others else ''

    def _introduced(self, others: tuple[str, ...]) -> tuple[str, ...]:
        """Those that count. One whose name is still on its way may be a guard that just started."""
        if UNKNOWN not in others:
            self._unknown_s = None
            return others
        now_s = time.monotonic()
        self._unknown_s = now_s if self._unknown_s is None else self._unknown_s
        if now_s - self._unknown_s > NAMED_S:
            return others
        return tuple(name for name in others if name != UNKNOWN)


def goal_id() -> Any:  # noqa: ANN401 - a message
    """A new id of a goal of ours."""
    info = GoalInfo()
    info.goal_id.uuid = list(_OURS + secrets.token_bytes(16 - len(_OURS)))
    return info.goal_id


class ForeignGoals:
    """Goals in execution that are not ours, by the status that every action server publishes.

    Args:
        node: Listens.
        action: Name of the action.
    """

    def __init__(self, node: LifecycleNode, action: str) -> None:
        """Listen. Messages come often and are read seldom, so they are kept as bytes."""
        self._action = action
        self._status = b''
        node.create_subscription(
            GoalStatusArray,
            f'{action}/_action/status',
            self._on_status,
            qos_profile_action_status_default,
            raw=True,
        )

    def words(self) -> str:
        """What is going on, in words; empty where nothing is."""
        if not self._status:
            return ''
        statuses = deserialize_message(self._status, GoalStatusArray).status_list
        foreign = [s for s in statuses if s.status in _AT_WORK and not _is_ours(s)]
        return f'somebody else has sent {len(foreign)} goal(s) to {self._action}' if foreign else ''

    def _on_status(self, message: bytes) -> None:
        self._status = message


def _is_ours(status: GoalStatus) -> bool:
    return bytes(status.goal_info.goal_id.uuid).startswith(_OURS)
