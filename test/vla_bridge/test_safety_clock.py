# SPDX-License-Identifier: Apache-2.0
"""safety_node where the clock is set, stands, or never ran: it says so, and nothing jumps."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool
from vla_control.msg import SafetyStatus

from test.vla_bridge.test_safety_node import SafetyBench
from vla_bridge import topics
from vla_bridge.chunk_codec import encode
from vla_bridge.nodes.safety_node import SafetyNode
from vla_contract.action import ActionChunk
from vla_safety.motion import NS


class SkewedNode(SafetyNode):
    """The node on a machine whose clock is set while it runs.

    Attributes:
        skew_ns: How far the clock is from what it would be.
    """

    def __init__(self) -> None:
        """The clock is right."""
        super().__init__()
        self.skew_ns = 0

    def now_ns(self) -> int:
        """ROS time as this machine has it."""
        return super().now_ns() + self.skew_ns


@pytest.fixture
def safety(ros_domain: int, tmp_path: Path) -> Iterator[SafetyBench]:
    """The node, armed."""
    bench = SafetyBench(ros_domain, tmp_path, make=SkewedNode)
    bench.arm()
    yield bench
    bench.bench.close()


def set_clock(safety: SafetyBench, seconds: float) -> None:
    """For everybody at once, as on one machine."""
    node = safety.bench.node
    assert isinstance(node, SkewedNode)
    safety.skew_ns = node.skew_ns = round(seconds * NS)


def move(safety: SafetyBench) -> None:
    """Have trajectories sent, again until the task has been heard."""
    count = len(safety.sent)

    def sent() -> bool:
        safety.chunks.publish(encode(a_turn(safety)))
        return len(safety.sent) > count + 3

    safety.bench.until(sent)


def a_turn(safety: SafetyBench) -> ActionChunk:
    """Less than would be seen to be missing, since the arm stands."""
    rows = safety.q + 0.1 * np.linspace(0, 1, 20)[:, None] ** 2 * np.eye(6)[0]
    return safety.chunk(rows)


@pytest.mark.parametrize('seconds', [-3600.0, -0.5, 0.5, 3600.0])
def test_a_clock_that_is_set_in_mid_motion_is_a_protective_stop(
    safety: SafetyBench, seconds: float
) -> None:
    """Cases 31 and 32: told with the amount, nothing more is sent, and armed again it goes on."""
    move(safety)
    set_clock(safety, seconds)
    event = safety.expect(lambda e: e.reason == 'CLOCK_JUMP')
    assert event.state == SafetyStatus.PROTECTIVE_STOP
    assert f'jumped by {seconds:.1f}' in event.text
    safety.bench.spin(0.1)
    count = len(safety.sent)
    button = safety.bench.probe.create_publisher(Bool, topics.EMERGENCY_STOP, topics.COMMAND)
    safety.bench.until(button.get_subscription_count)
    button.publish(Bool(data=True))
    safety.expect(lambda e: e.reason == 'EMERGENCY_STOP')
    assert safety.call(topics.SAFETY_STOP).success
    safety.bench.spin(0.2)
    assert len(safety.sent) == count
    button.publish(Bool(data=False))
    safety.arm()
    move(safety)


class SimulatedBench(SafetyBench):
    """Time is what the bench publishes.

    Attributes:
        ns: The time; nobody says it before it is above 0.
        runs: Whether it goes on.
    """

    def __init__(self, domain: int, folder: Path) -> None:
        """Time has not begun."""
        self.ns, self.runs = 0, False
        super().__init__(domain, folder, parameters=['safety_node:use_sim_time:=true'])
        probe = self.bench.probe
        self._clock = probe.create_publisher(Clock, '/clock', QoSProfile(depth=1))
        probe.create_timer(0.01, self._advance)

    @property
    def now_ns(self) -> int:
        """Simulated."""
        return self.ns

    def _advance(self) -> None:
        if self.runs:
            self.ns += NS // 100
        if self.ns:
            seconds, nanoseconds = divmod(self.ns, NS)
            message = Clock()
            message.clock.sec, message.clock.nanosec = seconds, nanoseconds
            self._clock.publish(message)


@pytest.fixture
def simulated(ros_domain: int, tmp_path: Path) -> Iterator[SimulatedBench]:
    """The node, whose clock has not begun to run."""
    bench = SimulatedBench(ros_domain, tmp_path)
    yield bench
    bench.bench.close()


def test_time_that_never_ran_arms_nothing_and_time_that_stood_holds(
    simulated: SimulatedBench,
) -> None:
    """Case 33: zero is not a time; and after a pause only what was observed since then moves."""
    simulated.bench.until(simulated.people.get_subscription_count)
    simulated.bench.spin(0.3)
    refusal = simulated.call(topics.SAFETY_ARM)
    assert not refusal.success
    assert refusal.message.startswith('BAD_JOINT_STATE: joint states are stamped 0.000 s from now')
    simulated.ns, simulated.runs = 100 * NS, True
    simulated.arm()
    move(simulated)
    before = a_turn(simulated)
    simulated.events.clear()  # a busy machine may have stood still before
    simulated.runs = False
    simulated.bench.spin(0.1)
    count = len(simulated.sent)
    simulated.bench.spin(0.5)
    assert len(simulated.sent) == count
    simulated.runs = True
    event = simulated.expect(lambda e: e.reason == 'STALLED')
    assert event.state == SafetyStatus.HOLD
    simulated.chunks.publish(encode(before))
    simulated.expect(lambda e: e.reason == 'NOT_FRESH')
    assert len(simulated.sent) == count
    move(simulated)
