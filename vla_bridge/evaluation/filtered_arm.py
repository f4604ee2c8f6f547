# SPDX-License-Identifier: Apache-2.0
"""The simulated arm behind the motion filter, as in the process graph, in simulated time.

The filter is driven as the safety node drives it: joint states and heartbeats when they arrive, a
tick fifty times a second, chunks when they come. What it answers goes to the controllers of the
simulated arm.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vla_bridge.evaluation.delays import Delays
from vla_bridge.evaluation.interventions import Interventions
from vla_bridge.evaluation.timeline import NS, Timeline
from vla_bridge.filtering import SILENT, TICK_HZ, Outlet
from vla_bridge.simulation.direct import direct_trajectory
from vla_bridge.simulation.simulated_robot import Reading, SimulatedRobot
from vla_contract.action import ActionChunk
from vla_contract.errors import VlaError
from vla_contract.robot import Robot
from vla_safety.filter import MotionFilter
from vla_safety.measured import Instant
from vla_safety.motion import Motion
from vla_safety.reasons import RefusedError
from vla_sim.controllers.forward_position import ForwardPositionController
from vla_sim.controllers.joint_trajectory import JointTrajectoryController
from vla_sim.controllers.refusal import CommandRefusedError


class FilteredArm:
    """One arm for one episode.

    Attributes:
        interventions: Of the filter, so far.
        refused: Motions that the controller refused.
        positions: Of the joints in every cycle [rad].
        velocities: The same [rad/s].
    """

    def __init__(
        self,
        motion_filter: MotionFilter,
        robot: SimulatedRobot,
        timeline: Timeline,
        delays: Delays,
        on_cycle: Callable[[], None],
    ) -> None:
        """Let the arm hold where it is, and the filter look, from now on.

        Args:
            motion_filter: Of the same robot, disarmed.
            robot: Just laid out.
            timeline: At 0, as the simulator's time.
            delays: Between what would be processes.
            on_cycle: Called after each cycle of the arm.
        """
        self._filter, self._robot, self._timeline = motion_filter, robot, timeline
        self._delays, self._on_cycle = delays, on_cycle
        self._arm, self._gripper = controllers(robot)
        self._spec = robot.simulator.robot
        self._outlet = Outlet(motion_filter, self._send, self._grip, lambda: timeline.now_ns)
        self.interventions = Interventions(motion_filter)
        self.refused = 0
        self.positions: list[NDArray[np.float64]] = []
        self.velocities: list[NDArray[np.float64]] = []
        timeline.every(robot.period_ns, robot.period_ns, self._cycle)
        tick_ns = round(NS / TICK_HZ)
        timeline.every(tick_ns, tick_ns + robot.period_ns // 2, self._tick)

    @property
    def now(self) -> Instant:
        """Both clocks are the same here."""
        return Instant(self._timeline.now_ns, self._timeline.now_ns)

    def allow_motion(self) -> None:
        """Arm the filter, as a person would.

        Raises:
            RefusedError: Nothing may move.
        """
        state = self._arm.state
        if state is not None:
            told = dict(zip(self._arm.joints, state.reference.positions.tolist(), strict=True))
            self._filter.oversight.told.hear(lambda: told, self.now)
        self._filter.arm(self.now)

    def set_task(self, task_id: str | None) -> None:
        """Follow the chunks of this task only; of none where there is none."""
        with self.interventions.noted():
            self._filter.set_task(task_id)

    def take(self, chunk: ActionChunk) -> None:
        """A chunk arrives."""
        with self.interventions.noted():
            try:
                asked = self._filter.on_chunk(chunk, self.now)
            except RefusedError:
                return
            self.interventions.accepted(clipped=bool(asked.clipped))

    def stopped(self) -> str:
        """Why nothing moves any more; empty as long as it may."""
        finding = self._filter.finding
        return f'{finding.reason}: {finding.text}' if self._filter.mode.latched else ''

    def _cycle(self) -> None:
        """The arm moves on, and says where it is."""
        reading = self._robot.run_cycle(self._timeline.now_ns)
        self.positions.append(reading.arm.positions)
        self.velocities.append(_velocities(reading))
        stamp_ns = self._timeline.now_ns
        self._timeline.after(self._delays.joint_states_s, lambda: self._hear(reading, stamp_ns))
        self._on_cycle()

    def _hear(self, reading: Reading, stamp_ns: int) -> None:
        """A joint state arrives, and signs of life with it."""
        names = self._spec.joint_names
        finger = self._robot.gripper_spec.joint
        positions = dict(zip(names, reading.arm.positions.tolist(), strict=True))
        velocities = dict(zip(names, _velocities(reading).tolist(), strict=True))
        positions[finger] = float(reading.gripper.positions[0])
        self._filter.measured.update(positions, velocities, stamp_ns, self.now)
        for name in SILENT:
            self._filter.oversight.watch.heard(name, self._timeline.now_ns)

    def _tick(self) -> None:
        with self.interventions.noted():
            self._outlet.send(self._filter.tick(self.now))

    def _send(self, motion: Motion) -> None:
        self._later(lambda: self._submit(motion))

    def _submit(self, motion: Motion) -> None:
        message = direct_trajectory(self._spec.joint_names, motion)
        try:
            self._arm.submit(message, self._timeline.now_ns)
        except CommandRefusedError:
            self.refused += 1

    def _grip(self, position: float) -> None:
        self._later(lambda: self._gripper.submit([position]))

    def _later(self, arrive: Callable[[], None]) -> None:
        self._timeline.after(self._delays.command_s, arrive)


def controllers(
    robot: SimulatedRobot,
) -> tuple[JointTrajectoryController, ForwardPositionController]:
    """Those of arm and gripper.

    Raises:
        VlaError: They are of other kinds.
    """
    arm, gripper = robot.arm, robot.gripper
    if not isinstance(arm, JointTrajectoryController):
        raise _unlike(robot.simulator.robot, f'controller.kind {_kind(robot)}', 'joint_trajectory')
    if not isinstance(gripper, ForwardPositionController):
        kind = f'gripper.kind {robot.gripper_spec.kind}'
        raise _unlike(robot.simulator.robot, kind, 'forward_position')
    return arm, gripper


def _kind(robot: SimulatedRobot) -> str:
    return str(robot.simulator.robot.controller.kind)


def _unlike(robot: Robot, found: str, wanted: str) -> VlaError:
    return VlaError(
        f'{robot.name} has {found}; an evaluation drives {wanted}, and where motion is sent does '
        'not change what a policy can do: override it in the deployment'
    )


def _velocities(reading: Reading) -> NDArray[np.float64]:
    found = reading.arm.velocities
    if found is None:
        raise VlaError('the simulated arm told no velocities')
    return found
