# SPDX-License-Identifier: Apache-2.0
"""Every kind of controller brings the arm to rest: asked to, and after the safety node's death.

Time is simulated, at half the pace of real time: what is measured is what the arm does, not how
busy the machine is.
"""

import itertools
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from vla_control.msg import SafetyStatus

from test.graph.deployments import write_deployment
from vla_bridge import topics
from vla_contract.robot import ArmControllerKind
from vla_safety.braking import brake
from vla_safety.measured import STANDSTILL
from vla_safety.motion import NS, Array, State

if TYPE_CHECKING:
    from test.graph.conftest import Graph, Probe

pytestmark = pytest.mark.graph

LATENCY_S = 0.1
"""Allowed from a cause to its effect on the arm, beyond what is planned."""
TICK_S = 0.02
PACE = 0.5
HEARTBEAT_TIMEOUT_S = 0.6
SPEED = 0.65
"""Of the fastest joint when it is to stop [rad/s]."""
SIDE = np.array([0.35, -0.14, 0.14, 0.07, 0.07, 0.35])
ATTEMPTS = 5
WATCH_S = 0.6


@dataclass
class Stop:
    """What was seen of one stop, and how much of it was planned.

    Attributes:
        standstill_s: From its cause to the last sign of motion.
        joints: Distance that each joint went meanwhile.
        tool_m: Distance that the tool went meanwhile.
        planned_s: Time by the plan: what is committed, and braking from the speed that was seen.
        planned: Distance by the plan, of each joint.
        planned_tool_m: Distance by the plan, of the tool.
    """

    standstill_s: float
    joints: Array
    tool_m: float
    planned_s: float
    planned: Array
    planned_tool_m: float

    def assert_bounded(self) -> None:
        """The plan's time and distance, and what latency adds to both."""
        assert self.standstill_s <= self.planned_s + LATENCY_S, self
        assert (self.joints <= self.planned).all(), self
        assert 0.0 < self.tool_m <= self.planned_tool_m, self


@pytest.fixture
def moved(graph: 'Graph', probe: 'Probe', tmp_path: Path) -> 'Probe':
    """Nothing runs yet; time is simulated."""
    parameter = Parameter('use_sim_time', value=True)
    probe.node.set_parameters([parameter])
    graph.parameters = {
        'deployment': str(tmp_path / 'deployment.yaml'),
        'use_sim_time': 'true',
        'real_time_factor': str(PACE),
    }
    return probe


def now_s(probe: 'Probe') -> float:
    """Simulated time, by what the arm measured last [s]."""
    return probe.samples[-1].time_s


def let_pass(probe: 'Probe', seconds: float) -> None:
    """Let simulated time pass."""
    end_s = now_s(probe) + seconds
    probe.until(lambda: now_s(probe) > end_s, 'time goes on')


def swing(probe: 'Probe') -> None:
    """Have the arm at speed on its way to the farther side; again where a busy machine held it."""
    home = np.array(probe.robot.home)
    for _ in range(ATTEMPTS):
        probe.arm()
        start, start_s = probe.q.copy(), now_s(probe)
        way = max((home + SIDE - start, home - SIDE - start), key=lambda way: abs(way[0]))
        duration_s = float(abs(way[0])) * np.pi / 2 / SPEED
        while now_s(probe) - start_s < duration_s / 2:
            t = np.minimum((now_s(probe) - start_s + np.arange(20) * 0.05) / duration_s, 1)
            probe.send(start + (1 - np.cos(np.pi * t))[:, None] / 2 * way)
            probe.spin(0.2)
            if probe.samples[-1].speed > 0.8 * SPEED:
                return
        let_pass(probe, WATCH_S)
    pytest.fail(f'the arm never came to speed: {probe.status.text}')


def measure(probe: 'Probe', since_s: float) -> Stop:
    """Watch the arm come to rest."""
    let_pass(probe, WATCH_S)
    before = next(s for s in reversed(probe.samples) if s.time_s <= since_s)
    after = [s for s in probe.samples if s.time_s > since_s]
    speeds = np.max([s.speeds for s in after], axis=0)
    tail = brake(State(before.positions, speeds, np.zeros_like(speeds)), 0, probe.limits)
    ahead_s = probe.robot.timing.lead_s + probe.robot.timing.commit_s + TICK_S
    points = probe.kinematics.tool_positions(np.array([s.positions for s in (before, *after)]))
    pairs = [(a.time_s, b.time_s) for a, b in itertools.pairwise((before, *after))]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    fastest = max(step / (b - a) for step, (a, b) in zip(steps, pairs, strict=True))
    moving = [s.time_s for s in after if s.speed > STANDSTILL]
    return Stop(
        standstill_s=moving[-1] - since_s if moving else 0.0,
        joints=np.abs(after[-1].positions - before.positions),
        tool_m=float(steps.sum()),
        planned_s=ahead_s + tail.end_ns / NS,
        planned=speeds * (ahead_s + LATENCY_S) + np.abs(tail.q[-1] - before.positions),
        planned_tool_m=float(fastest) * (ahead_s + LATENCY_S + tail.end_ns / NS),
    )


@pytest.mark.parametrize('kind', list(ArmControllerKind))
def test_the_arm_comes_to_rest(
    graph: 'Graph', moved: 'Probe', tmp_path: Path, kind: ArmControllerKind
) -> None:
    """Within the time and distance that its limits ask for: asked, suspended, and killed."""
    write_deployment(tmp_path / 'deployment.yaml', kind, HEARTBEAT_TIMEOUT_S)
    graph.start('sim_node', 'safety_node', 'guard_node')
    moved.stand_in('policy_node', 'instruction_node')
    moved.give_task('swing')
    stop = moved.node.create_client(Trigger, topics.SAFETY_STOP)

    swing(moved)
    stop.call_async(Trigger.Request())
    asked = measure(moved, now_s(moved))
    asked.assert_bounded()
    assert moved.status.state == SafetyStatus.PROTECTIVE_STOP

    swing(moved)
    graph.signal('safety_node', signal.SIGSTOP)
    suspended = measure(moved, now_s(moved))
    suspended.assert_bounded()
    rested = moved.q
    graph.signal('safety_node', signal.SIGCONT)
    measure(moved, now_s(moved))
    assert moved.q == pytest.approx(rested, abs=1e-3)

    swing(moved)
    graph.signal('safety_node', signal.SIGKILL)
    killed = measure(moved, now_s(moved))
    killed.assert_bounded()
    moved.assert_within_limits()
    moved.assert_without_jumps()


def test_a_starved_safety_node_leaves_an_arm_without_jolts(
    graph: 'Graph', moved: 'Probe', tmp_path: Path
) -> None:
    """It gets a quarter of its time: the guard says most setpoints, and the arm comes to rest."""
    kind = ArmControllerKind.FORWARD_POSITION
    write_deployment(tmp_path / 'deployment.yaml', kind, HEARTBEAT_TIMEOUT_S)
    graph.start('sim_node', 'safety_node', 'guard_node')
    moved.stand_in('policy_node', 'instruction_node')
    moved.give_task('swing')
    swing(moved)
    for _ in range(15):
        graph.signal('safety_node', signal.SIGSTOP)
        moved.spin(0.06)
        graph.signal('safety_node', signal.SIGCONT)
        moved.spin(0.02)
    let_pass(moved, WATCH_S)
    assert not moved.moving()
    moved.assert_within_limits()
    moved.assert_without_jumps()
