# SPDX-License-Identifier: Apache-2.0
"""Gathers what the picture of a run shows: from the session, the graph and the processes."""

import math
import time
from dataclasses import dataclass, field

from vla_bridge.demo.monitor import Monitor, Usage
from vla_bridge.demo.panel import NodeRow, SafetyRow, Snapshot
from vla_bridge.launching.complaints import Complaints
from vla_contract.robot import Robot

SAMPLE_S = 1.0
"""Time over which processor shares are measured."""


@dataclass
class Screen:
    """What is known at this moment.

    Attributes:
        title: What is running.
        robot: Whose joints are shown.
        nodes: Their names.
        step: What is being done now.
        instruction: In the user's words.
        sent: When it was sent [s, monotonic]; 0 while none is under way.
        recorded_mb: Size of the episode so far.
        states: Of the nodes' lifecycles.
        usage: Of the nodes' processes.
        monitor: What the graph says.
        complaints: What its nodes say is wrong.
    """

    title: str
    robot: Robot
    nodes: tuple[str, ...]
    step: str = ''
    instruction: str = ''
    sent: float = 0.0
    recorded_mb: float = 0.0
    states: dict[str, str] = field(default_factory=dict)
    usage: Usage | None = None
    monitor: Monitor | None = None
    complaints: Complaints | None = None
    _shares: dict[str, float] = field(default_factory=dict)
    _memory: dict[str, float] = field(default_factory=dict)
    _sample_at: float = 0.0

    def snapshot(self) -> Snapshot:
        """All of it, for one picture."""
        self._sample()
        monitor = self.monitor
        under_way = self.sent > 0
        return Snapshot(
            title=self.title,
            step=self.step,
            instruction=self.instruction,
            progress=monitor.progress if monitor is not None and under_way else math.nan,
            elapsed_s=time.monotonic() - self.sent if under_way else 0.0,
            held=monitor.held if monitor is not None else '',
            recorded_mb=self.recorded_mb,
            complaint=self.complaints.newest() if self.complaints is not None else '',
            nodes=tuple(self._node(name) for name in self.nodes),
            safety=self._safety(),
            velocities=self._velocities(),
        )

    def _sample(self) -> None:
        now = time.monotonic()
        if self.usage is not None and now >= self._sample_at:
            self._sample_at = now + SAMPLE_S
            self._shares, self._memory = self.usage.share(), self.usage.memory_mb()

    def _node(self, name: str) -> NodeRow:
        gone = self.usage is not None and self.usage.gone(name)
        return NodeRow(
            name,
            'stopped' if gone else self.states.get(name, ''),
            self._shares.get(name, 0.0),
            self._memory.get(name, 0.0),
        )

    def _velocities(self) -> dict[str, tuple[float, float]]:
        measured = self.monitor.velocities if self.monitor is not None else {}
        return {j.name: (measured.get(j.name, 0.0), j.velocity) for j in self.robot.joints}

    def _safety(self) -> SafetyRow:
        if self.monitor is None:
            return SafetyRow()
        status = self.monitor.status
        return SafetyRow(
            state=status.state_name,
            reason=status.reason,
            speed_scale=status.speed_scale,
            worst_limit=status.worst_limit,
            worst_ratio=status.worst_limit_ratio,
            clearance_mm=status.min_clearance * 1e3,
            nearest=' – '.join(filter(None, status.clearance_pair)),
            text=status.text if status.state_name == 'HOLD' else '',
            vet_ms=status.vet_latency * 1e3,
            end_to_end_ms=status.end_to_end_latency * 1e3,
            accepted=status.accepted,
            rejected=status.rejected,
            row=status.row,
            rows=status.rows,
        )
