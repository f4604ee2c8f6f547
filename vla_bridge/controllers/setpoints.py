# SPDX-License-Identifier: Apache-2.0
"""The setpoints of a motion, one after the other, on the topic of a controller that streams."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.timer import Timer

from vla_bridge.controllers.pulse import Pulse
from vla_bridge.topics import COMMAND
from vla_contract.robot import Robot
from vla_safety.motion import NS, Motion

REST_S = 0.2
"""How long rest is said after a motion, so that no controller is left without it [s]."""


class Setpoints(Protocol):
    """What one kind of controller is told at one moment of a motion."""

    @property
    def message_type(self) -> Any:  # noqa: ANN401 - a generated class
        """Of the messages."""

    @property
    def stands_when_silent(self) -> bool:
        """Without messages the arm stands still; else it goes on as fast as it was told last."""

    def at(self, motion: Motion, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """The message for a time; from the end of the motion on it means rest."""


class Line:
    """One motion at a time, said setpoint by setpoint, and then rest for a while.

    Time is the system's steady clock, set by ROS time whenever a motion is taken: a jump of ROS
    time is then no jump of the arm. Where time is simulated it is ROS time.
    """

    def __init__(self, node: LifecycleNode, robot: Robot, setpoints: Setpoints) -> None:
        """Publish on the controller's topic."""
        self.setpoints = setpoints
        self.period_s = 1.0 / robot.controller.rate_hz
        self.motion: Motion | None = None
        self._node = node
        self._simulated = bool(node.get_parameter('use_sim_time').value)
        self._offset_ns = 0
        self._rests = 0
        self._timer: Timer | None = None
        self._longest_pause_s = robot.timing.heartbeat_timeout_s / 2
        self._pulse = Pulse(node, self._longest_pause_s)
        self._publisher = node.create_publisher(
            setpoints.message_type, robot.controller.topic, COMMAND
        )

    def every(self, seconds: float, step: Callable[[], None]) -> None:
        """Call something again and again, as long as there is a motion."""
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        if self._simulated:
            clock = self._node.get_clock()
        self._timer = self._node.create_timer(seconds, step, clock=clock)
        self._timer.cancel()

    @property
    def awake(self) -> bool:
        """This process was not suspended for so long that the guard may have stopped the arm."""
        return self._pulse.awake

    def now_ns(self) -> int:
        """The time that motions are sampled by."""
        if self._simulated:
            return int(self._node.get_clock().now().nanoseconds)
        return time.monotonic_ns() + self._offset_ns

    def seconds_since(self, then_ns: int) -> float:
        """Time that has passed since an elapsed_ns() [s]."""
        return (self.elapsed_ns() - then_ns) / NS

    def elapsed_ns(self) -> int:
        """A clock for durations, which nobody sets."""
        return self.now_ns() if self._simulated else time.monotonic_ns()

    def take(self, motion: Motion) -> None:
        """Say this motion from the next setpoint on."""
        self.motion, self._rests = motion, 0
        self._offset_ns = int(self._node.get_clock().now().nanoseconds) - time.monotonic_ns()
        if self._timer is not None and self._timer.is_canceled():
            self._timer.reset()

    def drop(self) -> None:
        """Say nothing more."""
        self.motion = None
        if self._timer is not None:
            self._timer.cancel()

    def say(self, time_ns: int) -> Any:  # noqa: ANN401 - a message
        """Publish the setpoint for a time, and return it; None where it took too long to make."""
        began_ns = time.monotonic_ns()
        message = self.setpoints.at(self.motion, time_ns) if self.motion is not None else None
        if message is None or time.monotonic_ns() - began_ns > self._longest_pause_s * NS:
            return None
        self._publisher.publish(message)
        self.note(time_ns)
        return message

    def note(self, time_ns: int) -> None:
        """A setpoint for this time was said: when rest was said often enough, all is said."""
        if self.motion is None or time_ns < self.motion.end_ns:
            return
        self._rests += 1
        if self._rests * self.period_s >= REST_S:
            self.drop()

    def say_the_rest(self) -> None:
        """Say everything up to the end, on time, and return then."""
        began_ns, steady_ns = self.now_ns(), time.monotonic_ns()
        while self.motion is not None:
            self.say(began_ns + time.monotonic_ns() - steady_ns)
            time.sleep(self.period_s)
