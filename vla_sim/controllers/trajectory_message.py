# SPDX-License-Identifier: Apache-2.0
"""A joint trajectory as it arrives, and which ones the controller refuses. Knows no motion."""

from collections.abc import Sequence
from dataclasses import dataclass

from vla_sim.controllers.refusal import CommandRefusedError

AT_REST = 2.0**-23
"""Final velocities up to this size count as zero: the resolution of a 32-bit float at one."""


@dataclass(frozen=True)
class TrajectoryPoint:
    """One row of a trajectory message; empty fields are not given.

    Attributes:
        time_from_start_ns: After the start of the trajectory.
        positions: By joint of the message [rad or m].
        velocities: The same [rad/s or m/s].
        accelerations: The same [rad/s² or m/s²].
        effort: The same [Nm or N]; a position controller takes none.
    """

    time_from_start_ns: int
    positions: tuple[float, ...]
    velocities: tuple[float, ...] = ()
    accelerations: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrajectoryMessage:
    """A trajectory message.

    Attributes:
        stamp_ns: Start of the trajectory; 0 for the cycle that first samples it.
        joint_names: Order of every row.
        points: Rows.
    """

    stamp_ns: int
    joint_names: tuple[str, ...]
    points: tuple[TrajectoryPoint, ...]

    @property
    def end_ns(self) -> int:
        """Time of the last row, where the stamp is not 0."""
        return self.stamp_ns + self.points[-1].time_from_start_ns


def refuse_bad_message(
    message: TrajectoryMessage,
    joints: Sequence[str],
    now_ns: int,
    *,
    allow_partial: bool,
    allow_final_velocity: bool,
) -> None:
    """Raise for what the controller checks. It checks no values: NaN, limits and jumps pass."""
    _refuse_names(message, joints, allow_partial=allow_partial)
    if not allow_final_velocity:
        _refuse_final_velocity(message)
    if message.stamp_ns != 0 and message.end_ns < now_ns:
        late_s = (now_ns - message.end_ns) * 1e-9
        raise CommandRefusedError(f'the trajectory ended {late_s:.3f} s ago')
    _refuse_times(message)
    for index, point in enumerate(message.points):
        _refuse_sizes(index, point, len(message.joint_names))


def _refuse_names(
    message: TrajectoryMessage, joints: Sequence[str], *, allow_partial: bool
) -> None:
    names = message.joint_names
    if not allow_partial and len(names) != len(joints):
        raise CommandRefusedError(f'{len(names)} joints named, the controller has {len(joints)}')
    if not names:
        raise CommandRefusedError('no joint is named')
    if not message.points:
        raise CommandRefusedError('there are no points')
    for name in names:
        if name not in joints:
            known = ', '.join(joints)
            raise CommandRefusedError(f'joint {name} is unknown; the controller has {known}')


def _refuse_final_velocity(message: TrajectoryMessage) -> None:
    for index, velocity in enumerate(message.points[-1].velocities):
        if abs(velocity) > AT_REST:
            raise CommandRefusedError(
                f'the last point moves: value {index} of its velocities is {velocity:g}, not 0'
            )


def _refuse_times(message: TrajectoryMessage) -> None:
    for index, (before, after) in enumerate(
        zip(message.points, message.points[1:], strict=False), start=1
    ):
        if after.time_from_start_ns <= before.time_from_start_ns:
            raise CommandRefusedError(
                f'point {index} at {after.time_from_start_ns * 1e-9:g} s does not come after '
                f'point {index - 1} at {before.time_from_start_ns * 1e-9:g} s'
            )


def _refuse_sizes(index: int, point: TrajectoryPoint, joints: int) -> None:
    if len(point.positions) != joints:
        raise CommandRefusedError(
            f'point {index} has {len(point.positions)} positions for {joints} joints'
        )
    for what, values in (('velocities', point.velocities), ('accelerations', point.accelerations)):
        if values and len(values) != joints:
            raise CommandRefusedError(f'point {index} has {len(values)} {what} for {joints} joints')
    if point.effort:
        raise CommandRefusedError(f'point {index} has effort, and this controller takes positions')
