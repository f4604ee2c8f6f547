# SPDX-License-Identifier: Apache-2.0
"""A deployment's motion filter, and the way out of it. Knows no ROS.

The safety node runs this, and so does `vla eval` in simulated time: what is evaluated is what runs.
"""

from collections.abc import Callable

from vla_contract.deployment import Deployment
from vla_safety.avoidance import Avoidance
from vla_safety.command import Command
from vla_safety.filter import MotionFilter
from vla_safety.kinematics import Kinematics
from vla_safety.motion import Motion
from vla_safety.reasons import Reason
from vla_safety.watch import Watch

TICK_HZ = 50.0
"""How often the filter is asked for motion."""
SILENT = {
    'policy_node': Reason.POLICY_SILENT,
    'instruction_node': Reason.INSTRUCTION_SILENT,
    'guard_node': Reason.GUARD_SILENT,
}
"""Whose heartbeats are awaited, and the reason to give where one is silent."""


def make_filter(deployment: Deployment, avoidance: Avoidance | None) -> MotionFilter:
    """The filter of a deployment's robot, disarmed.

    Args:
        deployment: Names robot file and URDF.
        avoidance: Collision checking for the same robot; None for none.
    """
    robot = deployment.robot
    return MotionFilter(
        robot,
        Kinematics(robot, deployment.urdf_path),
        1.0 / TICK_HZ,
        Watch(SILENT, robot.timing.heartbeat_timeout_s),
        avoidance,
    )


class Outlet:
    """Passes a filter's commands on to arm and gripper, unless it has become too late for them.

    Attributes:
        too_late: Commands that were not sent.
    """

    def __init__(
        self,
        motion_filter: MotionFilter,
        arm: Callable[[Motion], None],
        gripper: Callable[[float], None] | None,
        steady_ns: Callable[[], int],
    ) -> None:
        """Pass nothing on yet.

        Args:
            motion_filter: Is told what was not sent.
            arm: Takes motions.
            gripper: Takes positions of the gripper's joint; None where there is no gripper.
            steady_ns: The steady clock [ns].
        """
        self.too_late = 0
        self._filter, self._arm, self._gripper = motion_filter, arm, gripper
        self._steady_ns = steady_ns

    def send(self, command: Command) -> bool:
        """Send what a command holds; whether that was a motion."""
        if command.motion is None and command.gripper is None:
            return False
        if self._steady_ns() > command.latest_ns:
            self._filter.unsent()
            self.too_late += 1
            return False
        if command.motion is not None:
            self._arm(command.motion)
        if command.gripper is not None and self._gripper is not None:
            self._gripper(command.gripper)
        return command.motion is not None
