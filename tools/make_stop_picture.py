# SPDX-License-Identifier: Apache-2.0
"""Draws two stops, commanded against actual: the safety node dies; something is in the way.

The real filter, the stand-in for joint_trajectory_controller and the simulated arm's physics run in
one process, in plain time:

.venv/bin/python -m tools.make_stop_picture docs/images/stop.png
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vla_bridge.resources import config_file
from vla_contract.action import ActionChunk, ActionSpace
from vla_contract.deployment import Deployment, load_deployment
from vla_safety.avoidance import Avoidance
from vla_safety.collision.arms import Arm
from vla_safety.collision.checker import Margin
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.measured import Instant
from vla_safety.mode import Mode
from vla_safety.motion import NS, Motion
from vla_safety.surroundings import surroundings
from vla_safety.watch import Watch
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.motion import Motion as ControllerMotion
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint
from vla_sim.simulator import Simulator

Array = NDArray[np.float64]
STEP_NS, CYCLE_NS, TICK_NS = 2_000_000, 10_000_000, 20_000_000
START_NS = 1_000 * NS
TURN_RAD, TURN_S, ROW_S = (-0.7, 0.35, -0.1, 0.0, 0.0, 0.0), 2.0, 0.05
DIES_S = 0.9
SHOWN_S = 2.4
REACH = Margin(1.0)
INK, ASKED, SENT, COMMANDED, ACTUAL = '#333333', '#999999', '#cfe3ec', '#3b6fb6', '#e07b39'
RED = '#c0392b'


@dataclass
class Record:
    """What happened, from the instruction on.

    Attributes:
        times: Of controller cycles [s].
        commanded: Setpoints of the controller.
        actual: Joints of the simulated arm.
        sent: Messages, and when.
        asked: The policy's rows and their times.
        finding: Why the filter stopped, empty where it did not.
    """

    times: list[float] = field(default_factory=list)
    commanded: list[Array] = field(default_factory=list)
    actual: list[Array] = field(default_factory=list)
    sent: list[tuple[float, Motion]] = field(default_factory=list)
    asked: tuple[Array, Array] = (np.empty(0), np.empty((0, 0)))
    finding: str = ''


class Stage:
    """Filter, controller and arm on one clock."""

    def __init__(self, deployment: Deployment) -> None:
        """Put the arm at its home, armed."""
        robot = self.robot = deployment.robot
        self.simulator = Simulator(robot, deployment.robot_path)
        self.simulator.reset(0)
        self.now_ns, q = START_NS - TICK_NS, self.simulator.joint_positions()
        self.kinematics = Kinematics(robot, deployment.urdf_path)
        self.checker = EmbeddedChecker(Arm(robot, deployment.urdf_path, deployment.srdf_path))
        avoidance = Avoidance(self.checker, robot, surroundings(robot, deployment.robot_path))
        watch = Watch({}, robot.timing.heartbeat_timeout_s)
        self.filter = MotionFilter(robot, self.kinematics, TICK_NS / NS, watch, avoidance)
        self.controller = JointTrajectoryController(robot.joint_names, CYCLE_NS, _still(q))
        self.record = Record()
        self._measure()
        self.filter.arm(self._now())
        self.filter.set_task('task')

    def play(self, dies_s: float) -> Record:
        """One chunk; the safety node dies at a time."""
        self.now_ns = START_NS
        self._measure()
        chunk = self._chunk()
        self.filter.on_chunk(chunk, self._now())
        for step in range(1, round(SHOWN_S * NS / STEP_NS)):
            self.now_ns = START_NS + step * STEP_NS
            self.simulator.step()
            if self.now_ns % CYCLE_NS == 0:
                self._cycle((self.now_ns - START_NS) / NS, dies_s)
        self.record.finding = self.filter.finding.text
        return self.record

    def _cycle(self, at_s: float, dies_s: float) -> None:
        q = np.asarray(
            self.controller.update(self.now_ns, _still(self.simulator.joint_positions()))
        )
        self.simulator.command_arm(q)
        self.record.times.append(at_s)
        self.record.commanded.append(q)
        self.record.actual.append(self.simulator.joint_positions())
        if self.now_ns % TICK_NS or at_s > dies_s:
            return
        self._measure()
        motion = self.filter.tick(self._now()).motion
        if motion is not None:
            self.record.sent.append((at_s, motion))
            self.controller.submit(_message(self.robot.joint_names, motion), self.now_ns)

    def _chunk(self) -> ActionChunk:
        count = round(TURN_S / ROW_S) + 1
        share = np.linspace(0, 1, count)[:, None]
        turn = np.array(TURN_RAD)
        eased = share**3 * (10 - 15 * share + 6 * share**2)
        rows = self.simulator.joint_positions() + turn * eased
        self.record.asked = (np.arange(count, dtype=np.float64) * ROW_S, rows)
        return ActionChunk(
            session='s',
            sequence=1,
            task_id='task',
            observation_stamp_ns=self.now_ns,
            start_ns=self.now_ns,
            step_s=ROW_S,
            space=ActionSpace.JOINT_POSITION,
            columns=self.robot.joint_names,
            units=tuple(str(joint.unit) for joint in self.robot.joints),
            frame=self.robot.base_frame,
            values=rows,
        )

    def _measure(self) -> None:
        names = self.robot.joint_names
        positions = dict(zip(names, self.simulator.joint_positions().tolist(), strict=True))
        velocities = dict(zip(names, self.simulator.joint_velocities().tolist(), strict=True))
        self.filter.measured.update(positions, velocities, self.now_ns, self._now())

    def _now(self) -> Instant:
        return Instant(self.now_ns, self.now_ns)


def _still(q: Array) -> ControllerMotion:
    return ControllerMotion(q, np.zeros_like(q), np.zeros_like(q))


def _message(names: tuple[str, ...], motion: Motion) -> TrajectoryMessage:
    points = tuple(
        TrajectoryPoint(
            time_from_start_ns=int(t) - motion.start_ns,
            positions=tuple(q.tolist()),
            velocities=tuple(v.tolist()),
            accelerations=tuple(a.tolist()),
        )
        for t, q, v, a in zip(motion.times_ns, motion.q, motion.v, motion.a, strict=True)
    )
    return TrajectoryMessage(stamp_ns=motion.start_ns, joint_names=names, points=points)


def draw(axes: list[Axes], stage: Stage, dies_s: float, title: str) -> str:
    """One stop, and its figures in words."""
    record = stage.play(dies_s)
    times = np.array(record.times)
    commanded, actual = np.array(record.commanded), np.array(record.actual)
    sent_s, motion = record.sent[-1]
    position, speed, near = axes
    position.set_title(title, fontsize=10, fontweight='bold', loc='left', color=INK)
    _draw_sent(axes, motion, sent_s)
    position.plot(*_pan(*record.asked), '.', color=ASKED, ms=4, label='rows of the policy')
    position.plot(times, commanded[:, 0], color=COMMANDED, lw=2.2, label='commanded')
    position.plot(times, actual[:, 0], color=ACTUAL, lw=1.2, label='actual')
    position.set_ylabel('shoulder pan [rad]')
    position.legend(fontsize=7, frameon=False, loc='lower left')
    for q, colour, width in ((commanded, COMMANDED, 2.2), (actual, ACTUAL, 1.2)):
        points = stage.kinematics.tool_positions(q)
        tool = np.linalg.norm(np.diff(points, axis=0), axis=1) / (CYCLE_NS / NS)
        speed.plot(times[1:], tool, color=colour, lw=width)
        near.plot(times, _clearances(stage, q) * 1e3, color=colour, lw=width)
    speed.set_ylabel('speed of the tool [m/s]')
    near.set_ylabel('distance to the post [mm]')
    near.axhline(stage.robot.collision.margin * 1e3, color=RED, ls=(0, (6, 3)), lw=1.1)
    near.set_xlabel('time [s]')
    return _said(stage, record, times, actual, commanded, sent_s)


def _draw_sent(axes: list[Axes], motion: Motion, sent_s: float) -> None:
    """The last message: what of it was left to play, and its braking tail."""
    ends_s = (motion.end_ns - START_NS) / NS
    for axis in axes:
        axis.axvspan(sent_s, ends_s, color=SENT, lw=0, label='last message, to its end at rest')
        axis.axvline(sent_s, color=RED, lw=1.0)
        axis.grid(visible=True, color='#eeeeee', lw=0.6)
        axis.set_axisbelow(True)
        axis.set_xlim(0, SHOWN_S)
        axis.tick_params(labelsize=8)
        for side in ('top', 'right'):
            axis.spines[side].set_visible(False)


def _pan(times: Array, rows: Array) -> tuple[Array, Array]:
    shown = times <= SHOWN_S
    return times[shown], rows[shown, 0]


def _clearances(stage: Stage, joints: Array) -> Array:
    pair = [
        min(
            (
                contact.distance_m
                for contact in stage.checker.contacts(posture, REACH)
                if 'post' in contact.pair
            ),
            default=np.nan,
        )
        for posture in (stage.checker.layout.posture(q, 1.0) for q in joints)
    ]
    return np.array(pair)


def _said(
    stage: Stage, record: Record, times: Array, actual: Array, commanded: Array, sent_s: float
) -> str:
    moving = np.abs(np.diff(actual, axis=0)).max(axis=1) / (CYCLE_NS / NS) > 0.01
    rest_s = float(times[1:][moving][-1])
    points = stage.kinematics.tool_positions(actual)
    at = int(np.searchsorted(times, sent_s))
    travelled = float(np.linalg.norm(np.diff(points[at:], axis=0), axis=1).sum())
    off = float(np.abs(actual - commanded).max())
    least = float(np.nanmin(_clearances(stage, actual)))
    return (
        f'last message at {sent_s:.2f} s; at rest {rest_s - sent_s:.2f} s later, after '
        f'{travelled * 1e3:.0f} mm of the tool;\nactual within {off * 1e3:.1f} mrad of commanded; '
        f'{least * 1e3:.1f} mm from the post at the nearest'
        + (f'\n“{record.finding}”' if stage.filter.mode is Mode.HOLD else '')
    )


def main() -> None:
    """Draw both."""
    deployment = load_deployment(config_file('sim_cluttered'))
    figure = Figure(figsize=(12, 8), dpi=110, layout='constrained')
    columns = figure.subplots(3, 2, sharex=True, sharey='row')
    cases = ((DIES_S, 'The safety node is killed'), (SHOWN_S, 'A post is in the way'))
    for index, (dies_s, title) in enumerate(cases):
        said = draw(list(columns[:, index]), Stage(deployment), dies_s, title)
        columns[0, index].set_title(f'{title}\n{said}', fontsize=9, loc='left', color=INK)
        print(f'{title}: {said}')
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)
    print(f'{target}: {target.stat().st_size // 1024} kB')


if __name__ == '__main__':
    main()
