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

PATIENCE = 1.25
"""Periods without a setpoint after which the guard says it."""
LOOKS = 4
"""How often in a period the guard looks whether that is so."""
CATCH_UP = 1.25
"""Pace at which a plan is followed whose setpoints stayed away for a while."""
_LONGEST_STEP = 1.5
"""Periods of a plan that are passed over in one setpoint at most, before the catching up."""
_STALL = 5
"""Periods without a turn after which the guard itself was suspended, and knows nothing new."""
_WAKING = 4
"""Turns on time that it then takes to hear what happened meanwhile."""


class StandbyOutput:
    """Says what the safety node should say, when it does not; or a stop of the guard's own."""

    def __init__(self, node: LifecycleNode, robot: Robot, setpoints: Setpoints) -> None:
        """Hear the stream."""
        self._line = Line(node, robot, setpoints)
        self._own: deque[Any] = deque(maxlen=8)
        self._stopping = self._speaking = False
        self._said_ns = 0
        self._spoken_ns = self._stepped_ns = self._line.elapsed_ns()
        self._turns = 0
        topic = robot.controller.topic
        node.create_subscription(setpoints.message_type, topic, self._on_heard, COMMAND)
        self._line.every(self._line.period_s / LOOKS, self._step)

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
        if self._stopping or self._speaking:
            self._line.say_the_rest()
        self._line.drop()

    def _take(self, motion: Motion) -> None:
        """Where nothing was going on, nothing is overdue either."""
        idle = self._line.motion is None
        self._line.take(motion)
        if idle:
            self._speaking = False
            self._spoken_ns, self._said_ns = self._line.elapsed_ns(), self._line.now_ns()

    def _step(self) -> None:
        periods = self._line.seconds_since(self._stepped_ns) / self._line.period_s
        self._stepped_ns = self._line.elapsed_ns()
        self._turns = 0 if periods > _STALL else self._turns + 1
        if self._line.motion is None or self._turns < _WAKING or not self._line.awake:
            return
        silent = self._line.seconds_since(self._spoken_ns) / self._line.period_s
        if silent >= (1.0 if self._stopping or self._speaking else PATIENCE):
            self._speaking = True
            said = self._line.say(self._due_ns(silent))
            if said is not None:
                self._own.append(said)
            self._spoken_ns = self._line.elapsed_ns()

    def _due_ns(self, silent: float) -> int:
        """Time to say the setpoint of: now, or on from where an arm stands that was told nothing.

        Catching up at little more than the pace, so that the arm does not jump.
        """
        now_ns = self._line.now_ns()
        if self._line.setpoints.stands_when_silent:
            step_s = CATCH_UP * min(silent, _LONGEST_STEP) * self._line.period_s
            now_ns = min(now_ns, self._said_ns + round(step_s * NS))
        self._said_ns = now_ns
        return now_ns

    def _on_heard(self, message: Any) -> None:  # noqa: ANN401 - of whatever type setpoints have
        if message in self._own:
            self._own.remove(message)
            return
        self._speaking = False
        self._spoken_ns, self._said_ns = self._line.elapsed_ns(), self._line.now_ns()
        self._line.note(self._said_ns)
