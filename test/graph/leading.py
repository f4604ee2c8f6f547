# SPDX-License-Identifier: Apache-2.0
"""How tests of faults move the arm, and see that it was stopped for good."""

from typing import TYPE_CHECKING

import numpy as np
from vla_control.msg import SafetyStatus

if TYPE_CHECKING:
    from test.graph.conftest import Probe

LATCHED = (SafetyStatus.PROTECTIVE_STOP, SafetyStatus.ESTOP, SafetyStatus.FAULT)
MOVING = (SafetyStatus.ACTIVE, SafetyStatus.SCALED)
SIDE = np.array([0.3, -0.12, 0.12, 0.06, 0.06, 0.3])


def lead(probe: 'Probe', seconds: float = 0.4) -> None:
    """Lead the arm to the farther side of its home, for a while: it is never led far away."""
    home = np.array(probe.robot.home)
    side = max((home + SIDE, home - SIDE), key=lambda goal: abs(goal[0] - probe.q[0]))
    share = np.linspace(0, 1, 30)[:, None]
    probe.send(probe.q + (side - probe.q) * share**2 * (3 - 2 * share))
    probe.spin(seconds)


def move(probe: 'Probe') -> None:
    """Have the arm in motion, armed again where it has to be."""
    if probe.status.state in LATCHED:
        probe.until(lambda: not probe.moving(), 'the arm stands')
        probe.arm()

    def moving() -> bool:
        lead(probe)
        return probe.moving() and probe.status.state in MOVING

    probe.until(moving, 'the arm moves')


def latched_by(probe: 'Probe', reason: str) -> None:
    """A latched stop for this reason, after which the arm rests."""
    probe.until(lambda: probe.status.reason == reason, reason)
    assert probe.status.state in LATCHED
    probe.until(lambda: not probe.moving(), 'the arm rests')
    probe.spin(0.3)
    rested = probe.q.copy()
    lead(probe)
    np.testing.assert_allclose(probe.q, rested, atol=0.01)
