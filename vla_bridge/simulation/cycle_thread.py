# SPDX-License-Identifier: Apache-2.0
"""The thread that lets simulated time pass: physics, controllers, and all streams but images."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from vla_bridge.simulation.judge import VERDICT_RATE_HZ, Judge, Verdict
from vla_bridge.simulation.pace import BREATH_S, Pace
from vla_bridge.simulation.ros_time import RosTime
from vla_bridge.simulation.simulated_robot import Reading, SimulatedRobot
from vla_bridge.simulation.state_streams import JointStates, Truth, TruthStreams
from vla_bridge.simulation.trajectory_interface import StateStream
from vla_contract.errors import VlaError

TRUTH_RATE_HZ = 50.0
STATE_RATE_HZ = 50.0


@dataclass(frozen=True)
class Streams:
    """What every cycle feeds."""

    joints: JointStates
    truth: TruthStreams
    controllers: tuple[StateStream, ...]


class CycleThread:
    """Runs the cycles of a simulated robot at a pace.

    Args:
        robot: What moves.
        judge: Says whether the task is done.
        streams: Fed by every cycle.
        time: Of stamps and of the pace.
        factor: Simulated time by clock time; 0 for as fast as possible.
        seed: Of the scene; to be changed by whoever resets it.
        on_cycle: Given the simulated and the ROS time of each cycle.
        on_failure: Called when the thread ends unasked, with the reason where it is known.
    """

    def __init__(
        self,
        robot: SimulatedRobot,
        judge: Judge,
        streams: Streams,
        *,
        time: RosTime,
        factor: float,
        seed: int,
        on_cycle: Callable[[int, int], None],
        on_failure: Callable[[VlaError], None],
    ) -> None:
        """Do not start yet."""
        self._robot, self._judge, self._streams = robot, judge, streams
        self._time, self._factor = time, factor
        self._on_cycle, self._on_failure = on_cycle, on_failure
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._verdict: Verdict | None = None
        self.seed = seed
        self.pace = Pace(time.pace_ns, robot.period_ns, factor)

    def start(self) -> None:
        """Let time pass."""
        self.pace = Pace(self._time.pace_ns, self._robot.period_ns, self._factor)
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name='cycles', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let time stand still; returns when the last cycle has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        failure = VlaError('the simulation thread ended; its traceback is above')
        try:
            count = 0
            while not self._stop.is_set():
                wait_s = self.pace.wait_s()
                if wait_s > 0.0:
                    self._stop.wait(wait_s)
                    continue
                self._cycle(count)
                self.pace.advance()
                count += 1
                if not self._factor:
                    self._stop.wait(BREATH_S)
        except VlaError as error:
            failure = error
        finally:
            if not self._stop.is_set():
                self._on_failure(failure)

    def _cycle(self, count: int) -> None:
        """Simulate up to the time that is due, and tell what was measured then."""
        robot = self._robot
        truth: Truth | None = None
        with robot.lock:
            simulated_ns = robot.simulator.time_ns + robot.period_ns
            self._time.align(simulated_ns, self.pace.due_ns)
            now_ns = self._time.stamp_of(simulated_ns)
            reading = robot.run_cycle(now_ns)
            judged = self._due(count, VERDICT_RATE_HZ)
            if judged:
                self._verdict = self._judge.verdict()
            if self._due(count, TRUTH_RATE_HZ):
                simulator = robot.simulator
                truth = Truth(simulator.world(), simulator.tool_pose(), self.seed)
        self._on_cycle(simulated_ns, now_ns)
        self._publish(count, now_ns, reading, truth, judged=judged)

    def _publish(
        self, count: int, now_ns: int, reading: Reading, truth: Truth | None, *, judged: bool
    ) -> None:
        streams, verdict = self._streams, self._verdict
        streams.joints.publish(now_ns, reading)
        if truth is not None:
            streams.truth.publish_truth(now_ns, truth, verdict)
        if judged and verdict is not None and verdict.task_id:
            streams.truth.publish_progress(now_ns, verdict)
        if self._due(count, STATE_RATE_HZ):
            for state in streams.controllers:
                state.publish()

    def _due(self, count: int, rate_hz: float) -> bool:
        """Is something of this rate due in this cycle?"""
        every = max(1, round(1e9 / (rate_hz * self._robot.period_ns)))
        return count % every == 0
