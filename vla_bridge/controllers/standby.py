# SPDX-License-Identifier: Apache-2.0
"""The guard's output to controllers that know one setpoint at a time.

Such a controller holds no motion, so the guard does: it hears the plan and the safety node's
setpoints, and where they pause it says the plan's own setpoints instead. As both say the same plan
by the same clock it does not matter who speaks. A safety node that dies in mid-motion is thus
followed to the end of the plan's braking tail, as a trajectory controller would.
"""

from collections import deque
from typing import Any

from rclpy.lifecycle import LifecycleNode

from vla_bridge.controllers.setpoints import Line, Setpoints
from vla_bridge.topics import COMMAND
from vla_contract.robot import Robot
from vla_safety.motion import NS, Motion

PATIENCE = 1.5
"""Periods without a setpoint after which the guard says it."""
CATCH_UP = 1.25
"""Pace at which a plan is followed whose setpoints stayed away for a while."""
_STALL = 5
"""Periods without a turn after which the guard itself was suspended, and knows nothing new."""
_WAKING = 3
"""Turns on time that it then takes to hear what happened meanwhile."""


class StandbyOutput:
    """Says what the safety node should say, when it does not; or a stop of the guard's own."""

    def __init__(self, node: LifecycleNode, robot: Robot, setpoints: Setpoints) -> None:
        """Hear the stream."""
        self._line = Line(node, robot, setpoints)
        self._period_ns = round(self._line.period_s * NS)
        self._own: deque[Any] = deque(maxlen=8)
        self._stopping = False
        self._said_ns = 0
        self._heard_ns = self._stepped_ns = self._line.elapsed_ns()
        self._turns = 0
        topic = robot.controller.topic
        node.create_subscription(setpoints.message_type, topic, self._on_heard, COMMAND)
        self._line.every_period(self._step)

    def send(self, motion: Motion) -> None:
        """Say this motion from now on, whatever others say."""
        self._take(motion)
        self._stopping = True

    def stand_by(self, plan: Motion) -> None:
        """Know what the safety node says from now on."""
        if self._stopping and self._line.motion is not None:
            return
        self._stopping = False
        self._take(plan)

    def finish(self) -> None:
        """Bring the arm to rest where that is the guard's to do."""
        if self._stopping or self._silent():
            self._line.say_the_rest()
        self._line.drop()

    def _take(self, motion: Motion) -> None:
        """Where nothing was going on, nothing is overdue either."""
        idle = self._line.motion is None
        self._line.take(motion)
        if idle:
            self._heard_ns, self._said_ns = self._line.elapsed_ns(), self._line.now_ns()

    def _silent(self) -> bool:
        return self._line.seconds_since(self._heard_ns) > PATIENCE * self._line.period_s

    def _step(self) -> None:
        passed_ns = self._line.elapsed_ns() - self._stepped_ns
        self._stepped_ns += passed_ns
        self._turns = 0 if passed_ns > _STALL * self._period_ns else self._turns + 1
        if self._line.motion is None or self._turns < _WAKING:
            return
        if self._stopping or self._silent():
            self._own.append(self._line.say(self._due_ns(passed_ns)))

    def _due_ns(self, passed_ns: int) -> int:
        """Time to say the setpoint of: now, or on from where an arm stands that was told nothing.

        Catching up at no more than CATCH_UP times the pace, so that the arm does not jump.
        """
        now_ns = self._line.now_ns()
        if self._line.setpoints.stands_when_silent:
            now_ns = min(now_ns, self._said_ns + round(CATCH_UP * passed_ns))
        self._said_ns = now_ns
        return now_ns

    def _on_heard(self, message: Any) -> None:  # noqa: ANN401 - of whatever type setpoints have
        if message in self._own:
            self._own.remove(message)
            return
        self._heard_ns = self._line.elapsed_ns()
        self._said_ns = self._line.now_ns()
        self._line.note(self._said_ns)
