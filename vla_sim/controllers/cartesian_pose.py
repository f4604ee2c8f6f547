# SPDX-License-Identifier: Apache-2.0
"""Stand-in for controllers that take a pose of the tool and find the joints themselves."""

from typing import Protocol

import numpy as np

from vla_contract.errors import VlaError
from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.refusal import CommandRefusedError
from vla_sim.inverse_kinematics import ToolPose


class PoseSolver(Protocol):
    """Inverse kinematics of the arm."""

    def solve(self, pose: ToolPose, seed: Vector) -> Vector:
        """Joint positions that put the tool there; raises VlaError where it cannot be."""


class CartesianPoseController:
    """Goes to the newest pose on the branch that it is on, no faster than the joints may be.

    There is no timeout: it stays at the last pose, and goes to a distant one at full speed.

    Args:
        solver: Of the arm.
        speeds: Greatest speed of each joint [rad/s].
        frame: The base frame, the only one that poses may be given in.
        period_ns: Time between cycles.
    """

    def __init__(self, solver: PoseSolver, speeds: Vector, frame: str, period_ns: int) -> None:
        """Command nothing until something comes."""
        self._solver, self._frame = solver, frame
        self._reach = speeds * period_ns * 1e-9
        self._pose: ToolPose | None = None
        self._position: Vector | None = None

    def submit(self, frame: str, pose: ToolPose) -> None:
        """Take a pose for the next cycle and all after it.

        Raises:
            CommandRefusedError: The old one stays.
        """
        if frame != self._frame:
            raise CommandRefusedError(f'a pose in {frame!r}, known is {self._frame!r}')
        if not (np.isfinite(pose.position).all() and np.isfinite(pose.rotation).all()):
            raise CommandRefusedError(f'a pose that is not finite: {pose.position.tolist()}')
        self._pose = pose

    def activate(self, measured: Motion) -> None:  # noqa: ARG002  joints stay as they are
        """Command nothing until something comes."""
        self._pose = self._position = None

    def deactivate(self) -> None:
        """Nothing ends: there are no goals."""

    def update(self, now_ns: int, measured: Motion) -> Vector | None:  # noqa: ARG002
        """Where the joints are to be [rad]; None while nothing has come."""
        if self._pose is None:
            return None
        start = measured.positions if self._position is None else self._position
        try:
            change = self._solver.solve(self._pose, start) - start
        except VlaError:
            change = np.zeros_like(start)
        excess = float(np.max(np.abs(change) / self._reach))
        self._position = start + change / max(1.0, excess)
        return self._position
