# SPDX-License-Identifier: Apache-2.0
"""A message in anybody's joint order → a trajectory in the controller's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vla_sim.controllers.motion import Motion, Vector
from vla_sim.controllers.trajectory import Trajectory
from vla_sim.controllers.trajectory_message import TrajectoryMessage, TrajectoryPoint


class JointOrder:
    """Fills joints that a message leaves out and sorts the rest.

    A name given twice is not noticed by the real controller: the joint it displaces gets whatever
    the sorting left in that place before, from another row or another field. So it does here.

    Args:
        joints: The controller's, in its order.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        """Start with zeros in the place that rows are sorted in."""
        self._joints = tuple(joints)
        self._left_over: Vector = np.zeros(len(self._joints))

    def arrange(self, message: TrajectoryMessage, held: Vector) -> Trajectory:
        """A trajectory of all joints.

        Args:
            message: One that was not refused.
            held: Positions for joints that the message leaves out [rad or m].
        """
        names = message.joint_names
        missing = [i for i, joint in enumerate(self._joints) if joint not in names]
        if len(names) == len(self._joints):
            missing = []  # complete by count, and the count is all that is looked at
        places = np.array([*map(self._joints.index, names), *missing], dtype=np.intp)
        points = [self._sort(point, places, held[missing]) for point in message.points]
        offsets_ns = [point.time_from_start_ns for point in message.points]
        return Trajectory(message.stamp_ns, offsets_ns, points)

    def _sort(self, point: TrajectoryPoint, places: NDArray[np.intp], held: Vector) -> Motion:
        still = np.zeros_like(held)
        positions = self._row(point.positions, places, held)
        velocities = self._row(point.velocities, places, still) if point.velocities else None
        given = bool(point.accelerations)
        accelerations = self._row(point.accelerations, places, still) if given else None
        return Motion(positions, velocities, accelerations)

    def _row(self, values: Sequence[float], places: NDArray[np.intp], rest: Vector) -> Vector:
        row = np.concatenate([np.array(values, dtype=np.float64), rest])
        if len(places) != len(self._joints):
            return row[: len(self._joints)]  # too many names to sort: taken as they stand
        self._left_over[places] = row
        return self._left_over.copy()
